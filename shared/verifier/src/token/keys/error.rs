//! What can be wrong with keys.

use std::fmt;

use crate::check::Check;
use crate::time::UnixTime;
use crate::token::checks;

/// Where in `x5c` a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The first.
    Leaf,
    /// Between the first and the last.
    Intermediate,
    /// The last.
    Root,
}

/// The key that signed is not one that the policy pins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// J4: another set.
    #[error("the key set is none that the policy pins for this issuer")]
    OtherSet,
    /// J4: no key set.
    #[error("the pinned key set is not a list of keys that each have a name")]
    NoSet,
    /// J4: one name for two keys.
    #[error("two keys of the pinned set have the same name")]
    SameName,
    /// J4: the token names no key of the set.
    #[error("the token names no key of the pinned set")]
    UnknownName,
    /// J4: a key that cannot be used.
    #[error(
        "the key that the token names is not an RSA key of 2048 to 4096 bits for this algorithm"
    )]
    Unusable,
    /// J5: another root.
    #[error("the root certificate is none that the policy pins for this issuer")]
    OtherRoot,
    /// J5: no certificate.
    #[error("the pinned root is not a certificate in PEM")]
    NoRoot,
    /// J5: no certificates, or too many.
    #[error("the token's header has not two to four certificates")]
    NoChain,
    /// J5: not a certificate.
    #[error("the {at} certificate is not DER in base64")]
    Malformed {
        /// Which certificate.
        at: Position,
    },
    /// J5: the last certificate is not the root.
    #[error("the token's certificates do not end at the pinned root")]
    NotToRoot,
    /// J5: a CA's key must not sign certificates.
    #[error("the {at} certificate may not sign certificates")]
    KeyUsage {
        /// Which certificate.
        at: Position,
    },
    /// J5: the root is not valid yet, or no longer.
    #[error("the root certificate is not valid at {now}")]
    RootValidity {
        /// The time of the check.
        now: UnixTime,
    },
    /// J5: webpki found no path.
    #[error("the token's certificates do not hold: {reason}")]
    Path {
        /// Why.
        reason: webpki::Error,
    },
    /// J5: webpki found another path.
    #[error("the token's certificates are not in their order")]
    OtherPath,
    /// J5: the leaf's key is for something else.
    #[error("the leaf certificate has a purpose of its own, or may not sign")]
    LeafUsage,
    /// J5: a key that cannot be used.
    #[error("the leaf certificate's key is not an RSA key of 2048 to 4096 bits")]
    LeafKey,
    /// J6.
    #[error("the token was not signed by the key that it names")]
    Signature,
}

impl KeyError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::OtherSet | Self::NoSet | Self::SameName | Self::UnknownName | Self::Unusable => {
                checks::J4
            }
            Self::OtherRoot
            | Self::NoRoot
            | Self::NoChain
            | Self::Malformed { .. }
            | Self::NotToRoot
            | Self::KeyUsage { .. }
            | Self::RootValidity { .. }
            | Self::Path { .. }
            | Self::OtherPath
            | Self::LeafUsage
            | Self::LeafKey => checks::J5,
            Self::Signature => checks::J6,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "leaf",
            Self::Intermediate => "intermediate",
            Self::Root => "root",
        })
    }
}
