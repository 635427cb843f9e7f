//! A verified vTPM cannot be read from a file.

use serde::Deserialize;

fn main() {
    let mut file = serde_json::Deserializer::from_str("{}");
    let _ = sealnote_verifier::azure_vtpm::VerifiedVtpm::deserialize(&mut file);
}
