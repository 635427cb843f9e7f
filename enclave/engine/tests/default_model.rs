//! The default model, `models/icd10-chapter`, against what `transformers` computed for it.
//!
//! After the model was trained again, record the reference again:
//! `python3 enclave/engine/tests/fixtures/record_reference.py models/icd10-chapter
//! enclave/engine/tests/fixtures/default_model_reference.json`

mod fixtures;

use std::path::PathBuf;

use fixtures::{Reference, assert_close, best, fixture, load_as};
use sealnote_engine::{Computation, OVERLAP};

#[test]
fn scores_are_those_of_transformers_and_words_after_token_600_decide() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/icd10-chapter");
    let reference = Reference::read(&fixture("default_model_reference.json"));
    let engine = load_as(&dir, Computation::F32);
    assert_eq!(
        engine.info().digest.to_string(),
        reference.digest,
        "models/icd10-chapter is not the model of default_model_reference.json: record it again"
    );
    assert_eq!(engine.info().labels, reference.labels);
    assert_eq!(engine.info().window, reference.window);

    let scores = engine.classify(&reference.texts());
    for (scores, case) in scores.iter().zip(&reference.cases) {
        assert_close(&scores.as_ref().unwrap().scores, &case.scores, 1e-4);
    }

    let [.., before, after] = &reference.cases[..] else {
        panic!("the reference has no such case")
    };
    assert!(after.text.starts_with(&before.text));
    let tokens = |windows: &[Vec<u32>]| {
        let all: usize = windows.iter().map(|ids| ids.len() - 2).sum();
        all - (windows.len() - 1) * OVERLAP
    };
    assert!(tokens(&before.windows) > 600);
    assert_ne!(best(&before.scores), best(&after.scores));
}
