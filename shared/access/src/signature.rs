//! What is signed, and by whom. PROTOCOL.md, "Client signature" and "Key release".

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// Length of what a session exports to be signed, in bytes.
pub const EXPORTED_LEN: usize = 32;

/// In what part somebody signs. A signature in one part is none in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Asks an enclave.
    Client,
    /// Gives an enclave its model's key.
    Releaser,
}

impl Role {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Client => b"sealnote client signature\0",
            Self::Releaser => b"sealnote releaser signature\0",
        }
    }

    /// The name of what the session exports for it.
    pub const fn exporter(self) -> &'static str {
        match self {
            Self::Client => "client signature",
            Self::Releaser => "releaser",
        }
    }
}

/// label ‖ public key ‖ exported, and for a message its SHA-256 behind that. A client signs no message.
fn signed(role: Role, public: &[u8; 32], exported: &[u8; EXPORTED_LEN], message: &[u8]) -> Vec<u8> {
    let mut bytes = [role.label(), public, exported].concat();
    if role == Role::Releaser {
        bytes.extend_from_slice(&Sha256::digest(message));
    }
    bytes
}

pub(crate) fn sign(
    key: &SigningKey,
    role: Role,
    exported: &[u8; EXPORTED_LEN],
    message: &[u8],
) -> [u8; SIGNATURE_LEN] {
    let public = key.verifying_key().to_bytes();
    key.sign(&signed(role, &public, exported, message))
        .to_bytes()
}

/// Strictly: no key and no point of small order, no second form of a signature (RFC 8032 §5.1.7; "Taming the many
/// EdDSAs").
pub(crate) fn verify(
    key: &VerifyingKey,
    role: Role,
    exported: &[u8; EXPORTED_LEN],
    message: &[u8],
    signature: &[u8; SIGNATURE_LEN],
) -> bool {
    let signed = signed(role, key.as_bytes(), exported, message);
    key.verify_strict(&signed, &Signature::from_bytes(signature))
        .is_ok()
}
