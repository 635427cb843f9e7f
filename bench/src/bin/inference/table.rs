//! The table of all lengths, batches and threads.

use std::path::Path;

use crate::peak;
use crate::serve::Processes;

const ENGINES: [&str; 3] = ["reference", "f32", "int8"];
const SHAPES: [(&str, usize); 7] = [
    ("32", 1),
    ("128", 1),
    ("256", 1),
    ("32", 32),
    ("128", 32),
    ("256", 32),
    ("mixed", 32),
];
/// Interleaved: each engine once a round, so that what slows the machine slows them all.
const ROUNDS: usize = 7;

/// Prints texts a second, and ratios to the reference: medians of all rounds.
pub fn print(model: &Path) -> anyhow::Result<()> {
    if let Some(peak) = peak::int8() {
        println!("one core does {peak:.0} billion int8 operations a second at most (vpdpbusd)");
    }
    println!(
        "texts a second, and the ratio to the reference in the same round: medians of {ROUNDS}\n"
    );
    let mut processes = Processes::new(model);
    for threads in [1, 2] {
        println!("{threads} thread(s)   reference          f32                  int8");
        for (tokens, batch) in SHAPES {
            let mut rates = [const { Vec::new() }; ENGINES.len()];
            let mut ratios = rates.clone();
            for _ in 0..ROUNDS {
                let mut first = None;
                for (place, engine) in ENGINES.iter().enumerate() {
                    let rate = processes.ask(engine, threads, &format!("{tokens} {batch} 1"))?;
                    rates[place].push(rate);
                    ratios[place].push(rate / *first.get_or_insert(rate));
                }
            }
            let [reference, f32, int8] = rates.map(median);
            let [_, f32_ratio, int8_ratio] = ratios.map(median);
            println!(
                "{:>9}  {reference:>11.1}  {f32:>11.1} ({f32_ratio:.2})  {int8:>11.1} ({int8_ratio:.2})",
                format!("{tokens}×{batch}"),
            );
        }
        println!();
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
