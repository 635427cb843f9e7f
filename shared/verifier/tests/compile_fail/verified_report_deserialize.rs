//! A verified report cannot be read from a file.

use serde::Deserialize;

fn main() {
    let mut file = serde_json::Deserializer::from_str("{}");
    let _ = sealnote_verifier::sev_snp::VerifiedReport::deserialize(&mut file);
}
