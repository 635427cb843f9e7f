//! `sealnote-enclave`: parses its arguments, and wires attester, model and listener together.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use sealnote_enclave::attester::Attester;
use sealnote_enclave::attester::nsm::NsmAttester;
use sealnote_enclave::boot::boot;
use sealnote_enclave::engine::{DEFAULT_WINDOW, EngineOptions};
use sealnote_enclave::model_store::ModelFiles;
use sealnote_enclave::panics;
use sealnote_enclave::server::serve;
use sealnote_protocol::session::SessionLimits;
use sealnote_transport::{Endpoint, Listener};

/// Attests, opens, classifies, seals, forgets.
#[derive(Parser)]
#[command(name = "sealnote-enclave", version)]
struct Args {
    /// Where to listen: vsock:CID:PORT (vsock:any:5005 in an enclave), unix:PATH or tcp:HOST:PORT.
    #[arg(long, value_name = "ADDR")]
    listen: Endpoint,
    /// The model: a folder with config.json, tokenizer.json and model.safetensors.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Where evidence comes from.
    #[arg(long)]
    attester: AttesterKind,
    /// Longest window in tokens, special tokens included; a longer note is read in several.
    #[arg(long, value_name = "TOKENS", default_value_t = DEFAULT_WINDOW)]
    window: usize,
    /// Software attester: write its development root here, as PEM.
    #[arg(long, value_name = "FILE")]
    software_root_out: Option<PathBuf>,
    /// Software attester: write its measurements here, as nitro-cli prints them.
    #[arg(long, value_name = "FILE")]
    measurements_out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AttesterKind {
    /// The Nitro Security Module, through /dev/nsm.
    Nsm,
    /// A root made at start, for development; not built into release images.
    Software,
}

fn main() -> ExitCode {
    panics::print_places_only();
    let args = Args::parse();
    if args.attester == AttesterKind::Software && !cfg!(feature = "software-attester") {
        eprintln!(
            "sealnote-enclave: the software attester is not built into this binary; \
             use --attester nsm, or a development build (--features software-attester)"
        );
        return ExitCode::from(2);
    }
    let out = args.software_root_out.is_some() || args.measurements_out.is_some();
    if args.attester == AttesterKind::Nsm && out {
        eprintln!(
            "sealnote-enclave: --software-root-out and --measurements-out go with \
             --attester software; a real enclave's measurements come from nitro-cli"
        );
        return ExitCode::from(2);
    }
    match run(args) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("sealnote-enclave: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<std::convert::Infallible> {
    let files = ModelFiles::open(&args.model)?;
    let attester = attester(&args, &files)?;
    let options = EngineOptions {
        window: args.window,
    };
    let service = boot(files, options, attester, SessionLimits::default())?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let listener = Listener::bind(&args.listen).await?;
        eprintln!("sealnote-enclave: ready on {}", listener.local_endpoint());
        Err(serve(listener, service).await.into())
    })
}

fn attester(args: &Args, files: &ModelFiles) -> anyhow::Result<Box<dyn Attester>> {
    match args.attester {
        AttesterKind::Nsm => Ok(Box::new(NsmAttester::open()?)),
        AttesterKind::Software => software_attester(args, files),
    }
}

#[cfg(feature = "software-attester")]
fn software_attester(args: &Args, files: &ModelFiles) -> anyhow::Result<Box<dyn Attester>> {
    use sealnote_enclave::attester::software::Software;

    let attester = Software::start(&files.digest())?;
    eprintln!(
        "sealnote-enclave: WARNING: software attester: its evidence proves nothing about where \
         this runs; for development only"
    );
    let write = |file: &Option<PathBuf>, contents: String| match file {
        Some(path) => std::fs::write(path, contents)
            .with_context(|| format!("{} cannot be written", path.display())),
        None => Ok(()),
    };
    write(&args.software_root_out, attester.root_pem()?)?;
    write(&args.measurements_out, attester.measurements_json())?;
    Ok(Box::new(attester))
}

#[cfg(not(feature = "software-attester"))]
fn software_attester(_: &Args, _: &ModelFiles) -> anyhow::Result<Box<dyn Attester>> {
    anyhow::bail!("the software attester is not built into this binary")
}
