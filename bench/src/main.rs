//! `make bench`: handshake time, and notes a second in process and through the encrypted path.
//!
//! Enclave, parent and client run in this process, each on a tokio runtime of its own, joined by
//! Unix sockets: the programs' libraries, so that no start-up is measured. One engine's thread
//! serves every measurement. Each round measures everything once, so that a machine that becomes
//! slower or faster meanwhile does so for all of it, and ratios are of one round's figures.

mod figures;
mod session;
mod stage;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use sealnote_enclave::engine::EngineHandle;
use sealnote_protocol::session::SessionLimits;
use sealnote_tests::rig::Booted;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::figures::Figures;
use crate::session::{Session, Steps};
use crate::stage::Stage;

const MODEL: &str = "models/icd10-chapter";
const NOTES: &str = "examples/notes.jsonl";

/// Counted rounds; one more before them warms up.
const ROUNDS: usize = 5;
/// Handshakes in a round.
const HANDSHAKES: usize = 20;
/// Connections at once, where there are several.
const SEVERAL: usize = 8;

fn main() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("bench: WARNING: not a release build; run `make bench`");
    }
    let notes = read_notes(&from_root(NOTES))?;
    let booted = Booted::boot(&from_root(MODEL), SessionLimits::default());
    let booted = booted.map_err(anyhow::Error::from_boxed)?;
    let stage = Stage::start(&booted)?;

    let (mut steps, mut rounds) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        eprintln!("bench: round {round} of {ROUNDS}");
        let handshakes = stage.client.block_on(handshakes(&stage))?;
        let path = |connections| {
            let measuring = encrypted(&stage, connections, &notes);
            stage.client.block_on(measuring)
        };
        let measured = Round {
            in_process: stage.client.block_on(in_process(&booted.engine, &notes)),
            one: path(1)?,
            several: path(SEVERAL)?,
        };
        if round > 0 {
            steps.extend(handshakes);
            rounds.push(measured);
        }
    }
    print(&steps, &rounds, notes.len());
    Ok(())
}

/// Notes a second.
struct Round {
    in_process: f64,
    one: f64,
    several: f64,
}

async fn handshakes(stage: &Stage) -> anyhow::Result<Vec<Steps>> {
    let client = stage.client()?;
    let mut all = Vec::with_capacity(HANDSHAKES);
    for _ in 0..HANDSHAKES {
        let (session, steps) = Session::open(&client).await?;
        session.close().await?;
        all.push(steps);
    }
    Ok(all)
}

/// The same requests as on the encrypted path, handed to the engine's thread at once.
async fn in_process(engine: &EngineHandle, notes: &[String]) -> f64 {
    let start = Instant::now();
    let (session, mut jobs) = (engine.session(), JoinSet::new());
    for batch in notes.chunks(session::NOTES) {
        let (engine, batch) = (session.clone(), batch.to_vec());
        jobs.spawn(async move { engine.classify(batch).await });
    }
    let classified: usize = jobs.join_all().await.iter().map(Vec::len).sum();
    classified as f64 / start.elapsed().as_secs_f64()
}

/// One connection submits all notes; several submit them twice over, in equal shares. The handshakes
/// are over before the clock starts.
async fn encrypted(stage: &Stage, connections: usize, notes: &[String]) -> anyhow::Result<f64> {
    let share = (2 * notes.len()).div_ceil(connections).min(notes.len());
    let client = stage.client()?;
    let mut sessions = Vec::new();
    for _ in 0..connections {
        sessions.push(Session::open(&client).await?.0);
    }
    let start = Instant::now();
    let mut jobs = JoinSet::new();
    for (index, mut session) in sessions.into_iter().enumerate() {
        let of_this = notes.iter().cycle().skip(index * share).take(share);
        let of_this: Vec<String> = of_this.cloned().collect();
        jobs.spawn(async move {
            session.classify(&of_this).await?;
            Ok::<_, anyhow::Error>(session)
        });
    }
    let done: Vec<_> = jobs.join_all().await;
    let took = start.elapsed();
    for session in done {
        session?.close().await?;
    }
    Ok((connections * share) as f64 / took.as_secs_f64())
}

fn print(steps: &[Steps], rounds: &[Round], notes: usize) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("sealnote bench: {notes} notes of {NOTES}, {MODEL}, {cores} cores");
    println!("median (least to greatest) of {ROUNDS} interleaved rounds\n");

    println!("handshake, {HANDSHAKES} a round             ms");
    let step = |name: &str, of: fn(&Steps) -> std::time::Duration| {
        let millis = |steps| of(steps).as_secs_f64() * 1e3;
        Figures::of(steps.iter().map(millis)).print(name);
    };
    step("connect", |steps| steps.connect);
    step("hello to answer (attest)", |steps| steps.attest);
    step("verify the evidence", |steps| steps.verify);
    step("key to ready", |steps| steps.key);
    step("whole", Steps::whole);

    println!("\nthroughput                  notes/s");
    let rate = |name: &str, of: fn(&Round) -> f64| Figures::of(rounds.iter().map(of)).print(name);
    rate("engine, in process", |round| round.in_process);
    rate("encrypted, 1 connection", |round| round.one);
    rate(&format!("encrypted, {SEVERAL} connections"), |round| {
        round.several
    });

    println!("\nencrypted / in process        ratio");
    rate("1 connection", |round| round.one / round.in_process);
    rate(&format!("{SEVERAL} connections"), |round| {
        round.several / round.in_process
    });
}

fn from_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[derive(Deserialize)]
struct Note {
    text: String,
}

fn read_notes(path: &Path) -> anyhow::Result<Vec<String>> {
    let file = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let text = |line| Ok(serde_json::from_str::<Note>(line)?.text);
    file.lines().map(text).collect()
}
