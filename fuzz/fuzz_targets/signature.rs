//! An SSH signature of a policy, and a file of those who may sign. What is accepted is a signature by one of them, of the
//! policy, for policies; one that says something else is signed anew, and accepted only if it is for policies. Each line
//! of a file means the same by itself.
//!
//! Input: a signature in PEM, or a file of signers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_cli::policy::signature::{NAMESPACE, verify};
use sealnote_cli::policy::signers::Signers;
use sealnote_fuzz::signers::{FIXTURE, POLICY};
use sealnote_fuzz::within;
use ssh_key::{HashAlg, SshSig};

fuzz_target!(
    init: check_fixture(),
    |bytes: &[u8]| match bytes.first() {
        Some(b'-') => check_signature(bytes),
        _ => check_signers(bytes),
    }
);

/// The least that a check may hold, whatever came.
const OF_CHECK: usize = 64 * 1024;

/// What nobody changed is accepted.
fn check_fixture() {
    assert_eq!(FIXTURE.signers.all().len(), FIXTURE.keys.len());
    for (key, signer) in FIXTURE.keys.iter().zip(FIXTURE.signers.all()) {
        for hash in [HashAlg::Sha256, HashAlg::Sha512] {
            let pem = FIXTURE.signed(key, NAMESPACE, hash).expect("a signature");
            let found = verify(&FIXTURE.signers, POLICY, pem.as_bytes());
            assert_eq!(found, Ok(signer));
            assert!(verify(&FIXTURE.signers, b"{}", pem.as_bytes()).is_err());
        }
    }
}

fn check_signature(pem: &[u8]) {
    let signers = &FIXTURE.signers;
    let limit = OF_CHECK + 64 * pem.len();
    let verified = within(limit, || verify(signers, POLICY, pem));
    let Ok(read) = SshSig::from_pem(pem) else {
        assert!(verified.is_err());
        return;
    };
    let mut keys = FIXTURE.keys.iter();
    let key = keys.find(|key| key.public_key().key_data() == read.public_key());
    let Some(key) = key else {
        assert!(verified.is_err());
        return;
    };
    let (namespace, hash) = (read.namespace(), read.hash_alg());
    if let Ok(signer) = verified {
        assert_eq!(signer.key.key_data(), read.public_key());
        assert_eq!(namespace, NAMESPACE);
    }
    // What it says, said by the key's owner.
    if let Some(signed) = FIXTURE.signed(key, namespace, hash) {
        let verified = verify(signers, POLICY, signed.as_bytes());
        assert_eq!(verified.is_ok(), namespace == NAMESPACE);
    }
}

fn check_signers(file: &[u8]) {
    let limit = OF_CHECK + 64 * file.len();
    let Ok(signers) = within(limit, || Signers::of_file(file)) else {
        return;
    };
    let text = String::from_utf8_lossy(file);
    let mut by_line = Vec::new();
    for line in text.lines() {
        let alone = Signers::of_file(line.as_bytes()).expect("a line that was understood");
        assert!(alone.all().len() <= 1);
        for signer in alone.all() {
            let key = signer.key.to_openssh().expect("a key that was read");
            let base64 = key.split(' ').nth(1).expect("type and key");
            assert!(line.contains(base64), "a key that is not in the line");
            by_line.push((signer.key.clone(), signer.name.clone()));
        }
    }
    let all = signers.all().iter();
    let all: Vec<_> = all.map(|it| (it.key.clone(), it.name.clone())).collect();
    assert!(all == by_line);
}
