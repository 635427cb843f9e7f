//! A verified document cannot be copied.

fn twice(document: &sealnote_verifier::VerifiedDocument) -> sealnote_verifier::VerifiedDocument {
    document.clone()
}

fn main() {}
