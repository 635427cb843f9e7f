//! The key policy in docs/kms-key-policy.md allows nothing without the registers of image and model.
//!
//! It is copied by people onto keys that nobody can take the policy from again.

use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/kms-key-policy.md");

const REGISTERS: [&str; 4] = ["PCR0", "PCR1", "PCR2", "PCR16"];

/// What is wrong with a key policy; empty if it gives the key to measured enclaves alone.
fn faults(policy: &Value) -> Vec<String> {
    let Some(statements) = policy["Statement"].as_array() else {
        return vec!["it has no list of statements".into()];
    };
    statements
        .iter()
        .filter(|statement| statement["Effect"] != "Deny")
        .flat_map(faults_of_allow)
        .collect()
}

fn faults_of_allow(statement: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for key in ["NotPrincipal", "NotAction", "NotResource"] {
        if statement.get(key).is_some() {
            faults.push(format!("{key} allows whatever it does not name"));
        }
    }
    // The key itself is the only resource that a key policy speaks of.
    for key in ["Principal", "Action"] {
        let texts = texts(&statement[key]);
        if texts.is_empty() || texts.iter().any(|text| is_wild(text)) {
            faults.push(format!("{key} is not one by name"));
        }
    }
    let operators = statement["Condition"].as_object();
    if !operators.is_some_and(|operators| operators.keys().eq(["StringEquals"])) {
        faults.push("its conditions are not all StringEquals".into());
    }
    for register in REGISTERS {
        let key = format!("kms:RecipientAttestation:{register}");
        let values = texts(&statement["Condition"]["StringEquals"][key]);
        if values.is_empty() || values.iter().any(|value| is_wild(value)) {
            faults.push(format!("{register} is not one by value"));
        }
    }
    faults
}

/// Every text in a value, whatever holds it.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn is_wild(text: &str) -> bool {
    text.is_empty() || text.contains(['*', '?'])
}

fn policies() -> Vec<Value> {
    DOCUMENT
        .split("```json\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .map(|block| serde_json::from_str(block).expect("the document's JSON"))
        .collect()
}

#[test]
fn the_documents_policy_allows_only_measured_enclaves() {
    let policies = policies();
    assert_eq!(policies.len(), 1);
    for policy in &policies {
        assert_eq!(faults(policy), Vec::<String>::new());
    }
}

#[test]
fn a_policy_that_allows_more_is_found_out() {
    type Edit = (&'static str, fn(&mut Value));
    let edits: [Edit; 10] = [
        ("PCR0", |s| {
            drop(equals(s).remove("kms:RecipientAttestation:PCR0"))
        }),
        ("PCR1", |s| {
            drop(equals(s).remove("kms:RecipientAttestation:PCR1"))
        }),
        ("PCR2", |s| {
            drop(equals(s).remove("kms:RecipientAttestation:PCR2"))
        }),
        ("PCR16", |s| {
            equals(s)["kms:RecipientAttestation:PCR16"] = serde_json::json!(["a", "b*"])
        }),
        ("StringEquals", |s| {
            let conditions = s["Condition"].as_object_mut().expect("conditions");
            let equals = conditions.remove("StringEquals").expect("StringEquals");
            conditions.insert("StringLike".into(), equals);
        }),
        ("StringEquals", |s| {
            s["Condition"]["StringEqualsIfExists"] = serde_json::json!({})
        }),
        ("StringEquals", |s| {
            drop(s.as_object_mut().expect("a statement").remove("Condition"))
        }),
        ("Principal", |s| s["Principal"] = "*".into()),
        ("Action", |s| s["Action"] = "kms:*".into()),
        ("NotPrincipal", |s| s["NotPrincipal"] = "x".into()),
    ];
    for (expected, edit) in edits {
        let mut policy = policies().remove(0);
        edit(&mut policy["Statement"][0]);
        let faults = faults(&policy);
        assert!(
            faults.iter().any(|fault| fault.contains(expected)),
            "{expected}: {faults:?}"
        );
    }
}

fn equals(statement: &mut Value) -> &mut serde_json::Map<String, Value> {
    statement["Condition"]["StringEquals"]
        .as_object_mut()
        .expect("StringEquals")
}
