//! How far the precisions agree on notes whose label is known.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use sealnote_engine::{Computation, Scores};
use serde::Deserialize;

use crate::load;

/// Notes given to the engine at once.
const BATCH: usize = 32;

/// What an engine may differ by from the reference.
struct Bounds {
    /// Share of the labels that are other ones.
    labels: f64,
    /// Of accuracy and of macro-F1, downwards.
    figures: f64,
    /// Of a score.
    scores: f32,
}

const F32: Bounds = Bounds {
    labels: 0.0,
    figures: 0.0,
    scores: 1e-4,
};
const INT8: Bounds = Bounds {
    labels: 0.01,
    figures: 0.003,
    scores: 0.25,
};

#[derive(Deserialize)]
struct Note {
    text: String,
    expected: String,
}

/// What an engine said of the notes.
struct Said {
    scores: Vec<Scores>,
    /// By note, the place of the greatest score.
    labels: Vec<usize>,
    accuracy: f64,
    macro_f1: f64,
}

/// Prints accuracy and macro-F1 of each precision on `file`, lines of JSON with `text` and `expected`, and
/// how many labels differ from the reference's.
///
/// # Errors
/// If an engine is further from the reference than it may be.
pub fn print(model: &Path, file: &Path) -> anyhow::Result<()> {
    let lines = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let notes: Vec<Note> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(!notes.is_empty(), "{}: no notes", file.display());
    println!("{} notes", notes.len());
    let reference = said(model, Computation::Reference, &notes)?;
    reference.print("reference");
    let mut far = Vec::new();
    for (name, computation, bounds) in [
        ("f32", Computation::F32, F32),
        ("int8", Computation::Int8, INT8),
    ] {
        let said = said(model, computation, &notes)?;
        said.print(name);
        if !said.is_near(&reference, &bounds) {
            far.push(name);
        }
    }
    ensure!(
        far.is_empty(),
        "further from the reference than it may be: {}",
        far.join(", ")
    );
    Ok(())
}

fn said(model: &Path, computation: Computation, notes: &[Note]) -> anyhow::Result<Said> {
    let engine = load(model, computation, None)?;
    let mut scores = Vec::new();
    for batch in notes.chunks(BATCH) {
        let texts: Vec<&str> = batch.iter().map(|note| note.text.as_str()).collect();
        for result in engine.classify(&texts) {
            let scored = result.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            scores.push(scored.scores);
        }
    }
    let names = &engine.info().labels;
    let truth = notes
        .iter()
        .map(|note| names.iter().position(|name| *name == note.expected));
    let labels: Vec<usize> = scores.iter().map(|scores| best(scores)).collect();
    let pairs: Vec<(usize, Option<usize>)> = labels.iter().copied().zip(truth).collect();
    let right = pairs
        .iter()
        .filter(|(said, truth)| Some(*said) == *truth)
        .count();
    let f1 = (0..names.len()).map(|label| f1(&pairs, label)).sum::<f64>();
    Ok(Said {
        accuracy: right as f64 / notes.len() as f64,
        macro_f1: f1 / names.len() as f64,
        scores,
        labels,
    })
}

fn f1(pairs: &[(usize, Option<usize>)], label: usize) -> f64 {
    let (mut hits, mut either) = (0, 0);
    for (said, truth) in pairs {
        let (said, true_one) = (*said == label, *truth == Some(label));
        hits += usize::from(said && true_one);
        either += usize::from(said) + usize::from(true_one);
    }
    match either {
        0 => 0.0,
        either => 2.0 * hits as f64 / either as f64,
    }
}

impl Said {
    fn print(&self, name: &str) {
        let Self {
            accuracy, macro_f1, ..
        } = self;
        println!("{name:>9}: accuracy {accuracy:.4}, macro-F1 {macro_f1:.4}");
    }

    /// Says how far it is, too.
    fn is_near(&self, reference: &Self, bounds: &Bounds) -> bool {
        let labels = self.labels.iter().zip(&reference.labels);
        let other = labels.filter(|(a, b)| a != b).count();
        let share = other as f64 / self.labels.len() as f64;
        let scores = self.scores.iter().flatten();
        let scores = scores.zip(reference.scores.iter().flatten());
        let greatest = scores.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!(
            "           other labels than the reference's: {other} ({:.2} %); scores differ by at most {greatest:.5}",
            share * 100.0
        );
        share <= bounds.labels
            && greatest <= bounds.scores
            && reference.accuracy - self.accuracy <= bounds.figures
            && reference.macro_f1 - self.macro_f1 <= bounds.figures
    }
}

fn best(scores: &[f32]) -> usize {
    (0..scores.len())
        .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
        .unwrap_or(0)
}
