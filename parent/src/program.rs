//! The program `sealnote-parent`: its command line, its signals, and how they reach a [`Parent`].

mod generate;

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use sealnote_transport::{Endpoint, Listener, probe_vsock_loopback};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tracing::{error, info};

use crate::{
    Config, Control, Listen, LogFormat, Parent, ReloadError, limits, log,
    run::{Supervised, vsock},
    settings::{Settings, SettingsError},
    supervise::{Orders, Plan, StartError, answer_heartbeats},
    systemd::{self, Handed},
};

/// Copies bytes between clients and the enclave, and can read none of them.
#[derive(Parser, Clone)]
#[command(
    name = "sealnote-parent",
    version,
    args_conflicts_with_subcommands = true
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    options: Options,

    /// Tell by exit code 0 or 1 whether this kernel loops vsock back, and do nothing else
    #[arg(long, hide = true)]
    probe: Option<Probe>,
}

#[derive(Args, Clone)]
struct Options {
    /// Take what no flag and no environment variable says from this TOML file, whose keys are the flags' names; more than
    /// one may be given. SIGHUP reads them again
    #[arg(long, value_name = "FILE", env = "SEALNOTE_PARENT_CONFIG")]
    config: Vec<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand, Clone)]
enum Command {
    /// Start the enclave through nitro-cli, and look after it: start it again when it has ended, replace it on SIGHUP when the
    /// image is another, end it in the end
    Run(Box<Options>),
    /// Print completions for a shell
    Completions(generate::Completions),
    /// Write man pages into a folder
    Man(generate::Man),
}

#[derive(Clone, Copy, ValueEnum)]
enum Probe {
    Vsock,
}

/// Runs it to its end, with the process's own arguments.
pub fn main() -> ExitCode {
    let handed = Handed::take();
    match run(Arguments::parse(), handed) {
        Ok(code) => code,
        Err(error) => {
            print(&format!("{error:#}"));
            // As clap does of flags.
            match error.is::<SettingsError>() {
                true => ExitCode::from(2),
                false => ExitCode::FAILURE,
            }
        }
    }
}

