//! Only the check makes verified evidence.

use sealnote_protocol::session::Transcript;
use sealnote_protocol::suite::PublicKey;
use sealnote_session::{Appraised, VerifiedEvidence};

fn forged(appraised: Appraised, key: PublicKey) -> VerifiedEvidence {
    VerifiedEvidence {
        appraised,
        key,
        transcript: Transcript::new(),
    }
}

fn main() {}
