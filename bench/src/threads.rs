//! Time that processors have given to this process's threads, which are those of client, parent and enclave
//! (proc_pid_schedstat(5)).

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;

use anyhow::{Context, ensure};

/// What the names of the engine's threads begin with: the one that has the queue, and the encoders.
const ENGINE: &str = "sealnote-en";

/// Nanoseconds on a processor, of each thread, until now.
pub struct Spent(HashMap<OsString, Thread>);

struct Thread {
    is_engine: bool,
    nanoseconds: u64,
}

impl Spent {
    pub fn until_now() -> anyhow::Result<Self> {
        let mut threads = HashMap::new();
        for task in fs::read_dir("/proc/self/task")? {
            let task = task?;
            let read = |file| -> io::Result<String> { fs::read_to_string(task.path().join(file)) };
            // A thread may end meanwhile.
            let (Ok(name), Ok(times)) = (read("comm"), read("schedstat")) else {
                continue;
            };
            let nanoseconds = times.split_whitespace().next();
            let thread = Thread {
                is_engine: name.starts_with(ENGINE),
                nanoseconds: nanoseconds.context("no time in schedstat")?.parse()?,
            };
            threads.insert(task.file_name(), thread);
        }
        Ok(Self(threads))
    }

    /// Of the time since `start` of the threads that there are, the hundredths that are not the engine's.
    pub fn beside_engine_since(&self, start: &Self) -> anyhow::Result<f64> {
        let (mut all, mut engine) = (0, 0);
        for (id, thread) in &self.0 {
            let before = start.0.get(id).map_or(0, |before| before.nanoseconds);
            let spent = thread.nanoseconds.saturating_sub(before);
            all += spent;
            if thread.is_engine {
                engine += spent;
            }
        }
        ensure!(all > 0, "the kernel keeps no schedstat");
        Ok((1.0 - engine as f64 / all as f64) * 100.0)
    }
}
