//! A verified document cannot be read from a file.

use serde::Deserialize;

fn main() {
    let mut file = serde_json::Deserializer::from_str("{}");
    let _ = sealnote_verifier::nitro::VerifiedDocument::deserialize(&mut file);
}
