//! Evidence and endorsements of this kind as they travel: CBOR maps of byte strings, in the one deterministic encoding
//! (RFC 8949 section 4.2.1), and nothing behind them.
//!
//! - Evidence: [`Evidence`](sealnote_evidence::Evidence) with a report, and a key where the suite has one in the evidence.
//! - Endorsements: `{1: VCEK or VLEK, 2: ASK or ASVK, ? 3: the ARK's revocation list}`, each DER. The ARK is pinned and
//!   never sent.

use sealnote_evidence::{Evidence, MapError, map};

/// Greatest length of evidence, in bytes: a report, a key of 1,024 bytes, and what is around them.
pub const MAX_EVIDENCE: usize = 2304;

/// Greatest length of endorsements, in bytes.
pub const MAX_ENDORSEMENTS: usize = 64 * 1024;

/// What AMD signed about the chip, each DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endorsements<'a> {
    /// VCEK or VLEK.
    pub leaf: &'a [u8],
    /// ASK or ASVK.
    pub intermediate: &'a [u8],
    /// The ARK's revocation list.
    pub crl: Option<&'a [u8]>,
}

/// A report, and a key where there is one.
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

impl<'a> Endorsements<'a> {
    /// Reads the map.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, MapError> {
        let (leaf, intermediate, crl) = match *map::read(bytes, MAX_ENDORSEMENTS)? {
            [(1, leaf), (2, intermediate)] => (leaf, intermediate, None),
            [(1, leaf), (2, intermediate), (3, crl)] => (leaf, intermediate, Some(crl)),
            _ => return Err(MapError::Keys),
        };
        Ok(Self {
            leaf,
            intermediate,
            crl,
        })
    }

    /// Writes the map.
    pub fn encode(&self) -> Vec<u8> {
        let mut entries = vec![(1, self.leaf), (2, self.intermediate)];
        entries.extend(self.crl.map(|crl| (3, crl)));
        map::write(&entries)
    }
}
