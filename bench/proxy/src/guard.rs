//! A program that ends, with all its processes, when the benchmark does, however that ends.
//!
//! Between the two stands a process of this program, the guard: it waits for its standard input to end, which
//! the kernel sees to when the benchmark is gone, and then kills its process group.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, getpgrp, kill_process_group};

/// Dropped, it kills the program and its children.
pub struct Guarded {
    guard: Child,
}

impl Guarded {
    /// `program` is this program; `log` takes what the other prints.
    pub fn start(program: &Path, command: &[OsString], log: &Path) -> anyhow::Result<Self> {
        let log = File::create(log)?;
        let guard = Command::new(program)
            .arg("guard")
            .args(command)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("no guard")?;
        Ok(Self { guard })
    }

    /// Which is the guard's process id too.
    pub fn group(&self) -> u32 {
        self.guard.id()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// What the guard's process does.
pub fn run(command: &[OsString]) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("no program")?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("{} does not start", program.display()))?;
    let _ = io::stdin().read_to_end(&mut Vec::new());
    let group: Pid = getpgrp();
    kill_process_group(group, Signal::KILL)?;
    Ok(())
}
