//! RSA-PSS with SHA-384 under a key of 4,096 bits, as all of AMD's CAs sign. Public keys only.

use rsa::BoxedUint;
use rsa::pkcs1::RsaPssParamsOwned;
use rsa::pkcs8::DecodePublicKey;
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::traits::PublicKeyParts;
use sha2::Sha384;
use sha2::digest::const_oid::AssociatedOid;
use x509_cert::der::asn1::{AnyRef, BitString, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// RFC 8017 appendix C.
const ID_RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const ID_MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

const MODULUS_BITS: u32 = 4096;
const PUBLIC_EXPONENT: u64 = 65537;
const SALT_LEN: u8 = 48;

/// A CA's public key.
pub(super) struct CaKey(VerifyingKey<Sha384>);

impl CaKey {
    /// `None` unless it is an RSA key of 4,096 bits and exponent 65537.
    pub(super) fn from_spki(spki: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        let key = rsa::PublicKey::from_public_key_der(&spki.to_der().ok()?).ok()?;
        let fits =
            key.n().bit_width() == MODULUS_BITS && *key.e() == BoxedUint::from(PUBLIC_EXPONENT);
        fits.then(|| Self(VerifyingKey::new(key)))
    }

    /// Whether this key signed the message.
    pub(super) fn signed(&self, message: &[u8], signature: &BitString) -> bool {
        let signature = signature.as_bytes().map(Signature::try_from);
        matches!(signature, Some(Ok(signature)) if self.0.verify(message, &signature).is_ok())
    }
}

/// Whether it is RSASSA-PSS with SHA-384, MGF1 with SHA-384, a salt of 48 bytes and the usual trailer.
pub(super) fn is_pss_sha384(algorithm: &AlgorithmIdentifierOwned) -> bool {
    let parameters = algorithm.parameters.as_ref().map(Encode::to_der);
    let Some(Ok(parameters)) = parameters else {
        return false;
    };
    let is_sha384 = |hash: &AlgorithmIdentifierOwned| {
        hash.oid == Sha384::OID
            && hash
                .parameters
                .as_ref()
                .is_none_or(|any| AnyRef::from(any) == AnyRef::NULL)
    };
    // The trailer has one value that parses.
    algorithm.oid == ID_RSASSA_PSS
        && RsaPssParamsOwned::from_der(&parameters).is_ok_and(|pss| {
            is_sha384(&pss.hash)
                && pss.mask_gen.oid == ID_MGF1
                && pss.mask_gen.parameters.as_ref().is_some_and(is_sha384)
                && pss.salt_len == SALT_LEN
        })
}
