//! The attester's reports and endorsements have the genuine shape. The verifier's own tests check them in full.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p384::ecdsa::signature::Verifier;
use p384::ecdsa::{Signature, VerifyingKey};
use sealnote_evidence::map;
use sealnote_software_attester::sev_snp::{
    Authority, Guest, Machine, REPORT_LEN, SoftwareAttester,
};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, DecodePem};

const DAY: Duration = Duration::from_secs(24 * 3600);

const REPORT_DATA: [u8; 64] = [7; 64];

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn attester() -> SoftwareAttester {
    let (machine, guest) = (Machine::genoa([1; 64]), Guest::measured([2; 48]));
    let rng = UnwrapErr(SysRng);
    let authority = Authority::generate(&mut [rng, rng]).expect("an authority");
    let attester = SoftwareAttester::new(authority, machine, guest, now(), &mut { rng });
    attester.expect("an attester")
}

/// A report, and the endorsements at that time.
fn attest(attester: &mut SoftwareAttester, now: SystemTime) -> (Vec<u8>, Arc<[u8]>) {
    let report = attester.attest(&REPORT_DATA, now, &mut UnwrapErr(SysRng));
    (report.expect("a report"), attester.endorsements())
}

/// Leaf and revocation list.
fn read(endorsements: &[u8]) -> (Certificate, CertificateList) {
    let entries = map::read(endorsements, 1 << 16).expect("a map");
    let [(1, leaf), (2, intermediate), (3, crl)] = entries[..] else {
        panic!("other entries: {entries:?}");
    };
    assert!(Certificate::from_der(intermediate).is_ok());
    let leaf = Certificate::from_der(leaf).expect("a certificate");
    (leaf, CertificateList::from_der(crl).expect("a list"))
}

/// One test, for each would make keys of its own.
#[test]
fn reports_are_signed_by_what_is_endorsed_and_the_list_is_kept_in_date() {
    let mut attester = attester();
    let (report, endorsements) = attest(&mut attester, now());
    assert_eq!(report.len(), REPORT_LEN);
    assert_eq!(report[0x50..0x90], REPORT_DATA);
    assert_eq!(report[0x90..0xc0], [2; 48]);
    assert_eq!(report[0x1a0..0x1e0], [1; 64]);

    let (leaf, list) = read(&endorsements);
    let key = leaf.tbs_certificate().subject_public_key_info();
    let key = VerifyingKey::from_sec1_bytes(key.subject_public_key.raw_bytes()).expect("a key");
    let scalar = |at: usize| -> [u8; 48] { std::array::from_fn(|i| report[at + 47 - i]) };
    let signature = Signature::from_scalars(scalar(0x2a0), scalar(0x2e8)).expect("a signature");
    assert!(key.verify(&report[..0x2a0], &signature).is_ok());
    assert!(key.verify(&report[1..0x2a0], &signature).is_err());

    // The same endorsements for a day, and for no time before they were issued.
    let second = Duration::from_secs(1);
    let (_, same) = attest(&mut attester, now() + DAY - second);
    assert_eq!(same, endorsements);
    let (_, renewed) = attest(&mut attester, now() + DAY);
    let (same_leaf, later) = read(&renewed);
    assert_eq!(same_leaf, leaf);
    let issued = |list: &CertificateList| list.tbs_cert_list.this_update.to_system_time();
    assert_eq!(issued(&later), issued(&list) + DAY);
    let (_, set_back) = attest(&mut attester, now());
    assert_ne!(set_back, renewed);
    assert!(issued(&read(&set_back).1) < now());

    let root = Certificate::from_pem(attester.root_pem().expect("PEM")).expect("a certificate");
    let root = root.tbs_certificate();
    assert_eq!(root.issuer(), root.subject());
    assert!(root.subject().to_string().contains("ARK-Genoa"));
}
