//! What `inspect` yields does not pass for what the check yields.

fn rely_on(_: &sealnote_verifier::sev_snp::VerifiedReport) {}

fn main() {
    if let Ok(report) = sealnote_verifier::sev_snp::inspect(&[]) {
        rely_on(&report);
    }
}
