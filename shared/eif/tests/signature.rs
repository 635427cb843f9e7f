//! Signed images: PCR8, and signatures that are wrong.

mod common;
#[path = "common/signed.rs"]
mod signed;

use common::{eif, measured, refused};
use sealnote_eif::{EifError, SignatureCheck, SignatureError};
use sealnote_software_attester::nitro::cose::{self, CborValue, HeaderMap};
use sha2::{Digest, Sha384};
use signed::{Signer, entry, integers, payload, pcr0, section, signed, text};
use x509_cert::der::asn1::{Any, ObjectIdentifier};

#[test]
fn pcr8_is_the_certificate_and_the_signature_is_checked() {
    let signer = Signer::new();
    let image = measured(&signed(&signer.section()));
    let digest = Sha384::digest(&signer.certificate);
    let signature = image.signature.expect("a signature");
    assert_eq!(signature.certificate, signer.certificate);
    assert_eq!(signature.check, SignatureCheck::Verified);
    assert_eq!(
        signature.register[..],
        Sha384::digest([&[0; 48], &digest[..]].concat())[..]
    );
    assert_eq!(image.registers, measured(&eif(common::PLAIN)).registers);
}

#[test]
fn text_before_the_certificate_is_no_part_of_it() {
    let signer = Signer::new();
    let pem = [b"Certificate:\n    Data:\n", &signer.pem()[..]].concat();
    let image = measured(&signed(&section(&pem, &signer.sign(0, &pcr0()))));
    let plain = measured(&signed(&signer.section()));
    let register = |image: sealnote_eif::Image| image.signature.map(|s| s.register);
    assert_eq!(register(image), register(plain));
}

#[test]
fn a_signature_under_another_curve_is_reported_as_not_checked() {
    let other = Signer::edited(|link| {
        let p256 = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
        link.certificate.public_key.algorithm.parameters = Some(Any::from(p256));
    });
    let image = measured(&signed(&other.section()));
    let check = image.signature.map(|signature| signature.check);
    assert_eq!(check, Some(SignatureCheck::OtherKey));
}

#[test]
fn every_wrong_signature_has_its_error() {
    use SignatureError::{Certificate, Forged, OtherPayload, Shape};
    let signer = Signer::new();
    let (pem, sign1) = (signer.pem(), signer.sign(0, &pcr0()));
    let right = signer.section();
    let certificate = |pem: &[u8]| section(pem, &sign1);
    let signature = |sign1: &[u8]| section(&pem, sign1);
    let text_of = |pem: &[u8]| String::from_utf8(pem.to_vec()).expect("text");
    let cases: Vec<(&str, Vec<u8>, SignatureError)> = vec![
        ("no CBOR", vec![0xff], Shape),
        ("an empty array", vec![0x80], Shape),
        ("cut off", right[..right.len() - 1].to_vec(), Shape),
        ("a byte more", [&right[..], &[0]].concat(), Shape),
        (
            "two signatures",
            [&[0x82][..], &entry(&pem, &sign1), &entry(&pem, &sign1)].concat(),
            Shape,
        ),
        (
            "an array of indefinite length",
            [&[0x9f][..], &right[1..], &[0xff]].concat(),
            Shape,
        ),
        (
            "a longer form of the array's length",
            [&[0x98, 0x01][..], &right[1..]].concat(),
            Shape,
        ),
        (
            "keys in another order",
            [
                &[0x81, 0xa2][..],
                &text("signature"),
                &integers(&sign1),
                &text("signing_certificate"),
                &integers(&pem),
            ]
            .concat(),
            Shape,
        ),
        (
            "a certificate that states four billion bytes",
            [
                &[0x81, 0xa2][..],
                &text("signing_certificate"),
                &[0x9a, 0xff, 0xff, 0xff, 0xff, 0, 0],
            ]
            .concat(),
            Shape,
        ),
        ("no certificate", certificate(b""), Certificate),
        ("DER", certificate(&signer.certificate), Certificate),
        (
            "a certificate that is called otherwise",
            certificate(
                text_of(&pem)
                    .replace("CERTIFICATE", "PUBLIC KEY")
                    .as_bytes(),
            ),
            Certificate,
        ),
        (
            "two certificates",
            certificate(&[&pem[..], &pem].concat()),
            Certificate,
        ),
        (
            "half a certificate",
            certificate(&[&pem[..100], b"\n-----END CERTIFICATE-----\n"].concat()),
            Certificate,
        ),
        (
            "another image's signature",
            signature(&signer.sign(0, &[7; 48])),
            OtherPayload,
        ),
        (
            "a signature over another register",
            signature(&signer.sign(1, &pcr0())),
            OtherPayload,
        ),
        ("no signature", signature(b""), OtherPayload),
        (
            "a tagged signature",
            signature(&[&[0xd2], &sign1[..]].concat()),
            OtherPayload,
        ),
        (
            "a signature with a byte more",
            signature(&[&sign1[..], &[0]].concat()),
            OtherPayload,
        ),
        (
            "a header that no signature covers",
            signature(&with_unprotected_header(&signer)),
            OtherPayload,
        ),
        (
            "another signer's signature",
            signature(&Signer::new().sign(0, &pcr0())),
            Forged,
        ),
        (
            "another signer's certificate",
            certificate(&Signer::new().pem()),
            Forged,
        ),
        (
            "a signature with a bit changed",
            {
                let mut sign1 = sign1.clone();
                *sign1.last_mut().expect("bytes") ^= 1;
                signature(&sign1)
            },
            Forged,
        ),
    ];
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(
            |(name, section, expected)| match refused(&signed(&section)) {
                EifError::Signature(found) if found == expected => None,
                found => Some(format!("{name}: expected {expected:?}, found {found:?}")),
            },
        )
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn with_unprotected_header(signer: &Signer) -> Vec<u8> {
    let mut protected = HeaderMap::new();
    protected.insert(CborValue::from(1), CborValue::from(-35));
    let mut unprotected = HeaderMap::new();
    unprotected.insert(CborValue::from(4), CborValue::from(0));
    cose::sign_with_headers(&payload(0, &pcr0()), &protected, &unprotected, &signer.key)
        .expect("a signature")
}
