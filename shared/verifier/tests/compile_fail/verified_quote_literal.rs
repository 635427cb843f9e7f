//! A verified quote cannot be put together, not even from parts of another.

use sealnote_verifier::tdx::{RootKind, VerifiedQuote};

fn relabel(quote: VerifiedQuote) -> VerifiedQuote {
    VerifiedQuote {
        root: RootKind::Intel,
        ..quote
    }
}

fn main() {}
