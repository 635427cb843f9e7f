//! What is demanded of TDX quotes.

use sealnote_verifier::Kind;
use sealnote_verifier::tdx::rules::{DEFAULT_COLLATERAL_MAX_AGE_SECONDS, RulesFile};
use serde_json::Value;

use super::flat::{json, of_kind};
use super::{Section, Set};

pub(super) fn outline(rules: RulesFile) -> (Vec<Set>, Section) {
    of_kind(Kind::Tdx, with_defaults(rules), &means)
}

pub(super) fn with_defaults(mut rules: RulesFile) -> Value {
    let up_to_date = || vec!["UpToDate".to_owned()];
    rules.accept_status.get_or_insert_with(up_to_date);
    rules
        .collateral_max_age_seconds
        .get_or_insert(DEFAULT_COLLATERAL_MAX_AGE_SECONDS);
    json(&rules)
}

pub(super) fn means(path: &str) -> &'static str {
    match path {
        "mrtd" => "the guest as it was launched",
        "rtmr0" => "the firmware's configuration",
        "rtmr1" => "what the firmware started",
        "rtmr2" => "what the kernel was given",
        "rtmr3" => "the model",
        "mr_config_id" | "mr_owner" | "mr_owner_config" => "what the host put in at launch",
        "xfam" => "the processor's features that the guest may use",
        "mr_seam" => "the TDX modules that are accepted",
        "accept_status" => "how far behind Intel's updates a platform may be",
        "out_of_date_until" => "until when it may lack an update",
        "least_tcb_evaluation_data_number" => "the oldest of Intel's evaluations that is accepted",
        "reject_advisories" => "what a platform must not be vulnerable to",
        "collateral_max_age_seconds" => "the greatest age of what Intel signed about the platform",
        "fmspcs" => "the kinds of platforms that are accepted",
        "ppids" => "the platforms that are accepted",
        _ => "",
    }
}
