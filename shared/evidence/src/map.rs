//! Maps of byte strings under small numbers, in the one deterministic encoding of CBOR (RFC 8949 section 4.2.1).

use minicbor::{Decoder, Encoder};

/// Bytes that are not the map that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
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

/// Reads the one map and nothing behind it, of at most `max` bytes. That it is encoded again and compared makes the encoding the only one: keys in order and
/// once each, lengths in their shortest form and definite.
///
/// # Errors
///
/// [`MapError`]: too many bytes, or another encoding.
pub fn read(bytes: &[u8], max: usize) -> Result<Vec<(u8, &[u8])>, MapError> {
    if bytes.len() > max {
        let len = bytes.len();
        return Err(MapError::TooLarge { len, max });
    }
    let entries = entries(bytes).ok_or(MapError::Encoding)?;
    let is_sorted = entries.is_sorted_by(|(one, _), (next, _)| one < next);
    match is_sorted && write(&entries) == bytes {
        true => Ok(entries),
        false => Err(MapError::Encoding),
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

/// Writes the map of these entries, whose keys ascend.
pub fn write(entries: &[(u8, &[u8])]) -> Vec<u8> {
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
