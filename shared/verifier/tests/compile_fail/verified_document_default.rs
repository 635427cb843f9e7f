//! A verified document has no default.

fn main() {
    let _ = sealnote_verifier::nitro::VerifiedDocument::default();
}
