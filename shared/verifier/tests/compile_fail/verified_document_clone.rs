//! A verified document cannot be copied.

fn twice(document: &sealnote_verifier::nitro::VerifiedDocument) -> sealnote_verifier::nitro::VerifiedDocument {
    document.clone()
}

fn main() {}
