//! ECDSA on P-256 with SHA-256, which is all that Intel's collateral and quotes are signed with. Public keys only.

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, Signature, VerifyingKey};
use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// RFC 5480 section 2.1.1, RFC 5758 section 3.2.
const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// Tag of an uncompressed point, before x and y of 32 bytes each (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 0x04;
const POINT_LEN: usize = 65;

/// A public key.
pub(super) struct Key(VerifyingKey);

impl Key {
    /// A certificate's; `None` unless it is an uncompressed point of P-256.
    pub(super) fn from_spki(spki: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        let curve = spki.algorithm.parameters.as_ref()?;
        let curve = curve.decode_as::<ObjectIdentifier>().ok()?;
        let point = spki.subject_public_key.as_bytes()?;
        let fits = spki.algorithm.oid == ID_EC_PUBLIC_KEY
            && curve == SECP256R1
            && point.len() == POINT_LEN
            && point.first() == Some(&UNCOMPRESSED);
        let key = fits.then(|| VerifyingKey::from_sec1_bytes(point).ok());
        key.flatten().map(Self)
    }

    /// A quote's: x and y; `None` if they are no point of P-256.
    pub(super) fn from_coordinates(coordinates: &[u8; 64]) -> Option<Self> {
        let mut point = [UNCOMPRESSED; POINT_LEN];
        point[1..].copy_from_slice(coordinates);
        VerifyingKey::from_sec1_bytes(&point).ok().map(Self)
    }

    /// Whether this key signed the message, as certificates and lists have signatures.
    pub(super) fn signed_der(&self, message: &[u8], signature: &BitString) -> bool {
        let signature = signature.as_bytes().map(DerSignature::try_from);
        matches!(signature, Some(Ok(signature)) if self.0.verify(message, &signature).is_ok())
    }

    /// The same, as quotes and documents have them: r and s.
    pub(super) fn signed_raw(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// Whether it is ecdsa-with-SHA256, which has no parameters.
pub(super) fn is_ecdsa_sha256(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == ECDSA_WITH_SHA256 && algorithm.parameters.is_none()
}
