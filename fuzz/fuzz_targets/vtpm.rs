//! Evidence of an Azure guest's vTPM, as it travels and as a file. What is accepted as evidence encodes to the same bytes;
//! what a reader says is in them, where it says; the registers are those that the quote is of.
//!
//! Input: evidence, a file, an HCL report, or a TPM's quote, the last two beside the other parts of evidence.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::vtpm::GATHERED;
use sealnote_fuzz::within;
use sealnote_verifier::azure_vtpm::file::EvidenceFile;
use sealnote_verifier::azure_vtpm::wire::MAX_EVIDENCE;
use sealnote_verifier::azure_vtpm::{Parts, Tee, inspect};
use sha2::{Digest, Sha256};

/// Where an HCL report has the hardware's.
const HARDWARE: std::ops::Range<usize> = 32..1216;

fuzz_target!(|bytes: &[u8]| {
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
});

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
