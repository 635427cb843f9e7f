//! One engine of ours, for a driver that measures it beside others: `make bench-inference`.
//!
//! ```text
//! inference MODEL --worker ENGINE THREADS CELLS   is one engine, and answers requests
//! inference MODEL --compare FILE                  classifies FILE's notes in each precision, and counts
//! ```
//!
//! Engines are `reference`, `f32`, `int8` (from tokens to logits), `int8-text` (from texts to scores) and
//! `peak`, which computes nothing but what the processor can do at most. Each is a process of its own, since
//! candle's thread pool is set up once a process.

mod cells;
mod compare;
mod peak;
mod worker;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use sealnote_engine::ModelFiles;
use sealnote_engine::{Computation, Engine, EngineOptions};

const USAGE: &str = "inference MODEL (--worker ENGINE THREADS CELLS | --compare FILE)";

fn main() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("inference: WARNING: not a release build");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((model, rest)) = arguments.split_first() else {
        bail!("which model? {USAGE}");
    };
    let model = PathBuf::from(model);
    ensure!(model.is_dir(), "{} is no folder", model.display());
    match rest {
        ["--worker", engine, threads, cells] => {
            let cells = cells::read(cells.as_ref())?;
            worker::serve(worker::engine(&model, engine, threads.parse()?, cells)?)
        }
        ["--compare", file] => compare::print(&model, file.as_ref()),
        _ => bail!(USAGE),
    }
}

/// Loads the model; `threads` are as many as there are processors unless set.
fn load(
    model: &Path,
    computation: Computation,
    threads: Option<NonZeroUsize>,
) -> anyhow::Result<Engine> {
    let options = EngineOptions {
        computation,
        threads,
        ..EngineOptions::default()
    };
    Ok(Engine::load(ModelFiles::open(model)?, options)?)
}
