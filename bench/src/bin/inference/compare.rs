//! How far the precisions agree on notes whose label is known.

use std::fs;
use std::path::Path;

use anyhow::Context;
use sealnote_enclave::engine::{Computation, Scores};
use serde::Deserialize;

use crate::load;

#[derive(Deserialize)]
struct Note {
    text: String,
    expected: String,
}

/// Notes given to the engine at once.
const BATCH: usize = 32;

/// Prints accuracy and macro-F1 of each precision on `file`, lines of JSON with `text` and `expected`, and
/// how many labels differ from the reference's.
pub fn print(model: &Path, file: &Path) -> anyhow::Result<()> {
    let lines = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let notes: Vec<Note> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    let mut reference: Vec<Scores> = Vec::new();
    println!("{} notes", notes.len());
    for (name, computation) in [
        ("reference", Computation::Reference),
        ("f32", Computation::F32),
        ("int8", Computation::Int8),
    ] {
        let engine = load(model, computation, None)?;
        let labels = &engine.info().labels;
        let mut scores = Vec::new();
        for batch in texts.chunks(BATCH) {
            for result in engine.classify(batch) {
                scores.push(result.map_err(|error| anyhow::anyhow!("{error:?}"))?);
            }
        }
        let said: Vec<usize> = scores.iter().map(|scores| best(scores)).collect();
        let truth: Vec<Option<usize>> = notes
            .iter()
            .map(|note| labels.iter().position(|label| *label == note.expected))
            .collect();
        let right = said
            .iter()
            .zip(&truth)
            .filter(|(said, truth)| Some(**said) == **truth)
            .count();
        let f1 = |label: usize| {
            let pairs = || said.iter().zip(&truth);
            let hits = pairs()
                .filter(|(s, t)| **s == label && **t == Some(label))
                .count();
            let either =
                pairs().map(|(s, t)| usize::from(*s == label) + usize::from(*t == Some(label)));
            match either.sum::<usize>() {
                0 => 0.0,
                either => 2.0 * hits as f64 / either as f64,
            }
        };
        let macro_f1 = (0..labels.len()).map(f1).sum::<f64>() / labels.len() as f64;
        println!(
            "{name:>9}: accuracy {:.4}, macro-F1 {macro_f1:.4}",
            right as f64 / notes.len() as f64
        );
        if reference.is_empty() {
            reference = scores;
            continue;
        }
        let other = said
            .iter()
            .zip(&reference)
            .filter(|(said, scores)| **said != best(scores));
        let other = other.count();
        let differences = scores.iter().flatten().zip(reference.iter().flatten());
        let greatest = differences.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!(
            "           other labels than the reference's: {other} ({:.2} %); scores differ by at most {greatest:.5}",
            other as f64 / notes.len() as f64 * 100.0
        );
    }
    Ok(())
}

fn best(scores: &[f32]) -> usize {
    (0..scores.len())
        .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
        .unwrap_or(0)
}
