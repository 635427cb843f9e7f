//! An SEV-SNP report, and evidence and endorsements of that kind: what is accepted encodes to the same bytes, and a
//! report that nobody signed is accepted by no policy.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_evidence::Evidence;
use sealnote_fuzz::within;
use sealnote_verifier::sev_snp::inspect;
use sealnote_verifier::sev_snp::wire::{Endorsements, MAX_EVIDENCE};

fuzz_target!(|bytes: &[u8]| {
    let limit = 16 * 1024 + 64 * bytes.len();
    if let Ok(evidence) = within(limit, || Evidence::decode(bytes, MAX_EVIDENCE)) {
        assert_eq!(evidence.encode(), bytes);
        let _ = within(limit, || inspect(evidence.report));
    }
    if let Ok(endorsements) = within(limit, || Endorsements::decode(bytes)) {
        assert_eq!(endorsements.encode(), bytes);
    }
    // All 1,184 bytes, whatever came.
    let mut report = bytes.to_vec();
    report.resize(1184, 0);
    let first = within(limit, || inspect(&report)).map(|report| format!("{report:?}"));
    let again = inspect(&report).map(|report| format!("{report:?}"));
    assert_eq!(first, again);
});
