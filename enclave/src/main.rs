//! `sealnote-enclave`: parses its arguments, and wires attester, model and listener together.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use sealnote_enclave::attester::Attester;
use sealnote_enclave::attester::nsm::{Nsm, clock_source};
use sealnote_enclave::boot::{boot, client_memory};
use sealnote_enclave::server::{PARENT_CID, serve};
use sealnote_enclave::{init, panics, process};
use sealnote_engine::{Computation, DEFAULT_WINDOW, Engine, EngineOptions, ModelFiles, memory};
use sealnote_protocol::session::SessionLimits;
use sealnote_transport::{Cid, Endpoint, Listener};

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
    /// How the encoder is computed; stated in the claims. By default in int8 if the model's type has
    /// such a path, else in f32.
    #[arg(long)]
    precision: Option<PrecisionKind>,
    /// From which vsock CIDs connections are taken; 3 is the instance that a Nitro enclave runs on.
    #[arg(long = "peer-cid", value_name = "CID", default_values_t = [PARENT_CID.0])]
    peer_cids: Vec<u32>,
    /// Software attester: write its development root here, as PEM.
    #[arg(long, value_name = "FILE")]
    software_root_out: Option<PathBuf>,
    /// Software attester: the kind of its evidence; nitro unless this says otherwise.
    #[arg(long, value_name = "KIND")]
    software_kind: Option<SoftwareKind>,
    /// Software attester: write its measurements here, as nitro-cli prints them; of another kind than nitro, a policy
    /// that asks for them.
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

#[derive(Clone, Copy, ValueEnum)]
enum SoftwareKind {
    /// Documents as of the Nitro Security Module.
    Nitro,
    /// Reports as of an AMD SEV-SNP guest.
    SevSnp,
}

#[derive(Clone, Copy, ValueEnum)]
enum PrecisionKind {
    /// 32-bit floating-point: logits within 1e-4 of transformers'.
    F32,
    /// Linear layers in 8-bit integers, several times as fast.
    Int8,
}

fn main() -> ExitCode {
    panics::print_places_only();
    if init::is_init() {
        init::run();
    }
    let args = Args::parse();
    if args.attester == AttesterKind::Software && !cfg!(feature = "software-attester") {
        eprintln!(
            "sealnote-enclave: the software attester is not built into this binary; \
             use --attester nsm, or a development build (--features software-attester)"
        );
        return ExitCode::from(2);
    }
    let of_software = args.software_root_out.is_some()
        || args.measurements_out.is_some()
        || args.software_kind.is_some();
    if args.attester == AttesterKind::Nsm && of_software {
        eprintln!(
            "sealnote-enclave: --software-kind, --software-root-out and --measurements-out go with \
             --attester software; a real enclave's measurements come from nitro-cli"
        );
        return ExitCode::from(2);
    }
    match run(args) {
        Ok(never) => match never {},
        Err(error) => {
            event(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The order is that of the types: files, loaded model, attester that has measured it, and only then
/// the key.
fn run(args: Args) -> anyhow::Result<std::convert::Infallible> {
    let locked = process::keep_memory_private().context("core dumps cannot be turned off")?;
    let (engine, attester) = match args.attester {
        AttesterKind::Nsm => nitro(&args)?,
        AttesterKind::Software => software(&args)?,
    };
    if !locked && args.attester == AttesterKind::Nsm {
        event(format_args!(
            "the kernel does not lock this program's memory"
        ));
    }
    let mut service = boot(engine, attester, SessionLimits::default())?;
    service.peer_cids = args.peer_cids.into_iter().map(Cid).collect();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let listener = Listener::bind(&args.listen).await?;
        event(format_args!("ready on {}", listener.local_endpoint()));
        Err(serve(listener, service).await.into())
    })
}

/// One line for the operator. There are no others, and none once the enclave is ready.
fn event(message: std::fmt::Arguments) {
    use std::io::Write;
    // Not `eprintln!`, which panics where standard error is closed.
    let _ = writeln!(std::io::stderr(), "sealnote-enclave: {message}");
}

fn load(args: &Args, files: ModelFiles) -> anyhow::Result<Engine> {
    let options = EngineOptions {
        window: args.window,
        reserved_memory: client_memory(),
        computation: match args.precision {
            None => Computation::Fastest,
            Some(PrecisionKind::F32) => Computation::F32,
            Some(PrecisionKind::Int8) => Computation::Int8,
        },
        ..EngineOptions::default()
    };
    let engine = Engine::load(files, options)?;
    let mebibytes = |bytes: Option<u64>| bytes.map_or("unknown".into(), |b| (b >> 20).to_string());
    event(format_args!(
        "model {} loaded in {}, computed on {}; at most {} MiB were taken, {} of {} MiB are free",
        engine.info().digest,
        engine.info().precision,
        engine.instruction_set().unwrap_or("candle"),
        mebibytes(memory::peak()),
        mebibytes(memory::available()),
        mebibytes(memory::total()),
    ));
    Ok(engine)
}

fn nitro(args: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    let nsm = Nsm::open()?;
    let engine = load(args, ModelFiles::open_exactly(&args.model)?)?;
    let attester = nsm.lock_model(&engine.info().digest)?;
    let offset = attester.check_clock(SystemTime::now())?;
    event(format_args!(
        "PCR16 extended by the model, all registers locked; clock {}, {offset} s from the module's",
        clock_source().as_deref().unwrap_or("unknown"),
    ));
    Ok((engine, Box::new(attester)))
}

#[cfg(feature = "software-attester")]
fn software(args: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    use sealnote_enclave::attester::software::{Software, SoftwareKind as Kind};

    let kind = match args.software_kind {
        None | Some(SoftwareKind::Nitro) => Kind::Nitro,
        Some(SoftwareKind::SevSnp) => Kind::SevSnp,
    };
    let engine = load(args, ModelFiles::open(&args.model)?)?;
    let software = Software::start(kind, &engine.info().digest)?;
    event(format_args!(
        "WARNING: software attester: its evidence proves nothing about where this runs; for \
         development only"
    ));
    let write = |file: &Option<PathBuf>, contents: &str| match file {
        Some(path) => std::fs::write(path, contents)
            .with_context(|| format!("{} cannot be written", path.display())),
        None => Ok(()),
    };
    write(&args.software_root_out, &software.root_pem)?;
    write(&args.measurements_out, &software.policy)?;
    Ok((engine, software.attester))
}

#[cfg(not(feature = "software-attester"))]
fn software(_: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    anyhow::bail!("the software attester is not built into this binary")
}
