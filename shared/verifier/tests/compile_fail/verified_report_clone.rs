//! A verified report cannot be copied.

use sealnote_verifier::sev_snp::VerifiedReport;

fn twice(report: &VerifiedReport) -> VerifiedReport {
    report.clone()
}

fn main() {}
