//! What is demanded of TPM quotes from Azure.

use sealnote_verifier::Kind;
use sealnote_verifier::azure_vtpm::rules::RulesFile;

use super::flat::{json, of_kind};
use super::{Section, Set};

pub(super) fn outline(rules: RulesFile) -> (Vec<Set>, Section) {
    of_kind(Kind::AzureVtpm, json(&rules), &means)
}

fn means(path: &str) -> &'static str {
    match path.split('.').next().unwrap_or_default() {
        "tee" => "the hardware under the paravisor",
        "pcrs" => "what the vTPM measured of the guest",
        "sev-snp" | "tdx" => "what the hardware must say of the paravisor",
        _ => "",
    }
}
