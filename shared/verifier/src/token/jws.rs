//! J1 to J3: the envelope (RFC 7515 section 3.1) and its header.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::{checks, json};
use crate::check::Check;

/// Greatest length of a token, in bytes. Genuine ones have up to 12 KiB, most of it certificates.
pub const MAX_TOKEN: usize = 24 * 1024;

/// A token that parses. Nothing in it is verified.
#[derive(Clone, Debug)]
pub struct UnverifiedToken<'a> {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

/// How a token is signed (RFC 7518 section 3.1). No issuer that is known here signs otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
    Ps384,
}

/// A part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Claims,
    /// The third.
    Signature,
}

/// J1: bytes that are no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// More bytes than are read.
    #[error("the token has {len} bytes, at most {MAX_TOKEN} are read")]
    TooLarge {
        /// Length in bytes.
        len: usize,
    },
    /// Not three parts.
    #[error("the token has not three parts with a dot between them")]
    Parts,
    /// Another encoding.
    #[error("the token's {part} is not base64url without padding")]
    Base64 {
        /// Which part.
        part: Part,
    },
    /// Not an object, or one with a key twice.
    #[error("the token's {part} is not one JSON object in which each key stands once")]
    Json {
        /// Which part.
        part: Part,
    },
}

/// A header that is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// J2: none, a symmetric one, or another one than the issuer's.
    #[error("the token's algorithm is none with which its issuer signs")]
    Algorithm,
    /// J2: extensions that must be understood.
    #[error("the token's header has critical extensions, and none is known")]
    Critical,
    /// J3: a key, or where to get one.
    #[error("the token's header has {name}: keys come from the policy alone")]
    KeyByHeader {
        /// The parameter.
        name: &'static str,
    },
    /// J3: keys elsewhere than at the issuer.
    #[error("the token's header names another place for keys than its issuer's own")]
    OtherKeys,
}

/// Reads a token without believing anything in it.
///
/// # Errors
///
/// What is no token.
pub fn inspect(token: &[u8]) -> Result<UnverifiedToken<'_>, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLarge { len: token.len() });
    }
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(TokenError::Parts);
    };
    Ok(UnverifiedToken {
        header: object(header, Part::Header)?,
        claims: object(claims, Part::Claims)?,
        signed: &token[..header.len() + 1 + claims.len()],
        signature: decode(signature, Part::Signature)?,
    })
}

impl UnverifiedToken<'_> {
    /// The header, as JSON.
    pub fn header(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    /// The claims, as JSON.
    pub fn claims(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    pub(super) fn claim_set(&self) -> Claims<'_> {
        Claims(&self.claims)
    }

    /// A parameter of the header that is a text.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// J2.
    pub(super) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, HeaderError> {
        if self.header.contains_key("crit") {
            return Err(HeaderError::Critical);
        }
        let named = self.parameter("alg");
        let mut allowed = allowed.iter().copied();
        allowed
            .find(|algorithm| Some(algorithm.name()) == named)
            .ok_or(HeaderError::Algorithm)
    }

    /// J3. Nothing is ever fetched; where a service names its own keys in every token, the name must be that.
    pub(super) fn check_no_keys(&self, jku: Option<&str>) -> Result<(), HeaderError> {
        for name in ["jwk", "x5u"] {
            if self.header.contains_key(name) {
                return Err(HeaderError::KeyByHeader { name });
            }
        }
        match (self.header.get("jku"), jku) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(HeaderError::KeyByHeader { name: "jku" }),
            (Some(found), Some(due)) if found == due => Ok(()),
            (Some(_), Some(_)) => Err(HeaderError::OtherKeys),
        }
    }
}

impl Algorithm {
    /// As a header has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps384 => "PS384",
        }
    }
}

impl HeaderError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Algorithm | Self::Critical => checks::J2,
            Self::KeyByHeader { .. } | Self::OtherKeys => checks::J3,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}

fn object(text: &[u8], part: Part) -> Result<Map<String, Value>, TokenError> {
    json::object(&decode(text, part)?).ok_or(TokenError::Json { part })
}

fn decode(text: &[u8], part: Part) -> Result<Vec<u8>, TokenError> {
    // This engine refuses padding, and bits behind the last byte.
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| TokenError::Base64 { part })
}
