//! A verified document cannot be put together, not even from parts of another.

use sealnote_verifier::nitro::{RootKind, VerifiedDocument};

fn relabel(document: VerifiedDocument) -> VerifiedDocument {
    VerifiedDocument {
        root: RootKind::Aws,
        ..document
    }
}

fn main() {}
