//! A verified report cannot come from nothing.

fn main() {
    let _ = sealnote_verifier::sev_snp::VerifiedReport::default();
}
