//! RSA public keys of issuers and of CAs. The arithmetic is rsa's.

use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::signature::Verifier;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PublicKey, pkcs1v15, pss};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::{Sha256, Sha384};

use crate::token::jws::Algorithm;

const MODULUS_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;
const PUBLIC_EXPONENT: u64 = 65537;

/// A key of 2,048 to 4,096 bits and exponent 65537.
#[derive(Debug)]
pub(super) struct RsaKey(PublicKey);

impl RsaKey {
    /// From modulus and exponent, big-endian.
    pub(super) fn from_parts(n: &[u8], e: &[u8]) -> Option<Self> {
        let number = |bytes| BoxedUint::from_be_slice_vartime(bytes);
        let key = PublicKey::new(number(n), number(e)).ok()?;
        Self::checked(key)
    }

    /// From the RSAPublicKey that a certificate holds (RFC 8017 appendix A.1.1).
    pub(super) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        Self::checked(PublicKey::from_pkcs1_der(der).ok()?)
    }

    fn checked(key: PublicKey) -> Option<Self> {
        let fits = MODULUS_BITS.contains(&key.n().bit_width())
            && *key.e() == BoxedUint::from(PUBLIC_EXPONENT);
        fits.then_some(Self(key))
    }

    /// Whether this key signed the message.
    pub(super) fn has_signed(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let key = self.0.clone();
        match algorithm {
            Algorithm::Rs256 => pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| {
                let key = pkcs1v15::VerifyingKey::<Sha256>::new(key);
                key.verify(message, &signature).is_ok()
            }),
            Algorithm::Ps384 => pss::Signature::try_from(signature).is_ok_and(|signature| {
                let key = pss::VerifyingKey::<Sha384>::new(key);
                key.verify(message, &signature).is_ok()
            }),
        }
    }
}

/// sha256WithRSAEncryption (RFC 8017 appendix A.2.4), for certificates.
#[derive(Debug)]
pub(super) struct RsaSha256;

impl SignatureVerificationAlgorithm for RsaSha256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = RsaKey::from_pkcs1(public_key).ok_or(InvalidSignature)?;
        match key.has_signed(Algorithm::Rs256, message, signature) {
            true => Ok(()),
            false => Err(InvalidSignature),
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_PKCS1_SHA256
    }
}
