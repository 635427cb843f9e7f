//! Signed images. The signatures are made by AWS's COSE crate, the CBOR around them by hand.

use std::time::SystemTime;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p384::ecdsa::{DerSignature, SigningKey};
use sealnote_software_attester::Link;
use sealnote_software_attester::nitro::{SoftwareRoot, cose};
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, EncodePem};

use crate::common::{PLAIN, SIGNATURE, eif, measured};

/// A certificate and its key.
pub struct Signer {
    pub key: SigningKey,
    pub certificate: Vec<u8>,
}

impl Signer {
    pub fn new() -> Self {
        Self::edited(|_| {})
    }

    /// A signer whose certificate says something else before it is signed.
    pub fn edited(edit: impl FnOnce(&mut Link)) -> Self {
        let rng = &mut UnwrapErr(SysRng);
        let mut link = SoftwareRoot::template(SystemTime::now(), rng).expect("a certificate");
        edit(&mut link);
        let certificate = link.certificate.sign::<_, DerSignature>(&link.key);
        Self {
            key: link.key,
            certificate: certificate.expect("a signed certificate"),
        }
    }

    pub fn pem(&self) -> Vec<u8> {
        let certificate = Certificate::from_der(&self.certificate).expect("a certificate");
        let pem = certificate.to_pem(LineEnding::LF).expect("PEM");
        pem.into_bytes()
    }

    /// A COSE_Sign1 over the value of a register.
    pub fn sign(&self, register: u8, value: &[u8]) -> Vec<u8> {
        cose::sign(&payload(register, value), &self.key).expect("a signature")
    }

    /// The section that signs the image of [`PLAIN`].
    pub fn section(&self) -> Vec<u8> {
        section(&self.pem(), &self.sign(0, &pcr0()))
    }
}

/// The image of [`PLAIN`], and a signature section.
pub fn signed(section: &[u8]) -> Vec<u8> {
    eif(&[PLAIN, &[(SIGNATURE, section)]].concat())
}

pub fn pcr0() -> [u8; 48] {
    measured(&eif(PLAIN)).registers[0]
}

pub fn payload(register: u8, value: &[u8]) -> Vec<u8> {
    let head = [&[0xa2][..], &text("register_index"), &[register]];
    [
        &head.concat(),
        &text("register_value")[..],
        &integers(value),
    ]
    .concat()
}

pub fn section(certificate: &[u8], signature: &[u8]) -> Vec<u8> {
    [&[0x81][..], &entry(certificate, signature)].concat()
}

pub fn entry(certificate: &[u8], signature: &[u8]) -> Vec<u8> {
    let certificate = [text("signing_certificate"), integers(certificate)].concat();
    let signature = [text("signature"), integers(signature)].concat();
    [&[0xa2][..], &certificate, &signature].concat()
}

pub fn text(text: &str) -> Vec<u8> {
    assert!(text.len() < 24);
    [&[0x60 | text.len() as u8], text.as_bytes()].concat()
}

pub fn integers(bytes: &[u8]) -> Vec<u8> {
    let mut array = match bytes.len() {
        len @ 0..24 => vec![0x80 | len as u8],
        len @ 24..256 => vec![0x98, len as u8],
        len => vec![0x99, (len >> 8) as u8, len as u8],
    };
    for byte in bytes {
        match byte {
            0..24 => array.push(*byte),
            _ => array.extend([0x18, *byte]),
        }
    }
    array
}
