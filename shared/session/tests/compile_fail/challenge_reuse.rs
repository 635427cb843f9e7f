//! A challenge is answered once: the check takes it.

use sealnote_protocol::task::ModelClaims;
use sealnote_session::{Challenge, Evidence};
use sealnote_verifier::{Policy, TrustRoots, UnixTime};

fn twice(
    policy: &Policy,
    roots: &TrustRoots,
    now: UnixTime,
    challenge: Challenge,
    answers: [Evidence; 2],
) {
    for answer in answers {
        let _ = answer.verify::<ModelClaims>(challenge, policy, roots, now);
    }
}

fn main() {}
