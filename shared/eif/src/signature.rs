//! The signature section: who signed the image, and whether the signature is over this image.
//!
//! ```cddl
//! section = [ { "signing_certificate": bytes, "signature": bytes } ]   ; PEM; a COSE_Sign1, untagged
//! payload = { "register_index": 0, "register_value": bytes }          ; of the COSE_Sign1: PCR0
//! bytes = [* uint .size 1]                                           ; as serde writes a Vec<u8>
//! ```
//!
//! Certificate dates and issuers are not looked at: PCR8 names this one certificate, whoever issued it.

use minicbor::{Decoder, Encoder};
use p384::ecdsa::signature::Verifier;
use p384::ecdsa::{Signature as P384Signature, VerifyingKey};
use p384::pkcs8::DecodePublicKey;
use sha2::{Digest, Sha384};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode, pem};

use crate::{REGISTER_LEN, extended};

/// Who signed an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The signer's certificate, DER. Nothing in it was checked but its key.
    pub certificate: Vec<u8>,
    /// PCR8: what the certificate is measured as.
    pub register: [u8; REGISTER_LEN],
    /// Whether the signature was checked.
    pub check: SignatureCheck,
}

/// Whether a signature was checked. A wrong one is an error instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    /// The certificate's key signed this image's PCR0.
    Verified,
    /// Not checked, since the certificate's key is not one of P-384, for which alone signatures are
    /// checked here. AWS's builder also signs with P-256 and P-521.
    OtherKey,
}

/// A signature section that a hypervisor would not take, or that is written as no builder does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not the structure above.
    #[error(
        "the signature section is not one certificate and one signature, as nitro-cli writes them"
    )]
    Shape,
    /// Not one X.509 certificate in PEM.
    #[error("the image's signer is not one X.509 certificate in PEM")]
    Certificate,
    /// Over something else, such as another image's PCR0.
    #[error("the image's signature is not an ES384 signature over its PCR0: it is another image's")]
    OtherPayload,
    /// By another key.
    #[error("the image's signature is not by the key of its certificate")]
    Forged,
}

impl Signature {
    /// Reads the section, and checks that it signs an image whose PCR0 is `image`.
    pub(crate) fn check(
        section: &[u8],
        image: &[u8; REGISTER_LEN],
    ) -> Result<Self, SignatureError> {
        let (certificate, sign1) = decode(section).ok_or(SignatureError::Shape)?;
        let (label, der) =
            pem::decode_vec(&certificate).map_err(|_| SignatureError::Certificate)?;
        let parsed = Certificate::from_der(&der).map_err(|_| SignatureError::Certificate)?;
        if label != "CERTIFICATE" {
            return Err(SignatureError::Certificate);
        }
        Ok(Self {
            register: extended(Sha384::digest(&der).into()),
            check: match p384_key(&parsed) {
                Some(key) => check_sign1(&sign1, &key, image)?,
                None => SignatureCheck::OtherKey,
            },
            certificate: der,
        })
    }
}

fn p384_key(certificate: &Certificate) -> Option<VerifyingKey> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    VerifyingKey::from_public_key_der(&info.to_der().ok()?).ok()
}

/// ES384 (RFC 9053 section 2.1) over the Sig_structure (RFC 9052 section 4.4) of the one payload that
/// is due, in the one encoding that AWS's builder writes.
fn check_sign1(
    sign1: &[u8],
    key: &VerifyingKey,
    image: &[u8; REGISTER_LEN],
) -> Result<SignatureCheck, SignatureError> {
    /// `{1: -35}`: the algorithm is ES384.
    const PROTECTED_HEADER: &[u8] = &[0xa1, 0x01, 0x38, 0x22];
    /// The head of a byte string of 96 bytes: r and s.
    const SIGNATURE_HEAD: [u8; 2] = [0x58, 96];

    let payload = encode(|cbor| {
        cbor.map(2)?.str("register_index")?.u8(0)?;
        integers(cbor.str("register_value")?, image)
    });
    let mut before = encode(|cbor| {
        cbor.array(4)?.bytes(PROTECTED_HEADER)?.map(0)?;
        cbor.bytes(&payload)?.ok()
    });
    before.extend(SIGNATURE_HEAD);
    let signature = sign1
        .strip_prefix(before.as_slice())
        .and_then(|signature| P384Signature::from_slice(signature).ok())
        .ok_or(SignatureError::OtherPayload)?;
    let signed = encode(|cbor| {
        cbor.array(4)?.str("Signature1")?.bytes(PROTECTED_HEADER)?;
        cbor.bytes(&[])?.bytes(&payload)?.ok()
    });
    // `Verifier` of a P-384 key hashes with SHA-384.
    match key.verify(&signed, &signature) {
        Ok(()) => Ok(SignatureCheck::Verified),
        Err(_) => Err(SignatureError::Forged),
    }
}

/// The certificate and the signature; `None` unless they are there in just the builder's encoding.
fn decode(section: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut cbor = Decoder::new(section);
    let lengths = (cbor.array().ok()?, cbor.map().ok()?);
    cbor.str().ok()?;
    let certificate = read_integers(&mut cbor)?;
    cbor.str().ok()?;
    let signature = read_integers(&mut cbor)?;
    // Whatever was overlooked above is not there after encoding.
    let again = encode(|cbor| {
        cbor.array(1)?.map(2)?;
        integers(cbor.str("signing_certificate")?, &certificate)?;
        integers(cbor.str("signature")?, &signature)
    });
    (lengths == (Some(1), Some(2)) && again == section).then_some((certificate, signature))
}

fn read_integers(cbor: &mut Decoder<'_>) -> Option<Vec<u8>> {
    // Not allocated from the length that is declared.
    let mut bytes = Vec::new();
    for _ in 0..cbor.array().ok()?? {
        bytes.push(cbor.u8().ok()?);
    }
    Some(bytes)
}

type Encoded = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn integers(cbor: &mut Encoder<Vec<u8>>, bytes: &[u8]) -> Encoded {
    cbor.array(bytes.len() as u64)?;
    bytes.iter().try_for_each(|byte| cbor.u8(*byte)?.ok())
}

fn encode(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Encoded) -> Vec<u8> {
    let mut cbor = Encoder::new(Vec::new());
    match write(&mut cbor) {
        Ok(()) => cbor.into_writer(),
        Err(error) => unreachable!("encoding to memory: {error}"),
    }
}
