//! `sealnote-enclave`: parses its arguments, and wires attester, model and listener together.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use clap::Parser;
use sealnote_enclave::arguments::{Args, AttesterKind, PrecisionKind, SoftwareKind, misuse};
use sealnote_enclave::attester::Attester;
use sealnote_enclave::attester::azure_vtpm::{AzureVtpm, Layout};
use sealnote_enclave::attester::nsm::{Nsm, clock_source};
use sealnote_enclave::attester::sev_snp::SevSnp;
use sealnote_enclave::attester::tdx::Tdx;
use sealnote_enclave::boot::{boot, client_memory, endorsement_memory};
use sealnote_enclave::server::serve;
use sealnote_enclave::{init, log, panics, process};
use sealnote_engine::{Computation, Engine, EngineOptions, ModelFiles};
use sealnote_protocol::session::SessionLimits;
use sealnote_transport::{Cid, Listener};

fn main() -> ExitCode {
    panics::print_places_only();
    if init::is_init() {
        init::run();
    }
    let args = Args::parse();
    if let Some(problem) = misuse(&args) {
        log::line(problem);
        return ExitCode::from(2);
    }
    match run(args) {
        Ok(never) => match never {},
        Err(error) => {
            log::line(format_args!("{error:#}"));
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
        AttesterKind::SevSnp => sev_snp(&args)?,
        AttesterKind::Tdx => tdx(&args)?,
        AttesterKind::AzureVtpm => azure_vtpm(&args)?,
        AttesterKind::Software => software(&args)?,
    };
    if !locked && args.attester != AttesterKind::Software {
        log::line("the kernel does not lock this program's memory");
    }
    let mut service = boot(engine, attester, SessionLimits::default())?;
    service.peer_cids = args.peer_cids.into_iter().map(Cid).collect();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        if let Some(endpoint) = &args.endorsements_listen {
            let listener = Listener::bind(endpoint).await?;
            log::line(format_args!(
                "endorsements are taken on {}",
                listener.local_endpoint()
            ));
            service.endorsements_listen = Some(listener);
        }
        let listener = Listener::bind(&args.listen).await?;
        log::line(format_args!("ready on {}", listener.local_endpoint()));
        Err(serve(listener, service).await.into())
    })
}

fn load(args: &Args, files: ModelFiles) -> anyhow::Result<Engine> {
    let options = EngineOptions {
        window: args.window,
        reserved_memory: client_memory()
            + args
                .endorsements_listen
                .as_ref()
                .map_or(0, |_| endorsement_memory()),
        computation: match args.precision {
            None => Computation::Fastest,
            Some(PrecisionKind::F32) => Computation::F32,
            Some(PrecisionKind::Int8) => Computation::Int8,
        },
        ..EngineOptions::default()
    };
    let engine = Engine::load(files, options)?;
    let mebibytes = |bytes: Option<u64>| bytes.map_or("unknown".into(), |b| (b >> 20).to_string());
    log::line(format_args!(
        "model {} loaded in {}, computed on {}; at most {} MiB were taken, {} of {} MiB are free",
        engine.info().digest,
        engine.info().precision,
        engine.instruction_set().unwrap_or("candle"),
        mebibytes(sealnote_memory::peak()),
        mebibytes(sealnote_memory::available().map(|available| available.bytes)),
        mebibytes(sealnote_memory::total()),
    ));
    Ok(engine)
}

fn nitro(args: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    let nsm = Nsm::open()?;
    let engine = load(args, ModelFiles::open_exactly(&args.model)?)?;
    let attester = nsm.lock_model(&engine.info().digest)?;
    let offset = attester.check_clock(SystemTime::now())?;
    log::line(format_args!(
        "PCR16 extended by the model, all registers locked; clock {}, {offset} s from the module's",
        clock_source().as_deref().unwrap_or("unknown"),
    ));
    Ok((engine, Box::new(attester)))
}

fn sev_snp(args: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    let attester = SevSnp::open()?;
    let machine = attester.machine()?;
    log::line(format_args!(
        "SEV-SNP: chip {}, reported TCB {}: fetch endorsements for these",
        machine.chip, machine.reported_tcb,
    ));
    let engine = load(args, ModelFiles::open_exactly(&args.model)?)?;
    log::line(
        "an SEV-SNP guest has no register for the model: clients see it in the measurement only where \
         the image that was launched has it in it",
    );
    Ok((engine, Box::new(attester)))
}

fn tdx(args: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    let guest = Tdx::open()?;
    let engine = load(args, ModelFiles::open_exactly(&args.model)?)?;
    let attester = guest.extend_model(&engine.info().digest)?;
    log::line("RTMR3 extended by the model");
    Ok((engine, Box::new(attester)))
}

fn azure_vtpm(args: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    let default = Layout::default();
    let layout = Layout::new(
        args.vtpm_pcrs.unwrap_or(default.quoted()),
        args.vtpm_model_pcr.unwrap_or(default.model()),
    )?;
    let guest = AzureVtpm::open(layout)?;
    let machine = guest.machine();
    log::line(format_args!(
        "SEV-SNP under Azure's vTPM: chip {}, reported TCB {}: fetch endorsements for these",
        machine.chip, machine.reported_tcb,
    ));
    let engine = load(args, ModelFiles::open_exactly(&args.model)?)?;
    let attester = guest.extend_model(&engine.info().digest)?;
    log::line(format_args!(
        "register {} extended by the model; quotes are of registers {}",
        layout.model(),
        layout.quoted(),
    ));
    Ok((engine, Box::new(attester)))
}

#[cfg(feature = "software-attester")]
fn software(args: &Args) -> anyhow::Result<(Engine, Box<dyn Attester>)> {
    use sealnote_enclave::attester::software::{Software, SoftwareKind as Kind};

    let kind = match args.software_kind {
        None | Some(SoftwareKind::Nitro) => Kind::Nitro,
        Some(SoftwareKind::SevSnp) => Kind::SevSnp,
        Some(SoftwareKind::Tdx) => Kind::Tdx,
        Some(SoftwareKind::AzureVtpm) => Kind::AzureVtpm,
    };
    let engine = load(args, ModelFiles::open(&args.model)?)?;
    let software = Software::start(kind, &engine.info().digest)?;
    log::line(format_args!(
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
