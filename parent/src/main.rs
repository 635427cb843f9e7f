//! `sealnote-parent`: see the library.

#![forbid(unsafe_code)]

use std::{io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Parser, ValueEnum, builder::RangedU64ValueParser};
use sealnote_parent::{Config, Endorsements, Parent};
use sealnote_transport::{Endpoint, probe_vsock_loopback};
use tokio::signal::unix::{SignalKind, signal};

/// Copies bytes between clients and the enclave, and can read none of them.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where clients come in: vsock:CID:PORT, tcp:HOST:PORT or unix:PATH
    #[arg(long, value_name = "ADDR", required_unless_present = "probe")]
    listen: Option<Endpoint>,

    /// Where the enclave listens, as vsock:16:5005
    #[arg(long, value_name = "ADDR", required_unless_present = "probe")]
    enclave: Option<Endpoint>,

    /// The most clients at a time, 160 unless given; one more is closed at once
    #[arg(long, value_name = "COUNT")]
    max_connections: Option<NonZeroUsize>,

    /// The most clients at a time from one IPv4 address, IPv6 /64 or vsock CID, 48 unless given; one
    /// more is closed at once
    #[arg(long, value_name = "COUNT")]
    max_connections_per_address: Option<NonZeroUsize>,

    /// How long a client is held while the enclave does not answer, as when it boots: 60 unless given
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    connect_timeout: Option<u64>,

    /// Close a connection over which nothing has moved for so long: 3600 unless given
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    idle_timeout: Option<u64>,

    /// Print the counters to standard error so often
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    metrics_interval: Option<u64>,

    /// Hand over to the enclave what its machine's vendor signed about it: the files sev-snp, tdx,
    /// azure-vtpm and token of this folder, at the start and then every minute
    #[arg(long, value_name = "DIR", requires = "endorsements_to")]
    endorsements: Option<PathBuf>,

    /// Where the enclave takes them, its --endorsements-listen
    #[arg(long, value_name = "ADDR", requires = "endorsements")]
    endorsements_to: Option<Endpoint>,

    /// Tell by exit code 0 or 1 whether this kernel loops vsock back, and do nothing else
    #[arg(long, hide = true)]
    probe: Option<Probe>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Probe {
    Vsock,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            print(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(Probe::Vsock) = args.probe {
        return Ok(probe_vsock().await);
    }
    let (Some(listen), Some(enclave)) = (args.listen, args.enclave) else {
        unreachable!("clap requires both without --probe");
    };
    let mut config = Config::new(listen, enclave);
    config.metrics_interval = args.metrics_interval.map(Duration::from_secs);
    if let Some(count) = args.max_connections {
        config.max_connections = count;
    }
    if let Some(count) = args.max_connections_per_address {
        config.max_connections_per_address = count;
    }
    if let Some(limit) = args.connect_timeout {
        config.connect_timeout = Duration::from_secs(limit);
    }
    if let Some(limit) = args.idle_timeout {
        config.idle_timeout = Duration::from_secs(limit);
    }

    if let (Some(folder), Some(enclave)) = (args.endorsements, args.endorsements_to) {
        config.endorsements = Some(Endorsements::new(folder, enclave));
    }

    // Before the first line is out, so that a signal sent in answer to it is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let enclave = config.enclave.clone();
    let parent = Parent::bind(config).await?;
    print(&format!(
        "listening on {} for the enclave at {enclave}",
        parent.local_endpoint()
    ));

    let counters = parent
        .run(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await?;
    print(&format!("stopped {counters}"));
    Ok(ExitCode::SUCCESS)
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

/// A year at most, so that no sum of times overflows.
fn seconds() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=365 * 24 * 60 * 60)
}

fn print(message: &str) {
    let _ = writeln!(std::io::stderr(), "sealnote-parent: {message}");
}
