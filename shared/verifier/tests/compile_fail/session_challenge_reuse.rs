//! A challenge is answered once: the check takes it.

use sealnote_verifier::evidence::{Challenge, Evidence};
use sealnote_verifier::{Policy, TrustRoots, UnixTime};

fn twice(
    policy: &Policy,
    roots: &TrustRoots,
    now: UnixTime,
    challenge: Challenge,
    answers: [Evidence; 2],
) {
    for answer in answers {
        let _ = policy.verify(answer, challenge, roots, now);
    }
}

fn main() {}
