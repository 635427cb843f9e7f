//! The model: in the clear, or encrypted, with a key that a service releases. The order of a start is here.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use sealnote_access::Clients;
use sealnote_engine::{Computation, EncryptedFiles, Engine, EngineOptions, ModelFiles};
use sealnote_model::ModelDigest;
use sealnote_transport::{Cid, Listener};
use tokio::runtime::Runtime;

use crate::arguments::{Args, AttesterKind, PrecisionKind};
use crate::attester::Attester;
use crate::boot::{client_memory, endorsement_memory};
use crate::key_release::KeyRelease;
use crate::log;
use crate::server::{Endorsements, ServerLimits};

/// A model that is loaded and measured.
pub struct Loaded {
    /// Computes it.
    pub engine: Engine,
    /// Gives evidence that shows it, where the machine has a register for it.
    pub attester: Arc<dyn Attester>,
    /// Who may ask; anybody, if there is no list.
    pub clients: Option<Clients>,
    /// What endorses the evidence, if it was handed over already.
    pub endorsements: Arc<Endorsements>,
}

/// Loads the model that the arguments name, and has it measured by `measure`.
///
/// A model in the clear is loaded, and then its digest is measured. Of an encrypted one the digest that the arguments
/// expect is measured first, so that a key service can see it in the evidence (K9); then the key is asked for, and the model
/// is loaded. If it is another than was measured, there is no engine (K8). In either case nobody is served before the whole
/// model was read and is the measured one.
///
/// # Errors
/// When there is no model, no measurement or no key, each with what to do.
pub fn load(
    args: &Args,
    runtime: &Runtime,
    endorsements_listen: Option<&Listener>,
    measure: impl FnOnce(&ModelDigest) -> anyhow::Result<Arc<dyn Attester>>,
) -> anyhow::Result<Loaded> {
    let clients = args.clients.as_deref().map(clients).transpose()?;
    let Some(key_release) = KeyRelease::of(&args.key)? else {
        let files = match args.attester {
            AttesterKind::Software => ModelFiles::open(&args.model)?,
            _ => ModelFiles::open_exactly(&args.model)?,
        };
        let engine = compute(args, files)?;
        let attester = measure(&engine.info().digest)?;
        return Ok(Loaded {
            endorsements: Endorsements::new(attester.endorsed_as()),
            attester,
            engine,
            clients,
        });
    };
    let wanted = key_release.wanted();
    let files = EncryptedFiles::open(&args.model, wanted.model, &wanted.key_id)?;
    let attester = measure(&wanted.model)?;
    let endorsements = Endorsements::new(attester.endorsed_as());
    let released = runtime.block_on(async {
        let first = first_endorsements(args, &endorsements, endorsements_listen).await?;
        let wrapped = files.wrapped_key();
        log::line(format_args!(
            "the key {} of model {} is asked for",
            wanted.key_id, wanted.model
        ));
        key_release.release(attester.clone(), first, wrapped).await
    })?;
    log::line("the model's key was released");
    let engine = compute(args, files.unlock(&released.key)?)?;
    Ok(Loaded {
        engine,
        attester,
        clients: sole(clients, released.clients)?,
        endorsements,
    })
}

/// A list that is measured, and one that comes with the key, would have to be one.
fn sole(measured: Option<Clients>, released: Option<Clients>) -> anyhow::Result<Option<Clients>> {
    match (measured, released) {
        (Some(_), Some(_)) => anyhow::bail!(
            "there are two lists of clients: the image's (--clients), and the one that came with the model's key; leave one \
             of them out"
        ),
        (measured, released) => Ok(measured.or(released)),
    }
}

fn clients(path: &Path) -> anyhow::Result<Clients> {
    let named = || path.display().to_string();
    let json = fs::read_to_string(path).with_context(named)?;
    Clients::from_json(&json).with_context(named)
}

/// Those that the owner's release service is to be shown. Waits for them where the evidence needs some.
async fn first_endorsements(
    args: &Args,
    endorsements: &Endorsements,
    listener: Option<&Listener>,
) -> anyhow::Result<Option<Arc<[u8]>>> {
    let Some(listener) = listener else {
        return Ok(None);
    };
    let peer_cids: Vec<Cid> = args.peer_cids.iter().copied().map(Cid).collect();
    let limit = ServerLimits::default().hand_over_time;
    log::line(format_args!(
        "endorsements are awaited on {}, before the model's key is asked for",
        listener.local_endpoint()
    ));
    tokio::select! {
        first = endorsements.first() => Ok(first),
        error = endorsements.take(listener, &peer_cids, limit) => Err(error.into()),
    }
}

fn compute(args: &Args, files: ModelFiles) -> anyhow::Result<Engine> {
    let endorsements = args.endorsements_listen.as_ref();
    let options = EngineOptions {
        window: args.window,
        reserved_memory: client_memory() + endorsements.map_or(0, |_| endorsement_memory()),
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
