//! What is demanded of tokens.

use sealnote_verifier::Kind;
use sealnote_verifier::token::rules::RulesFile;

use super::flat::{json, of_kind};
use super::{Section, Set};

pub(super) fn outline(rules: RulesFile) -> (Vec<Set>, Section) {
    of_kind(Kind::Token, json(&rules), &means)
}

/// Issuers are named by addresses, which have dots: the last name alone tells.
fn means(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "issuer" => "who is trusted to have verified the machine",
        "profile" => "what the issuer's tokens look like",
        "audience" => "for whom its tokens must be",
        "jwks" | "root" => "the keys that are accepted",
        "policy_hash" => "the issuer's own policy",
        "out_of_date_until" => "until when a platform may lack an update",
        "tcb_status" => "how far behind updates a platform may be",
        _ => "",
    }
}
