//! What `inspect` yields does not pass for what the check yields.

fn rely_on(_: &sealnote_verifier::tdx::VerifiedQuote) {}

fn main() {
    if let Ok(quote) = sealnote_verifier::tdx::inspect(&[]) {
        rely_on(&quote);
    }
}
