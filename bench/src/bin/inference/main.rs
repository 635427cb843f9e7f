//! The engine's precisions against each other: texts a second, and how they agree.
//!
//! ```text
//! inference MODEL                 a table, in interleaved rounds
//! inference MODEL --worker        reads lines `tokens batch threads engine rounds` and answers each
//!                                 with the texts a second of its best round
//! inference MODEL --compare FILE  classifies FILE's notes with each precision, and counts
//! ```
//!
//! Tokens are a number, or `mixed` for lengths of 8 to 250 with a mean of 55. Engines are `reference`,
//! `f32` and `int8`. Tokens are those of a text with its special tokens, and a text is measured as the
//! queue gives it to the engine: its tokenization is part of it.
//!
//! Each engine and number of threads has a process of its own (this program again), since candle's thread
//! pool is set up once a process.

mod compare;
mod peak;
mod serve;
mod table;
mod texts;

use std::path::PathBuf;

use anyhow::{bail, ensure};

fn main() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("inference: WARNING: not a release build");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((model, rest)) = arguments.split_first() else {
        bail!("which model? inference MODEL [--worker | --compare FILE]");
    };
    let model = PathBuf::from(model);
    ensure!(model.is_dir(), "{} is no folder", model.display());
    match rest {
        [] => table::print(&model),
        ["--worker"] => serve::route(&model),
        [serve::ONE, engine, threads] => serve::one(&model, engine, threads.parse()?),
        ["--compare", file] => compare::print(&model, file.as_ref()),
        _ => bail!("inference MODEL [--worker | --compare FILE]"),
    }
}
