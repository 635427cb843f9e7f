//! `sealnote-enclave`: parses its arguments, and wires attester, model and listener together.

#![forbid(unsafe_code)]

#[cfg(feature = "software-attester")]
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use clap::Parser;
use sealnote_enclave::arguments::{Args, AttesterKind, misuse};
use sealnote_enclave::attester::Attester;
use sealnote_enclave::attester::azure_vtpm::{AzureVtpm, Layout};
use sealnote_enclave::attester::nsm::{Nsm, clock_source};
use sealnote_enclave::attester::sev_snp::SevSnp;
use sealnote_enclave::attester::tdx::Tdx;
use sealnote_enclave::boot::boot;
use sealnote_enclave::model::{self, Loaded};
use sealnote_enclave::server::serve;
use sealnote_enclave::{init, log, panics, process};
use sealnote_model::ModelDigest;
use sealnote_protocol::session::SessionLimits;
use sealnote_transport::{Cid, Listener};
use tokio::runtime::Runtime;

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
            log::line(log::with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// The order of a start is in `model::load`: only a measured model yields the attester that `boot` takes before it draws
/// the key.
fn run(args: Args) -> anyhow::Result<std::convert::Infallible> {
    let locked = process::keep_memory_private().context("core dumps cannot be turned off")?;
    let runtime = Runtime::new().context("the runtime cannot be started")?;
    let endorsements_listen = match &args.endorsements_listen {
        Some(endpoint) => Some(runtime.block_on(Listener::bind(endpoint))?),
        None => None,
    };
    let start = Start {
        args: &args,
        runtime: &runtime,
        endorsements_listen: endorsements_listen.as_ref(),
    };
    let loaded = match args.attester {
        AttesterKind::Nsm => start.nitro()?,
        AttesterKind::SevSnp => start.sev_snp()?,
        AttesterKind::Tdx => start.tdx()?,
        AttesterKind::AzureVtpm => start.azure_vtpm()?,
        AttesterKind::Software => start.software()?,
    };
    if !locked && args.attester != AttesterKind::Software {
        log::line("the kernel does not lock this program's memory");
    }
    if let Some(listener) = &endorsements_listen {
        log::line(format_args!(
            "endorsements are taken on {}",
            listener.local_endpoint()
        ));
    }
    let Loaded {
        engine,
        attester,
        clients,
        endorsements,
    } = loaded;
    let mut service = boot(engine, attester, clients, SessionLimits::default())?;
    service.peer_cids = args.peer_cids.into_iter().map(Cid).collect();
    service.endorsements = endorsements;
    service.endorsements_listen = endorsements_listen;
    runtime.block_on(async {
        let listener = Listener::bind(&args.listen).await?;
        log::line(format_args!("ready on {}", listener.local_endpoint()));
        Err(serve(listener, service).await.into())
    })
}

/// What every kind of machine starts with.
struct Start<'a> {
    args: &'a Args,
    runtime: &'a Runtime,
    endorsements_listen: Option<&'a Listener>,
}

impl Start<'_> {
    fn load(
        &self,
        measure: impl FnOnce(&ModelDigest) -> anyhow::Result<Arc<dyn Attester>>,
    ) -> anyhow::Result<Loaded> {
        model::load(self.args, self.runtime, self.endorsements_listen, measure)
    }

    fn nitro(&self) -> anyhow::Result<Loaded> {
        let nsm = Nsm::open()?;
        self.load(|model| {
            let attester = nsm.lock_model(model)?;
            let offset = attester.check_clock(SystemTime::now())?;
            log::line(format_args!(
                "PCR16 extended by the model, all registers locked; clock {}, {offset} s from the module's",
                clock_source().as_deref().unwrap_or("unknown"),
            ));
            Ok(Arc::new(attester))
        })
    }

    fn sev_snp(&self) -> anyhow::Result<Loaded> {
        let attester = SevSnp::open()?;
        let machine = attester.machine()?;
        log::line(format_args!(
            "SEV-SNP: chip {}, reported TCB {}: fetch endorsements for these",
            machine.chip, machine.reported_tcb,
        ));
        let loaded = self.load(|_| Ok(Arc::new(attester)))?;
        log::line(
            "an SEV-SNP guest has no register for the model: clients see it in the measurement only where \
             the image that was launched has it in it",
        );
        Ok(loaded)
    }

    fn tdx(&self) -> anyhow::Result<Loaded> {
        let guest = Tdx::open()?;
        self.load(|model| {
            let attester = guest.extend_model(model)?;
            log::line("RTMR3 extended by the model");
            Ok(Arc::new(attester))
        })
    }

    fn azure_vtpm(&self) -> anyhow::Result<Loaded> {
        let default = Layout::default();
        let layout = Layout::new(
            self.args.vtpm_pcrs.unwrap_or(default.quoted()),
            self.args.vtpm_model_pcr.unwrap_or(default.model()),
        )?;
        let guest = AzureVtpm::open(layout)?;
        let machine = guest.machine();
        log::line(format_args!(
            "SEV-SNP under Azure's vTPM: chip {}, reported TCB {}: fetch endorsements for these",
            machine.chip, machine.reported_tcb,
        ));
        self.load(|model| {
            let attester = guest.extend_model(model)?;
            log::line(format_args!(
                "register {} extended by the model; quotes are of registers {}",
                layout.model(),
                layout.quoted(),
            ));
            Ok(Arc::new(attester))
        })
    }

    #[cfg(feature = "software-attester")]
    fn software(&self) -> anyhow::Result<Loaded> {
        use sealnote_enclave::arguments::SoftwareKind as Named;
        use sealnote_enclave::attester::software::{Software, SoftwareKind as Kind};

        let args = self.args;
        let kind = match args.software_kind {
            None | Some(Named::Nitro) => Kind::Nitro,
            Some(Named::SevSnp) => Kind::SevSnp,
            Some(Named::Tdx) => Kind::Tdx,
            Some(Named::AzureVtpm) => Kind::AzureVtpm,
        };
        self.load(|model| {
            let software = Software::start(kind, model)?;
            log::line(
                "WARNING: software attester: its evidence proves nothing about where this runs; for \
                 development only",
            );
            let write = |file: &Option<PathBuf>, contents: &str| match file {
                Some(path) => std::fs::write(path, contents)
                    .with_context(|| format!("{} cannot be written", path.display())),
                None => Ok(()),
            };
            write(&args.software_root_out, &software.root_pem)?;
            write(&args.measurements_out, &software.policy)?;
            Ok(software.attester.into())
        })
    }

    #[cfg(not(feature = "software-attester"))]
    fn software(&self) -> anyhow::Result<Loaded> {
        anyhow::bail!("the software attester is not built into this binary")
    }
}
