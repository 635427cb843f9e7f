//! `nitro-cli`, run as a program: what it is asked, and what it answers.
//!
//! Written after aws-nitro-enclaves-cli 1.5.2. A call has a deadline and a bound on what it may print; its arguments are
//! a list, and no shell sees them. One `run-enclave` at a time: it listens on vsock port 9000 for the heartbeat of the
//! enclave that it starts, and a second one, or anybody else who listens there, makes it fail (E36).

mod answer;
mod failure;

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use sealnote_transport::Cid;
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::timeout,
};

use super::Image;
pub use answer::{Described, EnclaveId, Pcr0, Started, State};
use answer::{ImageDescription, Terminated};
pub use failure::{ErrorCode, NitroCliError};

/// The program, and how long its calls may take.
#[derive(Clone, Debug)]
pub struct NitroCli {
    /// Its path, or its name to be found by `PATH`.
    pub program: PathBuf,
    /// For `run-enclave`, which waits for the enclave's heartbeat: more than its own limit, which is a minute and more
    /// for a large image.
    pub run_limit: Duration,
    /// For every other command.
    pub limit: Duration,
}

/// The most that a call may print on one of its two outputs. `describe-enclaves` prints less than 1 KiB an enclave.
const MAX_OUTPUT: usize = 256 * 1024;

impl NitroCli {
    /// The program, with 5 minutes for a start and 30 seconds for everything else.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        NitroCli {
            program: program.into(),
            run_limit: Duration::from_secs(300),
            limit: Duration::from_secs(30),
        }
    }

    /// The measurement of an image file.
    pub async fn describe_image(&self, eif: &Path) -> Result<Pcr0, NitroCliError> {
        const COMMAND: &str = "describe-eif";
        let output = self.call(
            COMMAND,
            ["--eif-path".as_ref(), eif.as_os_str()],
            self.limit,
        );
        let image: ImageDescription = parse(COMMAND, &output.await?)?;
        match image.crc_is_right {
            Some(false) => Err(NitroCliError::Damaged),
            _ => Ok(image.measurements.pcr0),
        }
    }

    /// Starts an enclave, and returns once it has booted.
    pub async fn run(&self, image: &Image, name: &str, cid: Cid) -> Result<Started, NitroCliError> {
        const COMMAND: &str = "run-enclave";
        let (cpus, memory) = (image.cpus.to_string(), image.memory_mib.to_string());
        let cid = cid.0.to_string();
        let mut arguments: Vec<&OsStr> = vec![
            "--enclave-name".as_ref(),
            name.as_ref(),
            "--eif-path".as_ref(),
            image.eif.as_os_str(),
            "--cpu-count".as_ref(),
            cpus.as_ref(),
            "--memory".as_ref(),
            memory.as_ref(),
            "--enclave-cid".as_ref(),
            cid.as_ref(),
        ];
        if image.debug {
            arguments.push("--debug-mode".as_ref());
        }
        let output = self.call(COMMAND, arguments, self.run_limit).await?;
        parse(COMMAND, &output)
    }

    /// The enclaves of this machine, whoever started them. An error says nothing about any of them: `nitro-cli` fails
    /// as soon as one enclave's process does not answer it.
    pub async fn describe(&self) -> Result<Vec<Described>, NitroCliError> {
        const COMMAND: &str = "describe-enclaves";
        let nothing: [&OsStr; 0] = [];
        let output = self.call(COMMAND, nothing, self.limit).await?;
        parse(COMMAND, &output)
    }

    /// Ends an enclave.
    pub async fn terminate(&self, id: &EnclaveId) -> Result<(), NitroCliError> {
        const COMMAND: &str = "terminate-enclave";
        let output = self.call(COMMAND, ["--enclave-id", id.as_str()], self.limit);
        let ended: Terminated = parse(COMMAND, &output.await?)?;
        match ended.terminated && ended.id == *id {
            true => Ok(()),
            false => Err(NitroCliError::NotTerminated),
        }
    }

    /// The console of an enclave in debug mode, on the child's standard output. The child ends when it is dropped.
    pub fn console(&self, id: &EnclaveId) -> Result<Child, NitroCliError> {
        let mut command = self.command("console", ["--enclave-id", id.as_str()]);
        command.stderr(Stdio::null());
        command.spawn().map_err(|error| self.not_started(error))
    }

    async fn call<A: AsRef<OsStr>>(
        &self,
        command: &'static str,
        arguments: impl IntoIterator<Item = A>,
        limit: Duration,
    ) -> Result<Vec<u8>, NitroCliError> {
        let mut child = self
            .command(command, arguments)
            .spawn()
            .map_err(|error| self.not_started(error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            // Whichever prints too much ends all three, and with them, as it is dropped, the child.
            tokio::try_join!(child.wait(), read(stdout), read(stderr))
        };
        let (status, stdout, stderr) = match timeout(limit, ended).await {
            Err(_) => return Err(NitroCliError::Deadline { command, limit }),
            Ok(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(NitroCliError::TooMuch { command });
            }
            Ok(Err(error)) => return Err(NitroCliError::Io { command, error }),
            Ok(Ok(ended)) => ended,
        };
        match status.success() {
            true => Ok(stdout),
            false => Err(NitroCliError::failed(command, &stderr)),
        }
    }

    fn command<A: AsRef<OsStr>>(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut call = Command::new(&self.program);
        call.arg(command)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C at a terminal is the parent's to answer: it ends the enclave in good order.
            .process_group(0);
        call
    }

    fn not_started(&self, error: io::Error) -> NitroCliError {
        NitroCliError::NotStarted {
            program: self.program.clone(),
            error,
        }
    }
}

/// All of an output, or `FileTooLarge`.
async fn read(output: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        output
            .take(MAX_OUTPUT as u64 + 1)
            .read_to_end(&mut bytes)
            .await?;
    }
    match bytes.len() {
        0..=MAX_OUTPUT => Ok(bytes),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// One JSON value and nothing else.
fn parse<T: DeserializeOwned>(command: &'static str, output: &[u8]) -> Result<T, NitroCliError> {
    serde_json::from_slice(output).map_err(|error| NitroCliError::Unreadable { command, error })
}
