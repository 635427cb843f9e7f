//! The program `sealnote-parent`: its command line, its signals, and how they reach a [`Parent`].

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use sealnote_transport::{Listener, probe_vsock_loopback};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::{Control, Parent, log, settings::Settings, supervise::answer_heartbeats};

/// Copies bytes between clients and the enclave, and can read none of them.
#[derive(Parser, Clone)]
#[command(name = "sealnote-parent", version)]
pub struct Arguments {
    /// Take what no flag and no environment variable says from this TOML file, whose keys are the flags' names; more than
    /// one may be given. SIGHUP reads them again
    #[arg(long, value_name = "FILE", env = "SEALNOTE_PARENT_CONFIG")]
    config: Vec<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    /// Tell by exit code 0 or 1 whether this kernel loops vsock back, and do nothing else
    #[arg(long, hide = true)]
    probe: Option<Probe>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Probe {
    Vsock,
}

/// Runs it to its end, with the process's own arguments.
#[tokio::main]
pub async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            print(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Some(Probe::Vsock) = arguments.probe {
        return Ok(probe_vsock().await);
    }
    let settings = arguments.settings()?;
    log::start(settings.log_format.unwrap_or_default());
    settings.without_run()?;
    let heartbeats = settings.answer_heartbeat.clone();
    let config = settings.config()?;

    // Before the first line is out, so that a signal sent in answer to it is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let enclave = config.enclave.clone();
    let parent = Parent::bind(config).await?;
    info!(
        "listening on {} for the enclave at {enclave}",
        parent.local_endpoint()
    );
    if let Some(endpoint) = parent.metrics_endpoint() {
        info!("metrics on {endpoint}");
    }

    if let Some(endpoint) = heartbeats {
        let listener = Listener::bind(&endpoint).await?;
        info!("heartbeats are answered on {}", listener.local_endpoint());
        tokio::spawn(answer_heartbeats(listener));
    }

    let control = parent.control();
    let reloading = async move {
        while hangup.recv().await.is_some() {
            match reload(&arguments, &control) {
                Ok(()) => info!("settings read again"),
                Err(error) => error!("the settings stay as they are: {error:#}"),
            }
        }
        std::future::pending().await
    };
    let stopped = parent
        .run(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = reloading => {}
            }
        })
        .await?;
    stopped.log("stopped");
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn settings(&self) -> anyhow::Result<Settings> {
        Ok(self.settings.clone().over_files(&self.config)?)
    }
}

fn reload(arguments: &Arguments, control: &Control) -> anyhow::Result<()> {
    Ok(control.replace(arguments.settings()?.config()?)?)
}

async fn probe_vsock() -> ExitCode {
    match probe_vsock_loopback().await {
        Ok(()) => {
            print("vsock loopback works");
            ExitCode::SUCCESS
        }
        Err(error) => {
            print(&format!("no vsock loopback: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What has an end and no time: the reason why it does not start.
fn print(message: &str) {
    let _ = writeln!(std::io::stderr(), "sealnote-parent: {message}");
}
