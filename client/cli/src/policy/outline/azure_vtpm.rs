//! What is demanded of TPM quotes from Azure.

use sealnote_verifier::Kind;
use sealnote_verifier::azure_vtpm::rules::RulesFile;
use serde_json::{Value, json};

use super::flat::of_kind;
use super::{Section, Set, sev_snp, tdx};

pub(super) fn outline(rules: RulesFile) -> (Vec<Set>, Section) {
    of_kind(Kind::AzureVtpm, with_defaults(rules), &means)
}

/// The images of paravisors, by the hardware that they run on.
pub(super) fn paravisors(rules: RulesFile) -> impl Iterator<Item = Vec<Set>> {
    let on_sev_snp = rules.sev_snp.map(|rules| {
        let rules = sev_snp::with_defaults(rules);
        of_kind(Kind::AzureVtpm, rules, &means).0
    });
    let on_tdx = rules.tdx.map(|rules| tdx::outline(rules).0);
    on_sev_snp.into_iter().chain(on_tdx)
}

fn with_defaults(rules: RulesFile) -> Value {
    let mut json = json!({ "measurements": rules.measurements });
    if let Some(rules) = rules.sev_snp {
        json["sev-snp"] = sev_snp::with_defaults(rules);
    }
    if let Some(rules) = rules.tdx {
        json["tdx"] = tdx::with_defaults(rules);
    }
    json
}

fn means(path: &str) -> &'static str {
    match path.split('.').next().unwrap_or_default() {
        "tee" => "the hardware under the paravisor",
        "pcrs" => "what the vTPM measured of the guest",
        "sev-snp" | "tdx" => "what the hardware must say of the paravisor",
        _ => "",
    }
}
