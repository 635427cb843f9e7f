//! J4 to J6: the key that signed, from what the policy pins alone.

mod error;
mod jwks;
mod rsa_key;
mod x5c;

use sha2::{Digest, Sha256};

pub use error::{KeyError, Position};

use super::checks;
use super::jws::{Algorithm, UnverifiedToken};
use super::rules::KeyPins;
use super::wire::MAX_ENDORSEMENTS;
use crate::check::CheckLog;
use crate::time::UnixTime;

/// J4 or J5, and J6.
pub(super) fn verify(
    token: &UnverifiedToken<'_>,
    algorithm: Algorithm,
    keys: &[u8],
    pins: &KeyPins,
    now: UnixTime,
    log: &mut CheckLog,
) -> Result<(), KeyError> {
    let key = match pins {
        KeyPins::Jwks(pinned) => log.run(checks::J4, || match is_pinned(keys, pinned) {
            true => jwks::key(keys, token.parameter("kid"), algorithm),
            false => Err(KeyError::OtherSet),
        }),
        KeyPins::Root(pinned) => log.run(checks::J5, || match is_pinned(keys, pinned) {
            true => x5c::key(keys, token.header.get("x5c"), now),
            false => Err(KeyError::OtherRoot),
        }),
    }?;
    log.run(checks::J6, || {
        match key.has_signed(algorithm, token.signed, &token.signature) {
            true => Ok(()),
            false => Err(KeyError::Signature),
        }
    })
}

fn is_pinned(keys: &[u8], pinned: &[[u8; 32]]) -> bool {
    keys.len() <= MAX_ENDORSEMENTS && pinned.contains(&Sha256::digest(keys).into())
}
