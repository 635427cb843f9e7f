//! Evidence of an Azure guest's vTPM, as it travels and as a file. What is accepted as evidence encodes to the same bytes;
//! what a reader says is in them, where it says; the registers are those that the quote is of. `var_data` and quotes of a
//! guest on TDX are signed, whatever they say: what is accepted names the one key that signed, and is bound as asked.
//!
//! Input: evidence, a file, an HCL report, or a TPM's quote, the last two beside the other parts of evidence; `v` and
//! `var_data`; `m` and a TPM's quote.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::vtpm::{GATHERED, GUEST};
use sealnote_fuzz::within;
use sealnote_verifier::azure_vtpm::file::EvidenceFile;
use sealnote_verifier::azure_vtpm::wire::MAX_EVIDENCE;
use sealnote_verifier::azure_vtpm::{Parts, Tee, inspect};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where an HCL report has the hardware's.
const HARDWARE: std::ops::Range<usize> = 32..1216;

fuzz_target!(
    init: check_guest(),
    |bytes: &[u8]| {
        match bytes {
            [b'v', var_data @ ..] => check_var_data(var_data),
            [b'm', quote @ ..] => check_quote(quote),
            _ => check_evidence(bytes),
        }
    }
);

/// The least that a check may hold, whatever came: what the machine signs, and Intel's collateral.
const OF_CHECK: usize = 1024 * 1024;

/// What nobody changed is accepted, or no change of it would be told from another.
fn check_guest() {
    let guest = &*GUEST;
    check_var_data(&guest.var_data);
    let checked = guest.check(&guest.var_data, &guest.quote);
    assert_eq!(checked.expect("a guest").measurement_set(), "guest");
}

fn check_var_data(var_data: &[u8]) {
    let guest = &*GUEST;
    let limit = OF_CHECK + 64 * var_data.len();
    match within(limit, || guest.check(var_data, &guest.quote)) {
        Ok(_) => assert_eq!(keys(var_data), keys(&guest.var_data)),
        // Facts are told, in one line.
        Err(refused) => assert!(!refused.to_string().contains('\n')),
    }
}

/// What counts of each key that has the attestation key's name.
fn keys(var_data: &[u8]) -> Vec<[Value; 4]> {
    let read: Value = serde_json::from_slice(var_data).expect("what was read as JSON");
    let keys = read["keys"].as_array().expect("a list").iter();
    keys.filter(|key| key["kid"] == "HCLAkPub")
        .map(|key| ["kty", "key_ops", "e", "n"].map(|name| key[name].clone()))
        .collect()
}

fn check_quote(quote: &[u8]) {
    let guest = &*GUEST;
    let limit = OF_CHECK + 64 * quote.len();
    match within(limit, || guest.check(&guest.var_data, quote)) {
        Ok(verified) => {
            let signer_len = usize::from(u16::from_be_bytes([quote[6], quote[7]]));
            let due = &quote[8 + signer_len + 2..][..guest.qualifying_data.len()];
            assert_eq!(due, guest.qualifying_data);
            let values: Vec<u8> = verified.pcrs().values().flatten().copied().collect();
            assert!(quote.ends_with(&Sha256::digest(&values)));
        }
        Err(refused) => assert!(!refused.to_string().contains('\n')),
    }
}

fn check_evidence(bytes: &[u8]) {
    let limit = 16 * 1024 + 64 * bytes.len();
    if let Ok((parts, key)) = within(limit, || Parts::decode(bytes)) {
        assert_eq!(parts.encode(key), bytes);
        read(&parts);
    }
    if let Ok(file) = within(limit, || EvidenceFile::from_json(bytes)) {
        read(&file.parts());
        let evidence = file.parts().encode(None);
        match Parts::decode(&evidence) {
            Ok(read) => assert_eq!(read, (file.parts(), None)),
            Err(_) => assert!(evidence.len() > MAX_EVIDENCE),
        }
    }
    for gathered in &*GATHERED {
        read(&Parts {
            hcl_report: bytes,
            ..gathered.parts()
        });
    }
    read(&Parts {
        quote: bytes,
        ..GATHERED[0].parts()
    });
}

fn read(parts: &Parts<'_>) {
    let Ok(read) = within(16 * 1024, || inspect(parts)) else {
        return;
    };
    match read.tee() {
        Tee::SevSnp => {
            assert!(parts.td_quote.is_empty());
            assert_eq!(read.report(), &parts.hcl_report[HARDWARE]);
        }
        Tee::Tdx => {
            assert!(!parts.td_quote.is_empty());
            assert_eq!(read.report(), parts.td_quote);
        }
    }
    let signer_len = usize::from(u16::from_be_bytes([parts.quote[6], parts.quote[7]]));
    let due = &parts.quote[8 + signer_len + 2..][..read.qualifying_data().len()];
    assert_eq!(read.qualifying_data(), due);
    let values: Vec<u8> = read.pcrs().values().flatten().copied().collect();
    assert_eq!(values, parts.pcrs);
    assert!(parts.quote.ends_with(&Sha256::digest(&values)));
}
