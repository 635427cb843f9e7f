//! Certificates before they are signed.

use std::time::SystemTime;

use p384::ecdsa::signature::{Keypair, RandomizedSigner, Signer};
use p384::ecdsa::{SigningKey, VerifyingKey};
use p384::elliptic_curve::Generate;
use p384::pkcs8::EncodePublicKey;
use rand_core::CryptoRng;
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::Encode;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    DynSignatureAlgorithmIdentifier, SignatureBitStringEncoding, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use crate::error::AttesterError;

/// Length of a serial number in bytes, as in genuine certificates.
const SERIAL_LEN: usize = 16;

/// What a certificate will say. Whoever signs it decides the signature's algorithm.
#[derive(Clone, Debug)]
pub struct CertificateSpec {
    /// The serial number.
    pub serial: SerialNumber,
    /// The issuer's name.
    pub issuer: Name,
    /// The subject's name.
    pub subject: Name,
    /// Start of its validity; fractions of a second are dropped.
    pub not_before: SystemTime,
    /// End of its validity; fractions of a second are dropped.
    pub not_after: SystemTime,
    /// The subject's key.
    pub public_key: SubjectPublicKeyInfo,
    /// The extensions, in order.
    pub extensions: Vec<Extension>,
}

/// A certificate to be signed, and the private key that it certifies.
#[derive(Clone)]
pub struct Link {
    /// What the certificate will say.
    pub certificate: CertificateSpec,
    /// The subject's private key.
    pub key: SigningKey,
}

impl CertificateSpec {
    /// Signs the certificate; returns it as DER.
    ///
    /// # Errors
    ///
    /// A name or time that X.509 cannot express, or the signer's failure.
    pub fn sign<S, Signature>(&self, signer: &S) -> Result<Vec<u8>, AttesterError>
    where
        S: Signer<Signature> + Keypair + DynSignatureAlgorithmIdentifier,
        S::VerifyingKey: EncodePublicKey,
        Signature: SignatureBitStringEncoding,
    {
        Ok(self.builder()?.build::<S, Signature>(signer)?.to_der()?)
    }

    /// The same, where the signature's algorithm takes random bytes.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn sign_with_rng<S, Signature, R>(
        &self,
        signer: &S,
        rng: &mut R,
    ) -> Result<Vec<u8>, AttesterError>
    where
        S: RandomizedSigner<Signature> + Keypair + DynSignatureAlgorithmIdentifier,
        S::VerifyingKey: EncodePublicKey,
        Signature: SignatureBitStringEncoding,
        R: CryptoRng + ?Sized,
    {
        let certificate = self
            .builder()?
            .build_with_rng::<S, Signature, R>(signer, rng)?;
        Ok(certificate.to_der()?)
    }

    fn builder(&self) -> Result<CertificateBuilder<AsSpecified<'_>>, AttesterError> {
        let validity = Validity::new(
            Time::try_from(self.not_before)?,
            Time::try_from(self.not_after)?,
        );
        Ok(CertificateBuilder::new(
            AsSpecified(self),
            self.serial.clone(),
            validity,
            self.public_key.clone(),
        )?)
    }
}

impl Link {
    /// A link with a fresh P-384 key and a random serial number.
    pub(crate) fn generate<R: CryptoRng + ?Sized>(
        issuer: &Name,
        subject: Name,
        validity: (SystemTime, SystemTime),
        rng: &mut R,
    ) -> Result<Self, AttesterError> {
        let key = SigningKey::generate_from_rng(rng);
        let mut serial = [0; SERIAL_LEN];
        rng.fill_bytes(&mut serial);
        // Positive, and as long as all others.
        serial[0] = serial[0] & 0x3f | 0x40;
        Ok(Self {
            certificate: CertificateSpec {
                serial: SerialNumber::new(&serial)?,
                issuer: issuer.clone(),
                subject,
                not_before: validity.0,
                not_after: validity.1,
                public_key: SubjectPublicKeyInfo::from_key(&VerifyingKey::from(&key))?,
                extensions: Vec::new(),
            },
            key,
        })
    }
}

/// Basic constraints and key usage of a CA, both critical.
///
/// # Errors
///
/// None in practice: the encoder writes to memory.
pub fn ca_extensions(
    path_len: Option<u8>,
    usage: impl Into<flagset::FlagSet<KeyUsages>>,
) -> Result<Vec<Extension>, AttesterError> {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: path_len,
    };
    Ok(vec![
        extension(true, &constraints)?,
        extension(true, &KeyUsage(usage.into()))?,
    ])
}

/// An extension with this value, critical or not.
pub(crate) fn extension<'a, T>(critical: bool, value: &'a T) -> Result<Extension, AttesterError>
where
    (bool, &'a T): ToExtension<Error = x509_cert::der::Error>,
{
    Ok((critical, value).to_extension(&Name::default(), &[])?)
}

/// A profile that adds nothing of its own.
struct AsSpecified<'a>(&'a CertificateSpec);

impl BuilderProfile for AsSpecified<'_> {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.0.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.subject.clone()
    }

    fn build_extensions(
        &self,
        _key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        Ok(self.0.extensions.clone())
    }
}
