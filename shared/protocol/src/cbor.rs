//! Deterministic CBOR (RFC 8949 §4.2.1), enforced by encoding again what was decoded.

use minicbor::{Decode, Encode};
use thiserror::Error;
use zeroize::Zeroizing;

/// The bytes are not the one deterministic encoding of the message that is due: a key is
/// duplicate, unknown, missing or out of order, a length or integer is not minimal, a type is
/// another one, or bytes follow.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the message is not deterministic CBOR of the expected shape")]
pub struct NotDeterministic;

/// Decodes `bytes`, and accepts them only if encoding the result gives the same bytes.
///
/// The comparison is the whole check: whatever the decoder overlooks (a duplicate or unknown key,
/// an overlong integer, an indefinite length, trailing bytes) is not there after encoding.
pub(crate) fn decode<'b, T>(bytes: &'b [u8]) -> Result<T, NotDeterministic>
where
    T: Decode<'b, ()> + Encode<()>,
{
    let value: T = minicbor::decode(bytes).map_err(|_| NotDeterministic)?;
    // Compared as it is written: a message may hold a key, of which no copy is to be left.
    let mut rest = Rest(bytes);
    match minicbor::encode(&value, &mut rest) {
        Ok(()) if rest.0.is_empty() => Ok(value),
        _ => Err(NotDeterministic),
    }
}

/// What is yet to be written.
struct Rest<'a>(&'a [u8]);

impl minicbor::encode::Write for Rest<'_> {
    type Error = NotDeterministic;

    fn write_all(&mut self, written: &[u8]) -> Result<(), NotDeterministic> {
        self.0 = self.0.strip_prefix(written).ok_or(NotDeterministic)?;
        Ok(())
    }
}

/// The deterministic encoding of `value`: keys ascend by the derive's `#[n(…)]` order.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail, and neither can the derived encoders.
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        Err(error) => unreachable!("encoding to memory: {error}"),
    }
}

/// The same of a message that holds a secret: erased on drop, and made without growing, which would leave copies.
pub(crate) fn encode_secret<T: Encode<()>>(value: &T, most: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    match minicbor::encode(value, &mut *bytes) {
        Ok(()) => bytes,
        Err(error) => unreachable!("encoding to memory: {error}"),
    }
}
