//! X2 and X12: one well-formed CBOR item, not nested too deeply, before anything is interpreted.

use std::fmt;

use minicbor::Decoder;
use minicbor::data::Type;

use crate::check::Check;
use crate::nitro::checks;

use super::{MAX_DOCUMENT, MAX_NESTING};

/// Which CBOR item of the document is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The COSE_Sign1 array, the whole input.
    Envelope,
    /// The map within its payload.
    Payload,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Envelope => "document",
            Self::Payload => "payload",
        })
    }
}

/// The input is not one CBOR item within the limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// X12: more bytes than are read.
    #[error(
        "the document has {len} bytes, at most {max} are read; is this an attestation document?",
        max = MAX_DOCUMENT
    )]
    TooLarge {
        /// Length of the input in bytes.
        len: usize,
    },
    /// X12: arrays, maps or tags nested too deeply.
    #[error("the {layer} is nested deeper than {max} levels", max = MAX_NESTING)]
    TooDeep {
        /// The item at fault.
        layer: Layer,
    },
    /// X2: not CBOR, or cut short.
    #[error("the {layer} is not well-formed CBOR, or is cut short, at byte {offset}")]
    Malformed {
        /// The item at fault.
        layer: Layer,
        /// Where reading stopped, in bytes from the item's start.
        offset: usize,
    },
    /// X2: a string in pieces.
    #[error("the {layer} has a string in pieces (indefinite length) at byte {offset}")]
    Chunked {
        /// The item at fault.
        layer: Layer,
        /// Where the string starts, in bytes from the item's start.
        offset: usize,
    },
    /// X2: bytes after the item.
    #[error("{extra} bytes follow the {layer}; it must be one CBOR item and nothing else")]
    Trailing {
        /// The item at fault.
        layer: Layer,
        /// Number of bytes too many.
        extra: usize,
    },
}

impl StructureError {
    /// The step of the checklist that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::TooLarge { .. } | Self::TooDeep { .. } => checks::X12,
            Self::Malformed { .. } | Self::Chunked { .. } | Self::Trailing { .. } => checks::X2,
        }
    }
}

/// Checks that `bytes` is exactly one well-formed item of at most [`MAX_NESTING`] levels.
///
/// Walks the item without allocating: a declared length only bounds a loop that ends with the
/// input.
pub(super) fn check_one_item(bytes: &[u8], layer: Layer) -> Result<(), StructureError> {
    let mut decoder = Decoder::new(bytes);
    walk(&mut decoder, layer, 0)?;
    match bytes.len() - decoder.position() {
        0 => Ok(()),
        extra => Err(StructureError::Trailing { layer, extra }),
    }
}

fn walk(decoder: &mut Decoder<'_>, layer: Layer, depth: usize) -> Result<(), StructureError> {
    let offset = decoder.position();
    let malformed = |_: minicbor::decode::Error| StructureError::Malformed { layer, offset };
    let within = |depth: usize| match depth {
        MAX_NESTING => Err(StructureError::TooDeep { layer }),
        _ => Ok(depth + 1),
    };
    match decoder.datatype().map_err(malformed)? {
        Type::Array | Type::ArrayIndef => {
            let depth = within(depth)?;
            let len = decoder.array().map_err(malformed)?;
            walk_items(decoder, layer, depth, len, 1)
        }
        Type::Map | Type::MapIndef => {
            let depth = within(depth)?;
            let len = decoder.map().map_err(malformed)?;
            walk_items(decoder, layer, depth, len, 2)
        }
        Type::Tag => {
            let depth = within(depth)?;
            decoder.tag().map_err(malformed)?;
            walk(decoder, layer, depth)
        }
        Type::Bytes => decoder.bytes().map(drop).map_err(malformed),
        // Unlike `skip`, this checks that the text is UTF-8.
        Type::String => decoder.str().map(drop).map_err(malformed),
        Type::BytesIndef | Type::StringIndef => Err(StructureError::Chunked { layer, offset }),
        Type::Break | Type::Unknown(_) => Err(StructureError::Malformed { layer, offset }),
        _scalar => decoder.skip().map_err(malformed),
    }
}

/// Walks the items of an array (`width` 1) or the keys and values of a map (`width` 2).
fn walk_items(
    decoder: &mut Decoder<'_>,
    layer: Layer,
    depth: usize,
    len: Option<u64>,
    width: usize,
) -> Result<(), StructureError> {
    let mut left = len;
    loop {
        match &mut left {
            Some(0) => return Ok(()),
            Some(left) => *left -= 1,
            None if at_break(decoder) => {
                // One byte, 0xff: `datatype` has just seen it.
                decoder.set_position(decoder.position() + 1);
                return Ok(());
            }
            None => {}
        }
        for _ in 0..width {
            walk(decoder, layer, depth)?;
        }
    }
}

/// The items of an array, each in its own bytes; `None` if `bytes` is no array.
///
/// For bytes that have passed [`check_one_item`].
pub(super) fn array_items(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut decoder = Decoder::new(bytes);
    let len = decoder.array().ok()?;
    items(bytes, decoder, len)
}

/// The keys and values of a map, each in its own bytes; `None` if `bytes` is no map.
///
/// For bytes that have passed [`check_one_item`].
pub(super) fn map_entries(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut decoder = Decoder::new(bytes);
    let len = decoder.map().ok()?;
    let items = items(bytes, decoder, len.map(|len| len.saturating_mul(2)))?;
    let (entries, _) = items.as_chunks();
    Some(entries.iter().map(|[key, value]| (*key, *value)).collect())
}

/// What `decoder` has before it in `bytes`: `left` items (`None`: as many as there are).
fn items<'a>(
    bytes: &'a [u8],
    mut decoder: Decoder<'a>,
    mut left: Option<u64>,
) -> Option<Vec<&'a [u8]>> {
    let mut items = Vec::new();
    while left.map_or(!at_break(&decoder), |left| left > 0) {
        let start = decoder.position();
        decoder.skip().ok()?;
        items.push(bytes.get(start..decoder.position())?);
        left = left.map(|left| left - 1);
    }
    Some(items)
}

/// Whether an item of indefinite length ends here.
fn at_break(decoder: &Decoder<'_>) -> bool {
    matches!(decoder.datatype(), Ok(Type::Break))
}
