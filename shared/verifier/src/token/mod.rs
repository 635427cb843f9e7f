//! Kind 5: the token of an attestation service, a JWT that says what the service found in a machine's evidence.
//!
//! A token makes its issuer trusted: the machine's own evidence is not seen here. So there is no issuer, no key and no
//! root but those that the policy names, and an issuer without a [`Profile`] cannot be named: how a token of its is bound
//! to a session would not be known.
//!
//! [`Rules::check_token`] is the one door to a [`VerifiedToken`]. It runs the numbered steps of [`checks`] in the order
//! that [`appraisal`] states. [`inspect`] reads a token without believing it.
//!
//! The envelope is read here, not by a JWT crate: jsonwebtoken keeps its cryptography in a global of the process, panics
//! where none was installed, and takes the last of two equal keys. What remains is a split at two dots; base64, JSON and
//! RSA are the crates'.

pub mod appraisal;
pub mod checks;
mod claims;
mod json;
mod jws;
pub mod keys;
mod profile;
mod rejection;
pub mod rules;
pub mod wire;

pub use appraisal::VerifiedToken;
pub use claims::ClaimFault;
pub use jws::{Algorithm, HeaderError, MAX_TOKEN, Part, TokenError, UnverifiedToken, inspect};
pub use profile::{Container, Measured, Profile, SevSnp, Svn, Tdx};
pub use rejection::Rejection;
pub use rules::{MeasurementSet, Rules};
