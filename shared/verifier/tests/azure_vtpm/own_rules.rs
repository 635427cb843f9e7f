//! Rules that ask for exactly what some evidence says.

use sealnote_verifier::azure_vtpm::{Pcrs, Rules, Tee};
use serde_json::{Map, Value, json};

/// The value of `evidence.azure-vtpm`, around rules for the hardware.
pub fn rules(tee: Tee, hardware: &Value, pcrs: &Pcrs) -> Value {
    let mut set = Map::new();
    for (register, value) in pcrs {
        let text = match value.iter().all(|byte| *byte == 0) {
            true => String::from("zero"),
            false => hex::encode(value),
        };
        set.insert(register.to_string(), json!(text));
    }
    json!({
        "measurements": [{"label": "guest", "tee": tee.name(), "pcrs": set}],
        tee.name(): hardware,
    })
}

/// The rules, loaded.
pub fn load(rules: &Value) -> Rules {
    let file = serde_json::from_value(rules.clone()).expect("the shape of rules");
    Rules::load(file).expect("rules that load")
}
