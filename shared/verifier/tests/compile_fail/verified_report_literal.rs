//! A verified report cannot be put together, not even from parts of another.

use sealnote_verifier::sev_snp::{RootKind, VerifiedReport};

fn relabel(report: VerifiedReport) -> VerifiedReport {
    VerifiedReport {
        root: RootKind::Amd,
        ..report
    }
}

fn main() {}
