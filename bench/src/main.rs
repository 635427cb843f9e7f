//! `make bench`: the encrypted path against the engine alone, answer times under load, and what each stage
//! takes.
//!
//! Enclave, parent and client run in this process, each on a tokio runtime of its own, joined by
//! Unix sockets: the programs' libraries, so that no start-up is measured. One engine's thread
//! serves every measurement. Each round measures everything once, so that a machine that becomes
//! slower or faster meanwhile does so for all of it, and ratios are of one round's figures.

#![forbid(unsafe_code)]

mod figures;
mod load;
mod pair;
mod session;
mod stage;
mod suites;
mod threads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use sealnote_client::Client;
use sealnote_engine::ModelFiles;
use sealnote_engine::{Engine, EngineOptions};
use sealnote_protocol::session::SessionLimits;
use sealnote_tests::attester::{DevAttester, Quirk};
use sealnote_tests::rig::Booted;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::figures::Figures;
use crate::load::{Rate, Requests, Tally};
use crate::pair::{Pair, Steps};
use crate::session::{HandshakeSteps, Session};
use crate::stage::Stage;

const MODEL: &str = "models/icd10-chapter";
const NOTES: &str = "examples/notes.jsonl";

/// Counted rounds; one more before them warms up.
const ROUNDS: usize = 7;
/// Handshakes in a round.
const HANDSHAKES: usize = 20;
/// Connections at once, where there are several.
const SEVERAL: usize = 64;
/// Notes in a request of a single connection.
const NOTES_PER_REQUEST: usize = 16;
/// Single notes that are timed in a round, idle and under load.
const PROBES: usize = 40;
/// About 32 tokens.
const PROBE: &str = "Fell from a ladder this morning, now pain and swelling of the left wrist; the \
    x-ray shows a fracture of the distal radius without displacement.";

fn main() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("bench: WARNING: not a release build; run `make bench`");
    }
    let notes = Arc::new(read_notes(&from_root(NOTES))?);
    let model = from_root(MODEL);
    let booted = Booted::boot(&model, SessionLimits::default());
    let booted = booted.map_err(anyhow::Error::from_boxed)?;
    let engine = Engine::load(ModelFiles::open(&model)?, EngineOptions::default())?;
    let stage = Stage::start(&booted)?;

    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        eprintln!("bench: round {round} of {ROUNDS}");
        let measured = Round::measure(&booted, &engine, &stage, &notes)?;
        if round > 0 {
            rounds.push(measured);
        }
    }
    print(&rounds, &engine, notes.len());
    suites::print()
}

struct Round {
    handshakes: Vec<HandshakeSteps>,
    handshake_stages: Vec<Steps>,
    request_stages: Vec<Steps>,
    alone: Rates,
    path: Rates,
    /// Of a single note.
    idle: Vec<Duration>,
    busy: Vec<Duration>,
    /// What a note waits for at most, in process: a whole turn of another session.
    turn: Duration,
}

/// Of one session, and of several.
struct Rates {
    one: Rate,
    several: Rate,
}

impl Round {
    fn measure(
        booted: &Booted,
        engine: &Engine,
        stage: &Stage,
        notes: &Arc<Vec<String>>,
    ) -> anyhow::Result<Self> {
        let client = stage.client()?;
        let (handshake_stages, request_stages) = stages(booted, engine, notes)?;
        let turn = whole_turn(engine, notes)?;
        let large = Requests::new(notes, NOTES_PER_REQUEST);
        let small = Requests::new(notes, 1);
        stage.client.block_on(async {
            let handshakes = handshakes(&client).await?;
            let alone_one = load::in_process(&booted.engine, 1, &large).await?;
            let path_one = load::encrypted(open(&client, 1).await?, &large).await?;
            let alone_several = load::in_process(&booted.engine, SEVERAL, &small).await?;
            let path_several = load::encrypted(open(&client, SEVERAL).await?, &small).await?;
            let (idle, busy) = probe(&client, &large).await?;
            Ok(Self {
                handshakes,
                handshake_stages,
                request_stages,
                alone: Rates {
                    one: alone_one,
                    several: alone_several,
                },
                path: Rates {
                    one: path_one,
                    several: path_several,
                },
                idle,
                busy,
                turn,
            })
        })
    }
}

async fn open(client: &Client, count: usize) -> anyhow::Result<Vec<Session>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        sessions.push(Session::open(client).await?.0);
    }
    Ok(sessions)
}

async fn handshakes(client: &Client) -> anyhow::Result<Vec<HandshakeSteps>> {
    let mut all = Vec::with_capacity(HANDSHAKES);
    for _ in 0..HANDSHAKES {
        let (session, steps) = Session::open(client).await?;
        session.close().await?;
        all.push(steps);
    }
    Ok(all)
}

