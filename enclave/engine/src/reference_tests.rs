//! Token ids and logits against those that `transformers` recorded; scores are compared from
//! outside, in `tests/engine.rs`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::*;
use crate::contain::contained;

#[derive(Deserialize)]
pub(crate) struct Reference {
    window: usize,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) text: String,
    windows: Vec<Vec<u32>>,
    logits: Vec<Vec<f32>>,
}

pub(crate) const NATIVE: [&str; 5] = [
    "tiny-bert-single",
    "tiny-bert-multi",
    "tiny-distilbert",
    "tiny-roberta",
    "tiny-xlm-roberta",
];
/// Of types that are computed on candle alone.
pub(crate) const ON_CANDLE: [&str; 4] = [
    "tiny-modernbert",
    "tiny-modernbert-mean",
    "tiny-deberta-v3",
    "tiny-deberta-v2",
];

/// Each fixture in each way to compute its type.
fn all() -> impl Iterator<Item = (&'static str, Computation)> {
    use Computation::*;
    let native = NATIVE.map(|name| [Reference, F32, Int8].map(|computation| (name, computation)));
    let on_candle = ON_CANDLE.map(|name| (name, F32));
    native.into_iter().flatten().chain(on_candle)
}

/// What a logit may differ by from `transformers`'.
fn tolerance(computation: Computation) -> f32 {
    match computation {
        Computation::Reference | Computation::F32 => 1e-4,
        // These models are so narrow that errors hardly average out; see the default model's below.
        Computation::Int8 | Computation::Fastest => 0.5,
    }
}

fn fixture(
    name: &str,
    computation: Computation,
    threads: Option<NonZeroUsize>,
) -> (Engine, Reference) {
    let options = EngineOptions {
        computation,
        threads,
        ..EngineOptions::default()
    };
    let dir = fixtures().join(name);
    (load(&dir, options), read(&dir.join("reference.json")))
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn load(dir: &Path, options: EngineOptions) -> Engine {
    Engine::load(ModelFiles::open(dir).unwrap(), options).unwrap()
}

pub(crate) fn read(reference: &Path) -> Reference {
    serde_json::from_slice(&std::fs::read(reference).unwrap()).unwrap()
}

/// The windows of all the cases, in order.
fn windows(engine: &Engine, reference: &Reference) -> Vec<Window> {
    let cases = reference.cases.iter();
    cases
        .flat_map(|case| engine.tokenize(&case.text).unwrap())
        .collect()
}

/// Their logits.
pub(crate) fn expected(reference: &Reference) -> Vec<&Vec<f32>> {
    let cases = reference.cases.iter();
    cases.flat_map(|case| &case.logits).collect()
}

pub(crate) fn assert_close(what: &str, logits: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(logits.len(), expected.len());
    for (logit, expected_logit) in logits.iter().zip(expected) {
        // A NaN is close to nothing.
        assert!(
            (logit - expected_logit).abs() <= tolerance,
            "{what}: {logits:?} is not {expected:?}"
        );
    }
}

#[test]
fn windows_hold_the_tokens_of_transformers() {
    for name in NATIVE.into_iter().chain(ON_CANDLE) {
        let (engine, reference) = fixture(name, Computation::F32, None);
        assert_eq!(engine.info().window, reference.window);
        for case in &reference.cases {
            let windows: Vec<_> = engine.tokenize(&case.text).unwrap().collect();
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
fn logits_are_those_of_transformers_alone_and_together() {
    for (name, computation) in all() {
        let (engine, reference) = fixture(name, computation, None);
        let (windows, expected) = (windows(&engine, &reference), expected(&reference));
        let (name, tolerance) = (&format!("{name} {computation:?}"), tolerance(computation));
        assert_eq!(windows.len(), expected.len());
        let together = engine.logits(&windows);
        for ((window, expected), together) in windows.iter().zip(&expected).zip(together) {
            let alone = engine.logits(core::slice::from_ref(window)).remove(0);
            assert_close(name, alone.as_ref().unwrap(), expected, tolerance);
            assert_close(name, together.as_ref().unwrap(), expected, tolerance);
        }
    }
}

#[test]
fn the_default_models_logits_are_those_of_transformers() {
    let reference = read(&fixtures().join("default_model_reference.json"));
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/icd10-chapter");
    for (computation, tolerance) in [
        (Computation::Reference, 1e-4),
        (Computation::F32, 1e-4),
        (Computation::Int8, 0.75),
    ] {
        let options = EngineOptions {
            computation,
            ..EngineOptions::default()
        };
        let engine = load(&model, options);
        let logits = engine.logits(&windows(&engine, &reference));
        let expected = expected(&reference);
        assert_eq!(logits.len(), expected.len());
        for (logits, expected) in logits.iter().zip(expected) {
            let what = format!("{computation:?}");
            assert_close(&what, logits.as_ref().unwrap(), expected, tolerance);
        }
    }
}

#[test]
fn native_logits_are_the_same_bits_in_any_batch_on_any_number_of_threads() {
    for computation in [Computation::F32, Computation::Int8] {
        for name in NATIVE {
            let load = |threads| fixture(name, computation, NonZeroUsize::new(threads));
            let (engine, reference) = load(1);
            let windows = windows(&engine, &reference);
            let alone = windows.iter().map(core::slice::from_ref);
            let alone: Vec<_> = alone.flat_map(|window| engine.logits(window)).collect();
            assert_eq!(engine.logits(&windows), alone);
            for threads in [2, 3, 7] {
                let (engine, _) = load(threads);
                for _ in 0..20 {
                    assert_eq!(engine.logits(&windows), alone, "{threads} threads");
                }
                for (window, alone) in windows.iter().zip(&alone) {
                    let logits = engine.logits(core::slice::from_ref(window)).remove(0);
                    assert_eq!(&logits, alone, "{threads} threads");
                }
            }
        }
    }
}

/// On whichever thread it is: a token that is in no vocabulary cannot be looked up.
#[test]
fn a_panic_costs_its_batch_and_no_other() {
    for threads in [1, 2, 3] {
        let (engine, reference) = fixture(NATIVE[0], Computation::Int8, NonZeroUsize::new(threads));
        let windows = || windows(&engine, &reference);
        let expected = engine.logits(&windows());
        for place in 0..expected.len() {
            let mut bad = windows();
            *bad[place].ids.last_mut().unwrap() = u32::MAX;
            assert!(contained(|| engine.logits(&bad)).is_none());
            assert_eq!(engine.logits(&windows()), expected);
        }
    }
}
