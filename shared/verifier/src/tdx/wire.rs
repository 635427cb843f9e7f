//! Evidence of this kind as it travels: [`Evidence`] with a quote, a key where the suite has one in the evidence, and the
//! event log where there is one. Endorsements are Intel's collateral as JSON, in the shape that dcap-qvl and the tools
//! around it write (`QuoteCollateralV3`).

use sealnote_evidence::{Evidence, MAX_KEY, MapError};

use super::quote::MAX_QUOTE;

/// Greatest length of endorsements, in bytes.
pub const MAX_ENDORSEMENTS: usize = 64 * 1024;

/// Greatest length of an event log in evidence, in bytes: genuine ones have some 20,000 without the filler behind them,
/// which an attester does not send.
const MAX_SENT_LOG: usize = 64 * 1024;

/// Greatest length of evidence, in bytes: quote, key and event log, and what is around them.
pub const MAX_EVIDENCE: usize = MAX_QUOTE + MAX_KEY + MAX_SENT_LOG + 64;

/// A quote, and key and event log where there are any.
pub(super) fn evidence(bytes: &[u8]) -> Result<Evidence<'_>, MapError> {
    match Evidence::decode(bytes, MAX_EVIDENCE)? {
        evidence @ Evidence { vtpm: None, .. } => Ok(evidence),
        _ => Err(MapError::Keys),
    }
}