/// The times of single notes on one session: alone, and beside as many sessions as make `SEVERAL` that have
/// all the requests in flight that they may, each as full as it may be.
async fn probe(
    client: &Client,
    requests: &Requests,
) -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    let (mut prober, _) = Session::open(client).await?;
    let mut idle = Vec::new();
    for _ in 0..PROBES {
        idle.push(prober.ask(PROBE).await?);
    }
    let tally = Tally::default();
    let mut others = JoinSet::new();
    for (index, session) in open(client, SEVERAL - 1).await?.into_iter().enumerate() {
        others.spawn(session.drive(requests.from(7 * index), tally.clone()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A session that asks for more than its share of the engine waits for its turn. One answer's time of each session
    // is more than that, on whatever machine.
    let share = idle.iter().sum::<Duration>() / PROBES as u32 * SEVERAL as u32;
    let mut busy = Vec::new();
    for _ in 0..PROBES {
        busy.push(prober.ask(PROBE).await?);
        // Not in step with the batches.
        let more = busy.len() as u64 * 7 % 60;
        tokio::time::sleep(share + Duration::from_millis(more)).await;
    }
    // Their requests would take minutes: the connections are dropped, and with them what is unfinished.
    others.shutdown().await;
    prober.close().await?;
    Ok((idle, busy))
}

/// Notes are tokenised until their windows fill a batch, and these are computed.
fn whole_turn(engine: &Engine, notes: &[String]) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let (mut windows, mut tokens) = (Vec::new(), 0);
    'notes: for note in notes {
        for window in engine.tokenize(note)? {
            tokens += window.len();
            if tokens > engine.batch_tokens() {
                break 'notes;
            }
            windows.push(window);
        }
    }
    engine.logits(&windows);
    Ok(start.elapsed())
}

/// Of some handshakes, and of requests with all the notes.
fn stages(
    booted: &Booted,
    engine: &Engine,
    notes: &[String],
) -> anyhow::Result<(Vec<Steps>, Vec<Steps>)> {
    let attester = DevAttester::start(Quirk::None)?;
    let client = stage::client("unix:/nowhere".parse()?, &attester.root_pem()?)?;
    let (mut handshakes, mut requests) = (Vec::new(), Vec::new());
    let (mut pair, steps) = Pair::open(&client, &booted.enclave, &attester)?;
    handshakes.push(steps);
    for _ in 1..HANDSHAKES {
        handshakes.push(Pair::open(&client, &booted.enclave, &attester)?.1);
    }
    for notes in notes.chunks_exact(NOTES_PER_REQUEST) {
        requests.push(pair.request(engine, notes)?);
    }
    Ok((handshakes, requests))
}

fn print(rounds: &[Round], engine: &Engine, notes: usize) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let precision = engine.info().precision;
    let set = engine.instruction_set().unwrap_or("candle");
    println!(
        "sealnote bench: {notes} notes of {NOTES}, {MODEL} in {precision}, {cores} cores, {set}"
    );
    println!("median (least to greatest) of {ROUNDS} interleaved rounds\n");

    println!(
        "steady state, {} requests in flight     notes/s",
        load::IN_FLIGHT
    );
    let rates = |of: fn(&Rate) -> f64| {
        let figure = |name: &str, rate: fn(&Round) -> &Rate| {
            Figures::of(rounds.iter().map(|round| of(rate(round)))).print(name);
        };
        figure("engine, 1 session", |round| &round.alone.one);
        figure("encrypted, 1 connection", |round| &round.path.one);
        figure("engine, 64 sessions", |round| &round.alone.several);
        figure("encrypted, 64 connections", |round| &round.path.several);
    };
    rates(|rate| rate.notes_a_second);

    println!("\nencrypted / engine                     ratio");
    let ratio = |name: &str, of: fn(&Rates) -> &Rate| {
        let notes = |rates| of(rates).notes_a_second;
        let ratios = rounds.iter();
        let ratios = ratios.map(|round| notes(&round.path) / notes(&round.alone));
        Figures::of(ratios).print(name);
    };
    ratio("1 connection", |rates| &rates.one);
    ratio("64 connections", |rates| &rates.several);

    println!("\nprocessors' time beside the engine         %");
    rates(|rate| rate.beside_engine);

    println!("\na note of 32 tokens, encrypted            ms");
    let millis = |time: &Duration| time.as_secs_f64() * 1e3;
    let all = |of: fn(&Round) -> &Vec<Duration>| {
        Figures::of(rounds.iter().flat_map(|round| of(round).iter().map(millis)))
    };
    all(|round| &round.idle).print_tail("idle");
    all(|round| &round.busy).print_tail("beside 63 busy sessions");
    Figures::of(rounds.iter().map(|round| millis(&round.turn))).print("a whole turn, in process");

    println!("\nhandshake over sockets                    ms");
    let step = |name: &str, of: fn(&HandshakeSteps) -> Duration| {
        let steps = rounds.iter().flat_map(|round| &round.handshakes);
        Figures::of(steps.map(|steps| millis(&of(steps)))).print(name);
    };
    step("connect", |steps| steps.connect);
    step("hello to answer", |steps| steps.attest);
    step("verify the evidence", |steps| steps.verify);
    step("key to ready", |steps| steps.key);
    step("whole", HandshakeSteps::whole);

    println!("\nhandshake in memory                       µs");
    print_stages(rounds.iter().flat_map(|round| &round.handshake_stages));
    println!("\na request of {NOTES_PER_REQUEST} notes, in memory          µs");
    print_stages(rounds.iter().flat_map(|round| &round.request_stages));
}

fn print_stages<'a>(all: impl Iterator<Item = &'a Steps>) {
    let mut stages: BTreeMap<usize, (&str, Vec<f64>)> = BTreeMap::new();
    for steps in all {
        for (place, (name, time)) in steps.iter().enumerate() {
            let stage = stages.entry(place).or_insert((name, Vec::new()));
            stage.1.push(time.as_secs_f64() * 1e6);
        }
    }
    for (name, times) in stages.into_values() {
        Figures::of(times.into_iter()).print(name);
    }
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
