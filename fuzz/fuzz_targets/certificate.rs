//! A certificate of the chain, in a document that is otherwise right but for its signature: no other certificate than the
//! genuine one stands in its place.
//!
//! Input: which certificate (1 byte), its DER.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::fixture::{FIXTURE, unsigned};
use sealnote_fuzz::within;
use sealnote_verifier::TrustRoots;
use sealnote_verifier::nitro::checks;
use x509_cert::der::pem::{LineEnding, encode_string};

fuzz_target!(|bytes: &[u8]| {
    let Some((place, der)) = bytes.split_first() else {
        return;
    };
    let fixture = &*FIXTURE;
    let mut document = fixture.document.clone();
    let place = usize::from(*place) % (document.cabundle.len() + 1);
    let certificate = match place.checked_sub(1) {
        None => &mut document.certificate,
        Some(index) => &mut document.cabundle[index],
    };
    let genuine = core::mem::replace(certificate, der.to_vec());
    let document = unsigned(&document.encode().expect("a payload"));
    let limit = 64 * 1024 + 64 * bytes.len();
    let Err(rejection) = within(limit, || fixture.check(&document, fixture.now)) else {
        panic!("a document without a signature is accepted");
    };
    assert_eq!(
        rejection.check() == checks::A21,
        der == genuine,
        "{rejection:?}"
    );

    // As a root, too: one that is taken has signed itself.
    if place == 1 && within(limit, || is_root(der)) {
        let mut forged = der.to_vec();
        if let Some(signature) = forged.last_mut() {
            *signature ^= 1;
        }
        assert!(!is_root(&forged));
    }
});

fn is_root(der: &[u8]) -> bool {
    let pem = encode_string("CERTIFICATE", LineEnding::LF, der);
    pem.is_ok_and(|pem| TrustRoots::vendors().danger_add_software_root(&pem).is_ok())
}
