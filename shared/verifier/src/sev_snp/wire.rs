//! Evidence and endorsements of this kind as they travel: CBOR maps of byte strings, in the one deterministic encoding
//! (RFC 8949 section 4.2.1), and nothing behind them.
//!
//! - Evidence: `{1: report, ? 2: SubjectPublicKeyInfo}`. The key is there where the suite has one in the evidence.
//! - Endorsements: `{1: VCEK or VLEK, 2: ASK or ASVK, ? 3: the ARK's revocation list}`, each DER. The ARK is pinned and
//!   never sent.

use minicbor::{Decoder, Encoder};

/// Greatest length of evidence, in bytes: a report, a key of 1,024 bytes, and what is around them.
pub const MAX_EVIDENCE: usize = 2304;

/// Greatest length of a key in the evidence, in bytes.
pub const MAX_KEY: usize = 1024;

/// Greatest length of endorsements, in bytes.
pub const MAX_ENDORSEMENTS: usize = 64 * 1024;

/// The report and the key of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// As the firmware made it.
    pub report: &'a [u8],
    /// SubjectPublicKeyInfo, where the suite has a key in the evidence.
    pub public_key: Option<&'a [u8]>,
}

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

/// Bytes that are not the map that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// More bytes than are read.
    #[error("has {len} bytes, at most {max} are read")]
    TooLarge {
        /// Length in bytes.
        len: usize,
        /// The greatest.
        max: usize,
    },
    /// Not a map of byte strings in deterministic CBOR.
    #[error("is not one map of byte strings in deterministic CBOR")]
    Encoding,
    /// Other keys than are due.
    #[error("has other keys than those that are due")]
    Keys,
}

impl<'a> Evidence<'a> {
    /// Reads the map.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, WireError> {
        match *read(bytes, MAX_EVIDENCE)? {
            [(1, report)] => Ok(Self {
                report,
                public_key: None,
            }),
            // Without a key the length is bound as 0, so an empty one must not be another way to say so.
            [(1, report), (2, key)] if (1..=MAX_KEY).contains(&key.len()) => Ok(Self {
                report,
                public_key: Some(key),
            }),
            _ => Err(WireError::Keys),
        }
    }

    /// Writes the map.
    pub fn encode(&self) -> Vec<u8> {
        let key = self.public_key.map(|key| (2, key));
        write(
            &[Some((1, self.report)), key]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
        )
    }
}

impl<'a> Endorsements<'a> {
    /// Reads the map.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (leaf, intermediate, crl) = match *read(bytes, MAX_ENDORSEMENTS)? {
            [(1, leaf), (2, intermediate)] => (leaf, intermediate, None),
            [(1, leaf), (2, intermediate), (3, crl)] => (leaf, intermediate, Some(crl)),
            _ => return Err(WireError::Keys),
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
        write(&entries)
    }
}

/// The entries of the one map. That it is encoded again and compared makes the encoding the only one: keys in order and
/// once each, lengths in their shortest form and definite, nothing behind.
fn read(bytes: &[u8], max: usize) -> Result<Vec<(u8, &[u8])>, WireError> {
    if bytes.len() > max {
        let len = bytes.len();
        return Err(WireError::TooLarge { len, max });
    }
    let entries = entries(bytes).ok_or(WireError::Encoding)?;
    let is_sorted = entries.is_sorted_by(|(one, _), (next, _)| one < next);
    match is_sorted && write(&entries) == bytes {
        true => Ok(entries),
        false => Err(WireError::Encoding),
    }
}

fn entries(bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut decoder = Decoder::new(bytes);
    let count = decoder.map().ok()??;
    // An entry takes two bytes at least, so a count that is a lie ends at the end of the bytes.
    (0..count)
        .map(|_| Some((decoder.u8().ok()?, decoder.bytes().ok()?)))
        .collect()
}

fn write(entries: &[(u8, &[u8])]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let written = encoder.map(entries.len() as u64).and_then(|encoder| {
        entries.iter().try_fold(encoder, |encoder, (key, value)| {
            encoder.u8(*key)?.bytes(value)
        })
    });
    match written {
        Ok(_) => encoder.into_writer(),
        Err(error) => unreachable!("a Vec takes every byte: {error}"),
    }
}
