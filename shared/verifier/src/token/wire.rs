//! Evidence and endorsements of this kind as they travel.
//!
//! - Evidence: [`Evidence`](sealnote_evidence::Evidence) with the token's text, and a key where the suite has one in the
//!   evidence.
//! - Endorsements: the issuer's key set (RFC 7517) or its root certificate in PEM, to the byte as the policy pins it. So
//!   whoever carries it need not be trusted.

use sealnote_evidence::{Evidence, MAX_KEY, MapError};

use super::jws::MAX_TOKEN;

/// Greatest length of evidence, in bytes: a token, a key, and what is around them.
pub const MAX_EVIDENCE: usize = MAX_TOKEN + MAX_KEY + 16;

/// Greatest length of endorsements, in bytes.
pub const MAX_ENDORSEMENTS: usize = 64 * 1024;

/// The number of this kind, which the binding holds.
pub(super) const KIND: u16 = 5;

/// A token, and a key where there is one.
pub(super) fn evidence(bytes: &[u8]) -> Result<Evidence<'_>, MapError> {
    match Evidence::decode(bytes, MAX_EVIDENCE)? {
        evidence @ Evidence {
            event_log: None,
            vtpm: None,
            ..
        } => Ok(evidence),
        _ => Err(MapError::Keys),
    }
}