fn run(mut arguments: Arguments, handed: Handed) -> anyhow::Result<ExitCode> {
    match arguments.command.take() {
        Some(Command::Completions(completions)) => completions.run(Arguments::command())?,
        Some(Command::Man(man)) => man.run(Arguments::command())?,
        Some(Command::Run(options)) => return serve(*options, Form::Run, handed),
        None => match arguments.probe {
            Some(Probe::Vsock) => return probe_vsock(),
            None => return serve(arguments.options, Form::Serve, handed),
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(options: Options, form: Form, handed: Handed) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::new().context("no runtime can be had")?;
    let served = runtime.block_on(serve_until_told(options, form, handed));
    // A name that the system is still asked for would hold up the end.
    runtime.shutdown_background();
    served
}

async fn serve_until_told(
    options: Options,
    form: Form,
    handed: Handed,
) -> anyhow::Result<ExitCode> {
    let Told {
        started,
        plan,
        config,
    } = options.told(form)?;
    log::start(started.log_format);
    limits::allow_open_files(&config);

    // Before the first line is out, so that a signal sent in answer to it is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let enclaves = config.enclaves.clone();
    let parent = match config.listen {
        Listen::At(_) => Parent::bind(config).await?,
        Listen::Systemd => Parent::on(handed.listener()?, config).await?,
    };
    info!("listening on {} for {enclaves}", parent.local_endpoint());
    if let Some(endpoint) = parent.metrics_endpoint() {
        info!("metrics on {endpoint}");
    }
    if let Some(endpoint) = &started.heartbeats {
        let listener = Listener::bind(endpoint).await?;
        info!("heartbeats are answered on {}", listener.local_endpoint());
        tokio::spawn(answer_heartbeats(listener));
    }
    let mut supervised = match &plan {
        Some(plan) => Some(Supervised::start(&parent, plan.clone(), vsock)?),
        None => None,
    };
    systemd::ready();

    let control = parent.control();
    let supervision = plan.zip(supervised.as_ref().map(Supervised::orders));
    let running = Running {
        started,
        control,
        supervision,
    };
    let reloading = async move {
        while hangup.recv().await.is_some() {
            systemd::reloading();
            match reload(&options, &running).await {
                Ok(()) => info!("settings read again"),
                Err(error) => error!("the settings stay as they are: {error:#}"),
            }
            systemd::ready();
        }
        std::future::pending().await
    };
    let mut failed = None;
    let stopped = parent
        .run(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = reloading => {}
                error = failure(&mut supervised) => failed = Some(error),
            }
            systemd::stopping();
        })
        .await?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    // Clients have had their time.
    if let Some(supervised) = supervised {
        supervised.stop().await;
    }
    stopped.log("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Whether it starts its enclave.
#[derive(Clone, Copy)]
enum Form {
    Serve,
    Run,
}

/// What the settings come to.
struct Told {
    started: Started,
    /// With `run`.
    plan: Option<Plan>,
    config: Config,
}

/// What is done once, at the start.
struct Started {
    log_format: LogFormat,
    heartbeats: Option<Endpoint>,
}

/// What a reload changes.
struct Running {
    started: Started,
    control: Control,
    /// With `run`.
    supervision: Option<(Plan, Orders)>,
}

impl Options {
    fn told(&self, form: Form) -> anyhow::Result<Told> {
        let mut settings = self.settings.clone().over_files(&self.config)?;
        let plan = match form {
            Form::Run => Some(settings.plan()?),
            Form::Serve => {
                settings.without_run()?;
                None
            }
        };
        if let Some(plan) = &plan {
            settings.enclave = Some(vec![vsock(plan.cid).into()]);
        }
        let started = Started {
            log_format: settings.log_format.unwrap_or_default(),
            heartbeats: settings.answer_heartbeat.take(),
        };
        let mut config = settings.config()?;
        if let Some(plan) = &plan {
            config.egress.places = plan.cids().into();
        }
        Ok(Told {
            started,
            plan,
            config,
        })
    }
}

async fn reload(options: &Options, running: &Running) -> anyhow::Result<()> {
    let form = match running.supervision {
        Some(_) => Form::Run,
        None => Form::Serve,
    };
    let Told {
        started,
        plan,
        config,
    } = options.told(form)?;
    if started.log_format != running.started.log_format {
        return Err(ReloadError::Fixed("log-format").into());
    }
    if started.heartbeats != running.started.heartbeats {
        return Err(ReloadError::Fixed("answer-heartbeat").into());
    }
    limits::allow_open_files(&config);
    match (plan, &running.supervision) {
        (Some(new), Some((plan, orders))) => {
            plan.stays(&new)?;
            running.control.replace_but_enclaves(config).await?;
            orders.replace(new.image).await;
        }
        _ => running.control.replace(config).await?,
    }
    Ok(())
}

/// Completes when the enclave cannot be looked after any more.
async fn failure(supervised: &mut Option<Supervised>) -> StartError {
    match supervised {
        Some(supervised) => supervised.failed().await,
        None => std::future::pending().await,
    }
}

#[tokio::main]
async fn probe_vsock() -> anyhow::Result<ExitCode> {
    Ok(match probe_vsock_loopback().await {
        Ok(()) => {
            print("vsock loopback works");
            ExitCode::SUCCESS
        }
        Err(error) => {
            print(&format!("no vsock loopback: {error}"));
            ExitCode::FAILURE
        }
    })
}

/// What has an end and no time: the reason why it does not start.
fn print(message: &str) {
    let _ = writeln!(std::io::stderr(), "sealnote-parent: {message}");
}

#[cfg(test)]
mod tests {
    use sealnote_transport::Cid;

    use super::*;

    #[test]
    fn both_places_of_a_supervised_enclave_may_use_the_egress() {
        let told = |command: &str| {
            let arguments = Arguments::parse_from(command.split(' '));
            match arguments.command {
                Some(Command::Run(options)) => options.told(Form::Run),
                _ => arguments.options.told(Form::Serve),
            }
        };
        let common = "--listen tcp:127.0.0.1:0";
        let run = format!(
            "sealnote-parent run {common} --eif a.eif --memory 512 --cpus 2 --enclave-cid 20"
        );
        assert_eq!(told(&run).unwrap().config.egress.places, [Cid(20), Cid(21)]);
        let serve = format!("sealnote-parent {common} --enclave vsock:16:5005");
        assert_eq!(told(&serve).unwrap().config.egress.places, []);
    }
}
