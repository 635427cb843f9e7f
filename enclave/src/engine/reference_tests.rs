//! Token ids and logits against those that `transformers` recorded; scores are compared from
//! outside, in `tests/engine.rs`.

use std::path::Path;

use serde::Deserialize;

use super::model::SequenceClassifier;
use super::*;

#[derive(Deserialize)]
struct Reference {
    window: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    windows: Vec<Vec<u32>>,
    logits: Vec<Vec<f32>>,
}

fn fixture(name: &str) -> (Engine, Reference) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    let files = ModelFiles::open(&dir).unwrap();
    let engine = Engine::load(files, EngineOptions::default()).unwrap();
    let reference = std::fs::read(dir.join("reference.json")).unwrap();
    (engine, serde_json::from_slice(&reference).unwrap())
}

fn assert_close(model: &SequenceClassifier, rows: &[&Window], expected: &[&Vec<f32>]) {
    let logits = model.logits(rows).unwrap();
    assert_eq!(logits.len(), expected.len());
    for (row, expected) in logits.iter().zip(expected) {
        assert_eq!(row.len(), expected.len());
        for (logit, expected) in row.iter().zip(*expected) {
            assert!(
                (logit - expected).abs() <= 1e-4,
                "{row:?} is not {expected:?}"
            );
        }
    }
}

#[test]
fn windows_hold_the_tokens_of_transformers() {
    for name in ["tiny-bert-single", "tiny-bert-multi"] {
        let (engine, reference) = fixture(name);
        assert_eq!(engine.info().window, reference.window);
        for case in &reference.cases {
            let windows = engine.tokenizer.windows(&case.text).unwrap();
            let ids: Vec<_> = windows.iter().map(|window| window.ids.clone()).collect();
            assert_eq!(ids, case.windows, "{name}: {}", case.text);
            assert!(
                windows
                    .iter()
                    .all(|window| window.type_ids == vec![0; window.len()])
            );
        }
    }
}

#[test]
fn logits_are_those_of_transformers_alone_and_padded() {
    for name in ["tiny-bert-single", "tiny-bert-multi"] {
        let (engine, reference) = fixture(name);
        let mut windows = Vec::new();
        for case in &reference.cases {
            windows.extend(engine.tokenizer.windows(&case.text).unwrap());
        }
        let expected: Vec<_> = reference
            .cases
            .iter()
            .flat_map(|case| &case.logits)
            .collect();
        assert_eq!(windows.len(), expected.len());
        for (window, expected) in windows.iter().zip(&expected) {
            assert_close(&engine.model, &[window], &[*expected]);
        }
        // All in one batch, which `batch::plan` would never make: most of it is padding.
        let rows: Vec<_> = windows.iter().collect();
        assert_close(&engine.model, &rows, &expected);
    }
}
