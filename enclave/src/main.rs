//! `sealnote-enclave`: parses its arguments, and wires attester, model and listener together.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use sealnote_enclave::attester::Attester;
use sealnote_enclave::attester::azure_vtpm::{AzureVtpm, Layout, Registers};
use sealnote_enclave::attester::nsm::{Nsm, clock_source};
use sealnote_enclave::attester::sev_snp::SevSnp;
use sealnote_enclave::attester::tdx::Tdx;
use sealnote_enclave::boot::{boot, client_memory, endorsement_memory};
use sealnote_enclave::server::{PARENT_CID, serve};
use sealnote_enclave::{init, log, panics, process};
use sealnote_engine::{Computation, DEFAULT_WINDOW, Engine, EngineOptions, ModelFiles};
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
    /// Where the parent hands over what the vendor signed about the machine (`sealnote-parent
    /// --endorsements-to`), for evidence that needs it: sev-snp, tdx, azure-vtpm. From whom it comes does not
    /// matter, since clients check it; who reaches the address can keep clients away, as the parent can.
    #[arg(long, value_name = "ADDR")]
    endorsements_listen: Option<Endpoint>,
    /// Azure's vTPM: the registers that are quoted, which must be those of the clients' policies
    /// [default: 0,1,2,3,4,5,7,8,9,11]
    #[arg(long, value_name = "N,N…")]
    vtpm_pcrs: Option<Registers>,
    /// Azure's vTPM: the register that is extended by the model, 8 to 15, and nothing else [default: 11]
    #[arg(long, value_name = "N")]
    vtpm_model_pcr: Option<u8>,
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
    /// An SEV-SNP guest's report, by configfs-tsm or /dev/sev-guest. Untried on hardware.
    SevSnp,
    /// A TDX guest's quote, by configfs-tsm, with the model in RTMR3 (Linux 6.16 or later). Untried on
    /// hardware.
    Tdx,
    /// A quote of the vTPM of a confidential VM of Azure on SEV-SNP, through /dev/tpmrm0, with the model in a register.
    /// Untried on Azure.
    AzureVtpm,
    /// A root made at start, for development; not built into release images.
    Software,
}

#[derive(Clone, Copy, ValueEnum)]
enum SoftwareKind {
    /// Documents as of the Nitro Security Module.
    Nitro,
    /// Reports as of an AMD SEV-SNP guest.
    SevSnp,
    /// Quotes as of an Intel TDX guest.
    Tdx,
    /// Quotes as of the vTPM of an Azure confidential VM.
    AzureVtpm,
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

/// What is wrong with the flags taken together.
fn misuse(args: &Args) -> Option<&'static str> {
    let software = args.attester == AttesterKind::Software;
    let of_software = args.software_kind.is_some()
        || args.software_root_out.is_some()
        || args.measurements_out.is_some();
    if software && !cfg!(feature = "software-attester") {
        return Some(
            "the software attester is not built into this binary; use the --attester of this machine, \
             or a development build (--features software-attester)",
        );
    }
    if !software && of_software {
        return Some(
            "--software-kind, --software-root-out and --measurements-out go with --attester software; \
             a real enclave's measurements come from its image",
        );
    }
    if args.attester != AttesterKind::AzureVtpm
        && (args.vtpm_pcrs.is_some() || args.vtpm_model_pcr.is_some())
    {
        return Some("--vtpm-pcrs and --vtpm-model-pcr go with --attester azure-vtpm");
    }
    match (args.attester, args.endorsements_listen.is_some()) {
        (AttesterKind::Nsm, true) => Some(
            "--endorsements-listen does not go with --attester nsm: a Nitro document has its \
             certificates with it, and nothing would be handed over",
        ),
        (AttesterKind::SevSnp | AttesterKind::Tdx | AttesterKind::AzureVtpm, false) => Some(
            "--attester sev-snp, tdx and azure-vtpm need --endorsements-listen: without endorsements no client \
             could check the evidence; the parent hands them over, see `sealnote-parent --endorsements`",
        ),
        _ => None,
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
    let mut service = boot(engine, attester, None, SessionLimits::default())?;
    service.peer_cids = args.peer_cids.into_iter().map(Cid).collect();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        if let Some(endpoint) = &args.endorsements_listen {
            let listener = Listener::bind(endpoint).await?;
            log::line(format_args!(
                "endorsements are taken on {}",
                listener.local_endpoint()
            ));
            service.endorsements = Some(listener);
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
