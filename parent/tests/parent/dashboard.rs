//! The dashboard for Grafana asks for metrics that are there, and for all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Rig;

const DASHBOARD: &str = include_str!("../../../deploy/grafana/sealnote-parent.json");

/// What no panel shows; with the reason.
const UNUSED: [&str; 0] = [];

#[tokio::test]
async fn each_query_is_about_metrics_that_are_there_and_each_metric_has_one() {
    let scrape = Rig::start(|_| {}).await.metrics.encode();
    let families: BTreeMap<&str, &str> = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let samples: BTreeSet<&str> = scrape
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| &line[..line.find(['{', ' ']).unwrap()])
        .collect();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() > 10, "{queries:?}");

    let mut asked = BTreeSet::new();
    for query in queries {
        let names = names(query);
        assert!(!names.is_empty(), "{query} asks for nothing of ours");
        for name in names {
            assert!(
                samples.contains(name) || families.contains_key(name),
                "{query}: no {name}"
            );
            let family = families.keys().find(|family| {
                let suffix = name.strip_prefix(**family);
                matches!(suffix, Some("" | "_bucket" | "_sum" | "_count"))
            });
            let family = *family.unwrap();
            // A counter means something by its rate, and a histogram by its buckets'.
            if families[family] != "gauge" {
                assert!(
                    query.contains("rate(") || query.contains("increase("),
                    "{query}"
                );
            }
            asked.insert(family);
        }
    }
    let left: Vec<&&str> = families
        .keys()
        .filter(|family| !asked.contains(**family))
        .collect();
    assert_eq!(left, UNUSED.iter().collect::<Vec<_>>());
}

/// The queries of panels and of variables.
fn collect<'a>(value: &'a Value, queries: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(query) if matches!(key.as_str(), "expr" | "definition") => {
                        queries.push(query)
                    }
                    _ => collect(value, queries),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, queries)),
        _ => {}
    }
}

fn names(query: &str) -> Vec<&str> {
    query
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("sealnote_parent_") || word.starts_with("process_"))
        .collect()
}
