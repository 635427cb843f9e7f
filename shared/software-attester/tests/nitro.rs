//! The attester's documents have the genuine shape. The verifier's own tests check them in full.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_software_attester::AttesterError;
use sealnote_software_attester::nitro::{
    AttestationRequest, ModuleId, SoftwareAttester, SoftwareRoot,
};
use x509_cert::Certificate;
use x509_cert::der::{Decode, DecodePem};

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn attester() -> SoftwareAttester {
    let mut rng = UnwrapErr(SysRng);
    let root = SoftwareRoot::generate(now(), &mut rng).expect("a root");
    let pcrs = BTreeMap::from([(0, [1; 48]), (1, [2; 48]), (2, [3; 48])]);
    SoftwareAttester::new(root, pcrs, &mut rng).expect("an attester")
}

fn attest(attester: &mut SoftwareAttester, now: SystemTime) -> Vec<u8> {
    let request = AttestationRequest {
        nonce: Some(&[9; 32]),
        ..AttestationRequest::default()
    };
    attester
        .attest(&request, now, &mut UnwrapErr(SysRng))
        .expect("a document")
}

/// The leaf certificate of a document.
fn leaf(document: &[u8]) -> Vec<u8> {
    let key = b"kcertificate";
    let at = document
        .windows(key.len())
        .position(|window| window == key)
        .expect("there is a leaf")
        + key.len();
    minicbor::Decoder::new(&document[at..])
        .bytes()
        .expect("bytes")
        .to_vec()
}

#[test]
fn the_envelope_is_the_genuine_one() {
    let document = attest(&mut attester(), now());
    // An untagged array of four, {1: -35} protected, nothing unprotected, a payload of two-byte
    // length that is a map of indefinite length starting with module_id.
    assert_eq!(
        document[..8],
        [0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0, 0x59]
    );
    assert_eq!(document[10..21], *b"\xbf\x69module_id");
    let signature = document.len() - 98;
    assert_eq!(document[signature - 1..signature + 2], [0xff, 0x58, 96]);
    assert!((4000..5000).contains(&document.len()), "{}", document.len());
}

#[test]
fn absent_fields_are_null() {
    let document = attest(&mut attester(), now());
    for field in [b"jpublic_key\xf6".as_slice(), b"iuser_data\xf6"] {
        assert!(document.windows(field.len()).any(|window| window == field));
    }
}

#[test]
fn the_leaf_is_kept_until_near_its_end() {
    let mut attester = attester();
    let first = leaf(&attest(&mut attester, now()));
    let later = leaf(&attest(&mut attester, now() + 2 * HOUR));
    assert_eq!(first, later);
    let renewed = leaf(&attest(&mut attester, now() + 3 * HOUR - HOUR / 4));
    assert_ne!(first, renewed);
    // A clock that was set back makes the leaf one from the future.
    assert_ne!(renewed, leaf(&attest(&mut attester, now())));

    let certificate = Certificate::from_der(&first).expect("a certificate");
    let validity = certificate.tbs_certificate().validity();
    assert_eq!(validity.not_after.to_system_time(), now() + 3 * HOUR);
}

#[test]
fn the_root_is_a_certificate_in_pem() {
    let attester = attester();
    let pem = attester.root().certificate_pem().expect("PEM");
    let root = Certificate::from_pem(&pem).expect("a certificate");
    assert_eq!(
        root.tbs_certificate().issuer(),
        root.tbs_certificate().subject()
    );
}

#[test]
fn what_the_nsm_would_not_take_is_refused() {
    let mut attester = attester();
    let long = [0; 1025];
    for request in [
        AttestationRequest {
            public_key: Some(&long),
            ..Default::default()
        },
        AttestationRequest {
            user_data: Some(&long[..513]),
            ..Default::default()
        },
        AttestationRequest {
            nonce: Some(&long[..513]),
            ..Default::default()
        },
    ] {
        let result = attester.attest(&request, now(), &mut UnwrapErr(SysRng));
        assert!(matches!(result, Err(AttesterError::TooLong { .. })));
    }
    let mut rng = UnwrapErr(SysRng);
    let root = SoftwareRoot::generate(now(), &mut rng).expect("a root");
    let result = SoftwareAttester::new(root, BTreeMap::from([(32, [0; 48])]), &mut rng);
    assert!(matches!(
        result,
        Err(AttesterError::NoSuchPcr { index: 32 })
    ));
}

#[test]
fn module_names_have_the_genuine_shape() {
    let name = ModuleId::generate(&mut UnwrapErr(SysRng)).to_string();
    assert_eq!(name.len(), "i-0827e799ec9232d44-enc019b5640fdf630d6".len());
    assert!(name.starts_with("i-0") && name.contains("-enc"));
}
