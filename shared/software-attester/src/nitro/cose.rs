//! COSE_Sign1 with ES384 (RFC 9052 section 4.2, RFC 9053 section 2.1).

use aws_nitro_enclaves_cose::CoseSign1;
use aws_nitro_enclaves_cose::crypto::{
    Hash, MessageDigest, SignatureAlgorithm, SigningPrivateKey, SigningPublicKey,
};
use aws_nitro_enclaves_cose::error::CoseError;
use p384::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p384::ecdsa::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha384};

pub use aws_nitro_enclaves_cose::CborValue;
pub use aws_nitro_enclaves_cose::header_map::HeaderMap;

use crate::error::AttesterError;

/// Signs a payload as genuine documents are: `{1: -35}` protected, nothing unprotected, untagged.
///
/// # Errors
///
/// The signer's failure.
pub fn sign(payload: &[u8], key: &SigningKey) -> Result<Vec<u8>, AttesterError> {
    CoseSign1::new::<Sha384Only>(payload, &HeaderMap::new(), &Es384(key))
        .and_then(|sign1| sign1.as_bytes(false))
        .map_err(AttesterError::Cose)
}

/// Signs a payload with other headers.
///
/// # Errors
///
/// The signer's failure, or headers that cannot be encoded.
pub fn sign_with_headers(
    payload: &[u8],
    protected: &HeaderMap,
    unprotected: &HeaderMap,
    key: &SigningKey,
) -> Result<Vec<u8>, AttesterError> {
    CoseSign1::new_with_protected::<Sha384Only>(payload, protected, unprotected, &Es384(key))
        .and_then(|sign1| sign1.as_bytes(false))
        .map_err(AttesterError::Cose)
}

struct Es384<'a>(&'a SigningKey);

impl SigningPublicKey for Es384<'_> {
    fn get_parameters(&self) -> Result<(SignatureAlgorithm, MessageDigest), CoseError> {
        Ok((SignatureAlgorithm::ES384, MessageDigest::Sha384))
    }

    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<bool, CoseError> {
        let verified = Signature::from_slice(signature)
            .and_then(|signature| VerifyingKey::from(self.0).verify_prehash(digest, &signature));
        Ok(verified.is_ok())
    }
}

impl SigningPrivateKey for Es384<'_> {
    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, CoseError> {
        let signature: Signature = self
            .0
            .sign_prehash(digest)
            .map_err(|error| CoseError::SignatureError(Box::new(error)))?;
        Ok(signature.to_bytes().to_vec())
    }
}

struct Sha384Only;

impl Hash for Sha384Only {
    fn hash(digest: MessageDigest, data: &[u8]) -> Result<Vec<u8>, CoseError> {
        match digest {
            MessageDigest::Sha384 => Ok(Sha384::digest(data).to_vec()),
            _ => Err(CoseError::UnsupportedError(format!("{digest:?}"))),
        }
    }
}
