//! Of the token of an attestation service.

use sealnote_verifier::token::{Measured, VerifiedToken, checks, inspect};
use serde_json::Value;

use super::{Fact, MEASUREMENT, malformed};
use crate::exit::Failure;

pub(super) fn verified(token: &VerifiedToken) -> Vec<Fact> {
    let measurement = match token.measured() {
        Measured::Container(container) => hex::encode(container.image_digest),
        Measured::Tdx(domain) => hex::encode(domain.mrtd),
        Measured::SevSnp(guest) => hex::encode(guest.measurement),
        _ => String::new(),
    };
    vec![
        Fact::shown("profile", token.profile().to_string()),
        Fact::shown("issuer", token.issuer()),
        Fact::shown("expires", token.expires().to_string()),
        Fact::shown(MEASUREMENT, measurement),
    ]
}

/// Its header and its claims, as they are: each issuer has its own.
pub(super) fn unverified(token: &[u8]) -> Result<Vec<Fact>, Failure> {
    let token = inspect(token).map_err(|error| malformed(checks::J1, &error))?;
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(vec![
        Fact::new(MEASUREMENT, Value::Null),
        Fact::shown("header", json(token.header())),
        Fact::shown("claims", json(token.claims())),
    ])
}
