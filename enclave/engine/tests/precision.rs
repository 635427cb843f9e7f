//! The native backend against the reference, on the default model and the example notes.

mod fixtures;

use std::fs;
use std::path::{Path, PathBuf};

use fixtures::{Reference, assert_close, best, fixture, load_as};
use sealnote_engine::{Computation, Engine, Scores};
use serde::Deserialize;

#[derive(Deserialize)]
struct Note {
    text: String,
}

fn from_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The example notes, and the recorded cases, some of which have several windows.
fn notes() -> Vec<String> {
    let notes = fs::read_to_string(from_root("examples/notes.jsonl")).unwrap();
    let notes = notes
        .lines()
        .map(|line| serde_json::from_str::<Note>(line).unwrap().text);
    let reference = Reference::read(&fixture("default_model_reference.json"));
    notes
        .chain(reference.cases.into_iter().map(|case| case.text))
        .collect()
}

fn classify(engine: &Engine, notes: &[&str]) -> Vec<Scores> {
    engine
        .classify(notes)
        .into_iter()
        .map(|scored| scored.unwrap().scores)
        .collect()
}

#[test]
fn the_default_models_answers_are_the_references() {
    let model = from_root("models/icd10-chapter");
    let notes = notes();
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    let reference = classify(&load_as(&model, Computation::Reference), &notes);

    let engine = load_as(&model, Computation::F32);
    let together = classify(&engine, &notes);
    for (scores, reference) in together.iter().zip(&reference) {
        assert_close(scores, reference, 1e-4);
    }

    let engine = load_as(&model, Computation::Int8);
    let together = classify(&engine, &notes);
    let (mut other, mut greatest) = (0, 0f32);
    for (scores, reference) in together.iter().zip(&reference) {
        other += usize::from(best(scores) != best(reference));
        let differences = scores.iter().zip(reference).map(|(a, b)| (a - b).abs());
        greatest = differences.fold(greatest, f32::max);
    }
    assert!(
        other * 100 <= notes.len(),
        "{other} of {} labels differ",
        notes.len()
    );
    assert!(greatest <= 0.15, "a score differs by {greatest}");

    for (note, together) in notes.iter().zip(&together).step_by(5) {
        assert_eq!(
            &classify(&engine, &[note])[0],
            together,
            "batched and alone"
        );
    }
}
