//! A verified quote cannot come from nothing.

fn main() {
    let _ = sealnote_verifier::tdx::VerifiedQuote::default();
}
