//! P-384 behind the traits of webpki and of the COSE crate. The arithmetic is p384's.

use aws_nitro_enclaves_cose::CoseSign1;
use aws_nitro_enclaves_cose::crypto::{Hash, MessageDigest, SignatureAlgorithm, SigningPublicKey};
use aws_nitro_enclaves_cose::error::CoseError;
use p384::ecdsa::signature::Verifier;
use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::ecdsa::{DerSignature, Signature, VerifyingKey};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::{Digest, Sha384};

/// ecdsa-with-SHA384 (RFC 5758 section 3.2) under a P-384 key, for certificates.
#[derive(Debug)]
pub(super) struct EcdsaP384Sha384;

impl SignatureVerificationAlgorithm for EcdsaP384Sha384 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = DerSignature::try_from(signature).map_err(|_| InvalidSignature)?;
        // `Verifier` of a P-384 key hashes with SHA-384.
        key.verify(message, &signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P384
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA384
    }
}

/// The leaf's key, for the document (ES384, RFC 9053 section 2.1).
pub(super) struct DocumentKey(VerifyingKey);

impl DocumentKey {
    /// A key from an uncompressed point; `None` if it is not on the curve.
    pub(super) fn from_sec1(point: &[u8]) -> Option<Self> {
        VerifyingKey::from_sec1_bytes(point).ok().map(Self)
    }

    /// The payload of a COSE_Sign1 that this key signed; `None` if it did not.
    pub(super) fn verified_payload(&self, sign1: &[u8]) -> Option<Vec<u8>> {
        CoseSign1::from_bytes(sign1)
            .and_then(|sign1| sign1.get_payload::<Sha384Only>(Some(self)))
            .ok()
    }
}

impl SigningPublicKey for DocumentKey {
    fn get_parameters(&self) -> Result<(SignatureAlgorithm, MessageDigest), CoseError> {
        Ok((SignatureAlgorithm::ES384, MessageDigest::Sha384))
    }

    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<bool, CoseError> {
        let verified = Signature::from_slice(signature)
            .and_then(|signature| self.0.verify_prehash(digest, &signature));
        Ok(verified.is_ok())
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
