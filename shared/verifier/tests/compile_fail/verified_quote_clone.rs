//! A verified quote cannot be copied.

use sealnote_verifier::tdx::VerifiedQuote;

fn twice(quote: &VerifiedQuote) -> VerifiedQuote {
    quote.clone()
}

fn main() {}
