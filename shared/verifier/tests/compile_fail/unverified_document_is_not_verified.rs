//! What `inspect` yields does not pass for what the check yields.

fn rely_on(_: &sealnote_verifier::nitro::VerifiedDocument) {}

fn main() {
    if let Ok(document) = sealnote_verifier::nitro::inspect(&[]) {
        rely_on(&document);
    }
}
