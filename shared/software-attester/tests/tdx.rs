//! The attester's quotes and collateral have the genuine shape. The verifier's own tests check them in full.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sealnote_software_attester::tdx::{Form, MRTD, Machine, Platform, RTMR0, SoftwareAttester};
use serde_json::Value;
use sha2::{Digest, Sha384};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, DecodePem};

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// Where a body of version 4 starts.
const BODY: usize = 48;
const BODY_END: usize = BODY + 584;

const REPORT_DATA: [u8; 64] = [7; 64];

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn attester() -> SoftwareAttester {
    let platform = Platform {
        ppid: [1; 16],
        ..Platform::default()
    };
    let machine = Machine::new(Form::V4, &platform, now(), &mut UnwrapErr(SysRng));
    let mut machine = machine.expect("a machine");
    machine.set(MRTD, &[2; 48]);
    machine.measure(3, [3; 48]);
    SoftwareAttester::new(machine, now()).expect("an attester")
}

/// The collateral at that time.
fn collateral(attester: &mut SoftwareAttester, now: SystemTime) -> Arc<[u8]> {
    attester.attest(&REPORT_DATA, now).expect("a quote");
    attester.endorsements()
}

/// When TCB info, QE identity and both lists were issued, and when they end.
fn dates(collateral: &[u8]) -> Vec<(SystemTime, SystemTime)> {
    let collateral: Value = serde_json::from_slice(collateral).expect("JSON");
    let text = |name: &str| collateral[name].as_str().expect("a text");
    let documents = ["tcb_info", "qe_identity"].map(|name| {
        let document: Value = serde_json::from_str(text(name)).expect("JSON");
        ["issueDate", "nextUpdate"].map(|date| {
            let date = document[date].as_str().expect("a date");
            let date: x509_cert::der::DateTime = date.parse().expect("a date");
            date.to_system_time()
        })
    });
    let lists = ["root_ca_crl", "pck_crl"].map(|name| {
        let list = hex::decode(text(name)).expect("hex");
        let list: CertificateList = CertificateList::from_der(&list).expect("a list");
        let next_update = list.tbs_cert_list.next_update.expect("an end");
        [list.tbs_cert_list.this_update, next_update].map(|time| time.to_system_time())
    });
    let all = documents.into_iter().chain(lists);
    all.map(|[from, until]| (from, until)).collect()
}

#[test]
fn quotes_say_what_was_measured_and_asked_and_are_signed() {
    let mut attester = attester();
    let quote = attester.attest(&REPORT_DATA, now()).expect("a quote");
    let body = &quote[BODY..BODY_END];
    assert_eq!(body[520..584], REPORT_DATA);
    assert_eq!(body[MRTD..][..48], [2; 48]);
    let extended = Sha384::digest([[0; 48], [3; 48]].concat());
    assert_eq!(body[RTMR0..][..144], [0; 144]);
    assert_eq!(body[RTMR0 + 144..][..48], extended[..]);
    // Of host and owner there is nothing.
    assert_eq!(body[184..328], [0; 144]);

    let data = &quote[BODY_END + 4..];
    let signature = Signature::from_slice(&data[..64]).expect("a signature");
    let key = [&[4], &data[64..128]].concat();
    let key = VerifyingKey::from_sec1_bytes(&key).expect("a key");
    assert!(key.verify(&quote[..BODY_END], &signature).is_ok());
    assert!(key.verify(&quote[1..BODY_END], &signature).is_err());

    // What was asked before is gone.
    let other = attester.attest(&[8; 64], now()).expect("a quote");
    assert_eq!(other[BODY..][520..584], [8; 64]);
    assert_eq!(other[BODY..][..520], body[..520]);
}

#[test]
fn collateral_is_kept_in_date() {
    let mut attester = attester();
    let first = attester.endorsements();
    let issued_at = |now: SystemTime| vec![(now - HOUR, now + 30 * DAY); 4];
    assert_eq!(dates(&first), issued_at(now()));

    // The same for a day, and for no time before it was issued.
    let second = Duration::from_secs(1);
    let last = collateral(&mut attester, now() + DAY - second);
    assert_eq!(last, first);
    let renewed = collateral(&mut attester, now() + DAY);
    assert_eq!(dates(&renewed), issued_at(now() + DAY));
    let set_back = collateral(&mut attester, now());
    assert_eq!(dates(&set_back), issued_at(now()));
}

#[test]
fn the_root_is_one_of_its_own_name() {
    let root = attester().root_pem().expect("PEM");
    let root = Certificate::from_pem(root).expect("a certificate");
    let root = root.tbs_certificate();
    assert_eq!(root.issuer(), root.subject());
    assert!(root.subject().to_string().contains("Intel SGX Root CA"));
}

/// And no panic.
#[test]
fn a_time_that_no_certificate_can_have_is_an_error() {
    let year_10000 = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    let mut attester = attester();
    assert!(attester.attest(&REPORT_DATA, year_10000).is_err());
    assert!(attester.attest(&REPORT_DATA, now()).is_ok());
    let rng = &mut UnwrapErr(SysRng);
    let machine = Machine::new(Form::V4, &Platform::default(), year_10000, rng);
    assert!(machine.is_err());
}
