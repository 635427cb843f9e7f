//! Rules that ask for exactly what one quote says.

use sealnote_verifier::tdx::rules::RulesFile;
use sealnote_verifier::tdx::{QuoteFields, Rules};
use serde_json::{Value, json};

/// The value of `evidence.tdx`.
pub fn rules(fields: &QuoteFields) -> Value {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = fields.rtmrs.each_ref().map(|rtmr| hex_or_zero(rtmr));
    json!({
        "measurements": [{
            "label": "fixture",
            "mrtd": hex::encode(fields.mrtd),
            "rtmr0": rtmr0,
            "rtmr1": rtmr1,
            "rtmr2": rtmr2,
            "rtmr3": rtmr3,
            "mr_config_id": hex_or_zero(&fields.mr_config_id),
            "mr_owner": hex_or_zero(&fields.mr_owner),
            "mr_owner_config": hex_or_zero(&fields.mr_owner_config),
            "xfam": hex::encode(fields.xfam),
            "mr_seam": [hex::encode(fields.mr_seam)],
        }],
        "least_tcb_evaluation_data_number": 17,
        "reject_advisories": "none",
        "fmspcs": "any",
        "ppids": "any",
    })
}

pub fn load(rules: &Value) -> Result<Rules, String> {
    let file: RulesFile =
        serde_json::from_value(rules.clone()).map_err(|error| error.to_string())?;
    Rules::load(file).map_err(|error| error.to_string())
}

fn hex_or_zero(bytes: &[u8]) -> String {
    match bytes.iter().all(|byte| *byte == 0) {
        true => String::from("zero"),
        false => hex::encode(bytes),
    }
}
