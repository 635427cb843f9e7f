//! A policy file's own names, a demand for each value: for kinds whose files say enough.

use sealnote_verifier::{Kind, UnixTime};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Demand, Section, Set, suite};

/// Of a kind's rules, with every default filled in. The sets are under `measurements`, of tokens under each issuer.
pub(super) fn of_kind(
    kind: Kind,
    rules: Value,
    means: &dyn Fn(&str) -> &'static str,
) -> (Vec<Set>, Section) {
    let (mut sets, mut demands) = (Vec::new(), Vec::new());
    let rules = without_sets(kind, rules, means, &mut sets);
    flatten("", &rules, means, &mut demands);
    let kind = kind.name();
    (sets, Section { kind, demands })
}

pub(super) fn json(rules: &impl Serialize) -> Value {
    match serde_json::to_value(rules) {
        Ok(json) => json,
        Err(error) => unreachable!("texts and numbers: {error}"),
    }
}

fn without_sets(
    kind: Kind,
    rules: Value,
    means: &dyn Fn(&str) -> &'static str,
    sets: &mut Vec<Set>,
) -> Value {
    let Value::Object(mut rules) = rules else {
        return rules;
    };
    if let Some(Value::Array(found)) = rules.remove("measurements") {
        let found = found.into_iter().filter_map(|set| match set {
            Value::Object(set) => Some(self::set(kind, set, means)),
            _ => None,
        });
        sets.extend(found);
    }
    if let Some(Value::Array(issuers)) = rules.remove("issuers") {
        let mut without = Vec::new();
        for issuer in issuers {
            let name = issuer.get("issuer").and_then(Value::as_str);
            let demand = name.map(|name| Demand::one("issuer", means("issuer"), name));
            let first = sets.len();
            without.push(without_sets(kind, issuer, means, sets));
            // Whose set it is, which is no less than what it asks for.
            for set in &mut sets[first..] {
                set.demands.extend(demand.clone());
            }
        }
        rules.insert("issuers".into(), without.into());
    }
    Value::Object(rules)
}

fn set(kind: Kind, mut set: Map<String, Value>, means: &dyn Fn(&str) -> &'static str) -> Set {
    let label = set.remove("label");
    let label = label.as_ref().and_then(Value::as_str).unwrap_or_default();
    let not_after = set.remove("not_after").and_then(|time| match time {
        Value::Number(seconds) => seconds.as_u64().map(UnixTime::from_seconds),
        Value::String(text) => text.parse().ok(),
        _ => None,
    });
    let least = set.remove("least_suite");
    let least = least.and_then(|least| u16::try_from(least.as_u64()?).ok());
    let mut demands = Vec::new();
    flatten("", &Value::Object(set), means, &mut demands);
    demands.extend(suite(least));
    Set {
        kind: kind.name(),
        label: label.to_owned(),
        not_after,
        demands,
    }
}

/// A demand for each value, named by the path to it. Objects in a list are named by what they are called.
pub(super) fn flatten(
    path: &str,
    json: &Value,
    means: &dyn Fn(&str) -> &'static str,
    demands: &mut Vec<Demand>,
) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let within = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&within(name), value, means, demands);
            }
        }
        // A command line: its order counts.
        Value::Array(_) if path.ends_with("args") => {
            demands.push(Demand::one(path, means(path), json));
        }
        // The sets, which were taken out.
        Value::Array(values) if values.is_empty() => {}
        Value::Array(values) if values.iter().any(Value::is_object) => {
            for value in values {
                let called = value.get("label").or_else(|| value.get("issuer"));
                let called = called.and_then(Value::as_str).unwrap_or_default();
                flatten(&within(called), value, means, demands);
            }
        }
        Value::Array(values) => {
            let mut values: Vec<String> = values.iter().map(text).collect();
            values.sort();
            demands.push(Demand::any_of(path, means(path), Some(values)));
        }
        value => demands.push(Demand::one(path, means(path), text(value))),
    }
}
