//! A process that is one engine. It answers lines on standard input with lines of JSON:
//!
//! ```text
//! check CELL          {"rows": [[…], …]}              each text's logits, or scores, in their order
//! run CELL SECONDS    {"texts": …, "seconds": …}      whole passes over the cell, for at least so long
//! ```
//!
//! The first line, `{"ready": …}`, comes when the model is loaded.

use std::collections::HashMap;
use std::io::{Write, stdin, stdout};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use sealnote_engine::{Computation, Engine, Window};
use serde_json::{Value, json};

use crate::cells::Batches;
use crate::{load, peak};

/// What answers to requests.
pub trait Measured {
    /// A text's row is its logits or scores.
    fn check(&self, cell: &str) -> anyhow::Result<Vec<Vec<f32>>>;
    /// Measures for at least `least`.
    fn run(&self, cell: &str, least: Duration) -> anyhow::Result<Value>;
}

/// Answers requests until standard input ends.
pub fn serve(engine: Box<dyn Measured>) -> anyhow::Result<()> {
    say(&json!({ "ready": env!("CARGO_PKG_VERSION") }))?;
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["check", cell] => json!({ "rows": engine.check(cell)? }),
            ["run", cell, seconds] => {
                engine.run(cell, Duration::try_from_secs_f64(seconds.parse()?)?)?
            }
            _ => bail!("{line:?} is neither `check CELL` nor `run CELL SECONDS`"),
        };
        say(&answer)?;
    }
    Ok(())
}

fn say(answer: &Value) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}

/// The engine called `name`, for `cells`.
pub fn engine(
    model: &Path,
    name: &str,
    threads: NonZeroUsize,
    cells: HashMap<String, Batches>,
) -> anyhow::Result<Box<dyn Measured>> {
    let computation = match name {
        "peak" => return Ok(Box::new(Peak)),
        "reference" => Computation::Reference,
        "f32" => Computation::F32,
        "int8" | "int8-text" => Computation::Int8,
        _ => bail!("{name:?} is no engine: reference, f32, int8, int8-text, peak"),
    };
    let engine = load(model, computation, Some(threads))?;
    if name == "int8-text" {
        return Ok(Box::new(FromText { engine, cells }));
    }
    let mut tokens = HashMap::new();
    for (cell, batches) in cells {
        let batches = batches.iter().map(|batch| tokenize(&engine, batch));
        let batches = batches
            .collect::<anyhow::Result<_>>()
            .with_context(|| cell.clone())?;
        tokens.insert(cell, batches);
    }
    Ok(Box::new(FromTokens { engine, tokens }))
}

/// A window a text.
fn tokenize(engine: &Engine, batch: &[String]) -> anyhow::Result<Vec<Window>> {
    let mut windows = Vec::with_capacity(batch.len());
    for text in batch {
        let of_text = engine.tokenize(text).ok().context("text refused")?;
        let of_text: Vec<Window> = of_text.collect();
        ensure!(of_text.len() == 1, "a text is longer than a window");
        windows.extend(of_text);
    }
    Ok(windows)
}

struct FromTokens {
    engine: Engine,
    tokens: HashMap<String, Vec<Vec<Window>>>,
}

impl Measured for FromTokens {
    fn check(&self, cell: &str) -> anyhow::Result<Vec<Vec<f32>>> {
        let windows = find(&self.tokens, cell)?.iter();
        let logits = windows.flat_map(|batch| self.engine.logits(batch));
        logits
            .collect::<Option<_>>()
            .context("the encoder has failed")
    }

    fn run(&self, cell: &str, least: Duration) -> anyhow::Result<Value> {
        passes(find(&self.tokens, cell)?, least, |batch| {
            let logits = self.engine.logits(batch);
            ensure!(logits.iter().all(Option::is_some), "the encoder has failed");
            Ok(())
        })
    }
}

struct FromText {
    engine: Engine,
    cells: HashMap<String, Batches>,
}

impl FromText {
    fn scores(&self, batch: &[String]) -> anyhow::Result<Vec<Vec<f32>>> {
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        let scores = self.engine.classify(&batch).into_iter();
        scores
            .map(|scored| scored.map(|scored| scored.scores))
            .collect::<Result<_, _>>()
            .ok()
            .context("a text was not classified")
    }
}

impl Measured for FromText {
    fn check(&self, cell: &str) -> anyhow::Result<Vec<Vec<f32>>> {
        let mut rows = Vec::new();
        for batch in find(&self.cells, cell)? {
            rows.extend(self.scores(batch)?);
        }
        Ok(rows)
    }

    fn run(&self, cell: &str, least: Duration) -> anyhow::Result<Value> {
        passes(find(&self.cells, cell)?, least, |batch| {
            self.scores(batch).map(drop)
        })
    }
}

/// Answers with billions of operations a second of one core; `null` where the processor has not the
/// instruction.
struct Peak;

impl Measured for Peak {
    fn check(&self, _: &str) -> anyhow::Result<Vec<Vec<f32>>> {
        bail!("a peak has no answers")
    }

    fn run(&self, _: &str, least: Duration) -> anyhow::Result<Value> {
        Ok(json!({ "int8": peak::int8(least / 2), "f32": peak::f32(least / 2) }))
    }
}

fn find<'a, T>(cells: &'a HashMap<String, T>, cell: &str) -> anyhow::Result<&'a T> {
    cells
        .get(cell)
        .with_context(|| format!("{cell:?} is no cell"))
}

/// Passes over all of `batches`, after one text that is not counted: the processor's caches are the last
/// engine's.
fn passes<T>(
    batches: &[Vec<T>],
    least: Duration,
    compute: impl Fn(&[T]) -> anyhow::Result<()>,
) -> anyhow::Result<Value> {
    if let Some(first) = batches.first() {
        compute(&first[..1])?;
    }
    let (start, mut texts) = (Instant::now(), 0);
    while start.elapsed() < least {
        for batch in batches {
            compute(batch)?;
            texts += batch.len();
        }
    }
    Ok(json!({ "texts": texts, "seconds": start.elapsed().as_secs_f64() }))
}
