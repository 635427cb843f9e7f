//! Only the check makes an appraisal.

use sealnote_protocol::claims::Claims;
use sealnote_session::Appraised;
use sealnote_verifier::Facts;

fn forged(facts: Facts, claims: Claims) -> Appraised {
    Appraised {
        facts,
        claims,
        log: Default::default(),
    }
}

fn main() {}
