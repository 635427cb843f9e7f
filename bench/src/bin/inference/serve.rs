//! Measures in processes of their own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write, stdin};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use sealnote_enclave::engine::{Computation, Engine, EngineOptions};
use sealnote_enclave::model_store::ModelFiles;

use crate::texts::Tokens;

/// Asks this program to be the process of one engine.
pub const ONE: &str = "--one";

/// A round lasts at least this long: short, so that on a busy machine some round is not interrupted.
const ROUND: Duration = Duration::from_millis(40);
/// Texts of mixed lengths are drawn anew for each batch, from as many.
const MIXED_BATCHES: usize = 8;

pub fn load(model: &Path, engine: &str, threads: Option<NonZeroUsize>) -> anyhow::Result<Engine> {
    let computation = match engine {
        "reference" => Computation::Reference,
        "f32" => Computation::F32,
        "int8" => Computation::Int8,
        _ => bail!("{engine:?} is no engine: reference, f32, int8"),
    };
    let options = EngineOptions {
        computation,
        threads,
        ..EngineOptions::default()
    };
    Ok(Engine::load(ModelFiles::open(model)?, options)?)
}

/// Answers lines `tokens batch threads engine rounds` on standard input.
pub fn route(model: &Path) -> anyhow::Result<()> {
    let mut processes = Processes::new(model);
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [tokens, batch, threads, engine, rounds] = words[..] else {
            bail!("{line:?} is not `tokens batch threads engine rounds`");
        };
        let rounds = format!("{tokens} {batch} {rounds}");
        println!("{:.3}", processes.ask(engine, threads.parse()?, &rounds)?);
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// A process for each engine and number of threads.
pub struct Processes<'a> {
    model: &'a Path,
    running: HashMap<(String, usize), Process>,
}

struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl<'a> Processes<'a> {
    pub fn new(model: &'a Path) -> Self {
        Self {
            model,
            running: HashMap::new(),
        }
    }

    /// Asks for `tokens batch rounds`; the answer is in texts a second.
    pub fn ask(&mut self, engine: &str, threads: usize, question: &str) -> anyhow::Result<f64> {
        let key = (engine.to_owned(), threads);
        if !self.running.contains_key(&key) {
            let process = Process::start(self.model, engine, threads)?;
            self.running.insert(key.clone(), process);
        }
        let process = self.running.get_mut(&key).context("it was just started")?;
        writeln!(process.questions, "{question}")?;
        let mut answer = String::new();
        process.answers.read_line(&mut answer)?;
        answer
            .trim()
            .parse()
            .with_context(|| format!("the process of {key:?} has ended"))
    }
}

impl Process {
    fn start(model: &Path, engine: &str, threads: usize) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(model)
            .args([ONE, engine, &threads.to_string()])
            // Candle's.
            .env("RAYON_NUM_THREADS", threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().context("piped")?;
        let answers = BufReader::new(child.stdout.take().context("piped")?);
        Ok(Self {
            child,
            questions,
            answers,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the process of one engine: answers lines `tokens batch rounds`.
pub fn one(model: &Path, engine: &str, threads: usize) -> anyhow::Result<()> {
    let engine = load(model, engine, NonZeroUsize::new(threads))?;
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [tokens, batch, rounds] = words[..] else {
            bail!("{line:?} is not `tokens batch rounds`");
        };
        let rate = measure(
            &engine,
            Tokens::parse(tokens)?,
            batch.parse()?,
            rounds.parse()?,
        )?;
        println!("{rate}");
    }
    Ok(())
}

/// Texts a second in the best of some rounds.
fn measure(engine: &Engine, tokens: Tokens, batch: usize, rounds: usize) -> anyhow::Result<f64> {
    ensure!(batch > 0 && rounds > 0, "there is nothing to measure");
    let batches = if matches!(tokens, Tokens::Mixed) {
        MIXED_BATCHES
    } else {
        1
    };
    let texts = tokens.texts(batches * batch);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let all = || -> anyhow::Result<()> {
        for batch in texts.chunks(batch) {
            let results = engine.classify(batch);
            ensure!(
                results.iter().all(Result::is_ok),
                "a text was not classified"
            );
        }
        Ok(())
    };
    // Once to warm up.
    all()?;
    let mut best = 0f64;
    for _ in 0..rounds {
        let (start, mut times) = (Instant::now(), 0);
        while start.elapsed() < ROUND {
            all()?;
            times += 1;
        }
        best = best.max((times * texts.len()) as f64 / start.elapsed().as_secs_f64());
    }
    Ok(best)
}
