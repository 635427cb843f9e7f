//! sealnote-parent as a proxy, beside socat, HAProxy and nginx: docs/parent-performance.md.

#![forbid(unsafe_code)]

mod address;
mod ask;
mod backend;
mod bytes;
mod guard;
mod limit;
mod machine;
mod proxies;
mod rows;
mod stand;
mod table;
mod usage;

use std::{env, ffi::OsString, path::PathBuf, time::Instant};

use anyhow::ensure;
use clap::{Args, Parser, Subcommand, ValueEnum};

use address::Address;
use backend::Hold;
use proxies::Proxy;
use rows::{Bench, Measurement, Rows};
use stand::Programs;
use table::Table;

/// Measures proxies from TCP to a Unix socket beside each other, and prints a table in Markdown
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure
    Run(Run),
    /// Be the backend
    #[command(hide = true)]
    Backend {
        address: Address,
        hold: usize,
        bytes: u64,
    },
    /// Run a command, and kill it with all its processes once standard input has ended
    #[command(hide = true)]
    Guard {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

#[derive(Args)]
struct Run {
    /// The sealnote-parent to measure
    parent: PathBuf,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What is measured, all unless given
    #[arg(long, value_delimiter = ',')]
    rows: Vec<Rows>,
    /// What is compared, all unless given
    #[arg(long, value_delimiter = ',')]
    proxies: Vec<Proxy>,
    /// Another build of the parent, to be measured beside it
    #[arg(long)]
    before: Option<PathBuf>,
    /// How many idle connections, at most
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Where the backend listens, instead of on a Unix socket: vsock:1:PORT
    #[arg(long)]
    backend: Option<Address>,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Run(run) => measure(run),
        Command::Backend {
            address,
            hold,
            bytes,
        } => backend::run(
            &address,
            Hold {
                connections: hold,
                bytes,
            },
        ),
        Command::Guard { command } => guard::run(&command),
    }
}

fn measure(run: Run) -> anyhow::Result<()> {
    let rows = or_all(run.rows);
    let mut proxies = or_all(run.proxies);
    if run.before.is_none() {
        proxies.retain(|proxy| *proxy != Proxy::Before);
    }
    if let Some(Address::Vsock { .. }) = run.backend {
        proxies.retain(|proxy| proxy.has_vsock());
    }
    let bench = Bench {
        many: limit::clients(run.idle)?,
        programs: Programs {
            this: env::current_exe()?,
            parent: run.parent,
            before: run.before,
            backend: run.backend,
        },
    };
    let measurements: Vec<Measurement> = rows.into_iter().flat_map(Rows::measurements).collect();
    let mut table = Table::default();
    let machine = machine::line()?;
    let mut failures = 0;
    let start = Instant::now();
    for round in 1..=run.rounds {
        for measurement in &measurements {
            if !measurement.rounds.contains(&round) {
                continue;
            }
            eprintln!(
                "{:4} s, round {round} of {}: {}",
                start.elapsed().as_secs(),
                run.rounds,
                measurement.name
            );
            // Another goes first in each round.
            let (last, first) = proxies.split_at((round - 1) % proxies.len());
            for proxy in first.iter().chain(last) {
                // What is measured already is worth more than an early end.
                match (measurement.measure)(&bench, *proxy) {
                    Ok(measured) => table.add(measurement.section, *proxy, measured),
                    Err(error) => {
                        eprintln!("{}, {}: {error:#}", proxy.title(), measurement.name);
                        failures += 1;
                    }
                }
            }
        }
    }
    println!("{machine}");
    print!("{}", table.markdown(&proxies));
    ensure!(failures == 0, "{failures} measurements failed: see above");
    Ok(())
}

fn or_all<T: ValueEnum + Clone>(given: Vec<T>) -> Vec<T> {
    if given.is_empty() {
        T::value_variants().to_vec()
    } else {
        given
    }
}
