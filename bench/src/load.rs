//! A steady load: everybody always has requests in flight, and what is answered meanwhile is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sealnote_engine::EngineHandle;
use tokio::task::JoinSet;

use crate::session::Session;
use crate::threads::Spent;

/// Requests in flight of each session: what the enclave attests.
pub const IN_FLIGHT: usize = 4;

/// From the first note of one session to that of the next: prime, so that together they ask for all notes alike.
const STRIDE: usize = 13;

/// Before the clock starts, so that every session has had its turn.
const WARM_UP: Duration = Duration::from_millis(1500);
const MEASURED: Duration = Duration::from_secs(5);

/// What everybody asks for.
#[derive(Clone)]
pub struct Requests {
    notes: Arc<Vec<String>>,
    /// Notes in each.
    pub size: usize,
}

/// How a load went in steady state.
pub struct Rate {
    pub notes_a_second: f64,
    /// Hundredths of the processors' time that all threads had, idle time not counted.
    pub beside_engine: f64,
}

/// What was answered, and whether it is time to stop.
#[derive(Clone, Default)]
pub struct Tally(Arc<Shared>);

#[derive(Default)]
struct Shared {
    answers: Mutex<Vec<(Instant, usize)>>,
    over: AtomicBool,
}

impl Requests {
    pub fn new(notes: &Arc<Vec<String>>, size: usize) -> Self {
        let notes = notes.clone();
        Self { notes, size }
    }

    /// One after the other, beginning anywhere, without end.
    pub fn from(&self, start: usize) -> impl Iterator<Item = Vec<String>> + use<> {
        let Self { notes, size } = self.clone();
        (0..).map(move |request| {
            let place =
                |index: usize| notes[(start + request * size + index) % notes.len()].clone();
            (0..size).map(place).collect()
        })
    }
}

impl Tally {
    pub fn answered(&self, notes: usize) {
        let answers = self.0.answers.lock();
        let mut answers = answers.unwrap_or_else(PoisonError::into_inner);
        answers.push((Instant::now(), notes));
    }

    pub fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    pub fn end(&self) {
        self.0.over.store(true, Ordering::Relaxed);
    }

    /// Between the first answer that is counted and the last one.
    async fn rate(&self) -> anyhow::Result<Rate> {
        tokio::time::sleep(WARM_UP).await;
        let (start, spent) = (Instant::now(), Spent::until_now()?);
        tokio::time::sleep(MEASURED).await;
        let beside_engine = Spent::until_now()?.beside_engine_since(&spent)?;
        let answers = self.0.answers.lock();
        let answers = answers.unwrap_or_else(PoisonError::into_inner);
        let counted = answers.partition_point(|(time, _)| *time < start);
        let [(first, _), rest @ ..] = &answers[counted..] else {
            bail!("nothing was answered");
        };
        let (last, _) = rest.last().context("only one request was answered")?;
        let notes: usize = rest.iter().map(|(_, notes)| notes).sum();
        Ok(Rate {
            notes_a_second: notes as f64 / (*last - *first).as_secs_f64(),
            beside_engine,
        })
    }
}

/// The engine's thread, asked by so many sessions in this process.
pub async fn in_process(
    engine: &EngineHandle,
    sessions: usize,
    requests: &Requests,
) -> anyhow::Result<Rate> {
    let tally = Tally::default();
    let mut tasks = JoinSet::new();
    for index in 0..sessions {
        let (session, tally) = (engine.session(), tally.clone());
        let mut requests = requests.from(STRIDE * index);
        tasks.spawn(async move {
            let mut in_flight = JoinSet::new();
            loop {
                while in_flight.len() < IN_FLIGHT
                    && let Some(request) = requests.next()
                {
                    let session = session.clone();
                    in_flight.spawn(async move { session.classify(request).await.len() });
                }
                if let Some(Ok(notes)) = in_flight.join_next().await {
                    tally.answered(notes);
                }
            }
        });
    }
    // What is unfinished is dropped with the tasks.
    tally.rate().await
}

/// The same through encrypted sessions.
pub async fn encrypted(sessions: Vec<Session>, requests: &Requests) -> anyhow::Result<Rate> {
    let tally = Tally::default();
    let mut tasks = JoinSet::new();
    for (index, session) in sessions.into_iter().enumerate() {
        let (requests, tally) = (requests.from(STRIDE * index), tally.clone());
        tasks.spawn(session.drive(requests, tally));
    }
    let rate = tally.rate().await;
    tally.end();
    for session in tasks.join_all().await {
        session?.close().await?;
    }
    rate
}
