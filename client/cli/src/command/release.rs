//! `sealnote release`: gives model keys to enclaves that the owner's policy accepts.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use clap::Args;
use sealnote_access::{Clients, LEAST_NOTES_PER_HOUR};
use sealnote_encrypted_model::KeyId;
use sealnote_transport::{Endpoint, Listener};
use sealnote_verifier::Policy;

use crate::exit::{Exit, Failure};
use crate::files::{self, malformed, unwritten};
use crate::release::{Caps, Keys, Log, REJECTED_KEPT, Service, signing_key};
use crate::{Trust, evidence};

const EXAMPLES: &str = "\
Examples:
  $ sealnote release --listen tcp:0.0.0.0:7443 --policy policy.json --keys keys --signing-key releaser.pem --clients clients.json --log releases.jsonl
  $ sealnote release --listen tcp:127.0.0.1:7443 --policy policy.json --key a.key --key-id a --signing-key releaser.pem --anybody --once";

/// The greatest length of a list of clients in bytes.
const MAX_CLIENTS_LEN: usize = 1 << 20;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Release {
    /// Where enclaves reach it, through their parents: tcp:HOST:PORT, unix:PATH or vsock:CID:PORT.
    #[arg(long, value_name = "ADDR")]
    listen: Endpoint,
    #[command(flatten)]
    trust: Trust,
    /// The models' keys: that with the id ID in DIR/ID.key. Read when they are released.
    #[arg(long, value_name = "DIR", required_unless_present = "key", conflicts_with_all = ["key", "key_id"], help_heading = "Keys")]
    keys: Option<PathBuf>,
    /// The one model's key.
    #[arg(long, value_name = "FILE", requires = "key_id", help_heading = "Keys")]
    key: Option<PathBuf>,
    /// Its id, as the model was encrypted with.
    #[arg(long, value_name = "ID", requires = "key", help_heading = "Keys")]
    key_id: Option<KeyId>,
    /// The Ed25519 key that signs what is released (PKCS#8 PEM). Enclaves take keys from the one alone whose public half
    /// is their image's --releaser-key.
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    signing_key: PathBuf,
    /// Who may ask an enclave that got its key here, and how much: JSON.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "anybody",
        conflicts_with = "anybody",
        help_heading = "Limits"
    )]
    clients: Option<PathBuf>,
    /// In place of a list: anybody who reaches an enclave may ask it, as often as they like.
    #[arg(long, help_heading = "Limits")]
    anybody: bool,
    /// Keys that go out in an hour, at most. Each start of an enclave takes one.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Limits")]
    releases_per_hour: u32,
    /// How often one of the keys goes out in an hour, at most; as often as all together, if it is not said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Limits")]
    releases_per_hour_of_a_key: Option<u32>,
    /// Connections at the same time, at most.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096), help_heading = "Limits")]
    connections: u16,
    /// How long each step of a connection may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Limits")]
    timeout: u64,
    /// Write the log here, a line of JSON for each event, instead of to standard output.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    log: Option<PathBuf>,
    /// Keep the evidence here, accepted or not, for `sealnote verify --at`.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    evidence_out: Option<PathBuf>,
    /// End after the first release that an enclave confirms.
    #[arg(long)]
    once: bool,
}

impl Release {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let (policy, roots) = self.trust.load()?;
        check(&policy)?;
        let keys = match (&self.keys, &self.key, &self.key_id) {
            (Some(folder), ..) => Keys::Folder(folder.clone()),
            (None, Some(file), Some(id)) => Keys::One {
                id: id.clone(),
                file: file.clone(),
            },
            _ => unreachable!("the command line has one of them"),
        };
        keys.check()?;
        let signer = signing_key(&self.signing_key)?;
        let clients = self.clients()?;
        let log = match &self.log {
            Some(path) => Log::file(path).map_err(|error| unwritten(path, &error))?,
            None => Log::stdout(),
        };
        evidence::make_folder(self.evidence_out.as_deref())?;
        let listener = Listener::bind(&self.listen).await;
        let listener = listener.map_err(|error| Exit::Usage.because(error.to_string()))?;
        note!(
            "listening on {}, signing as {}",
            listener.local_endpoint(),
            signer.public()
        );
        let of_all = self.releases_per_hour;
        let of_each = self.releases_per_hour_of_a_key.unwrap_or(of_all);
        let service = Service {
            policy,
            roots,
            keys,
            signer,
            clients,
            caps: Mutex::new(Caps::new(of_all, of_each)),
            log,
            evidence_out: self.evidence_out,
            rejected_to_keep: AtomicU32::new(REJECTED_KEPT),
            patience: Duration::from_secs(self.timeout),
            connections: self.connections.into(),
            once: self.once.then(Default::default),
        };
        service.run(listener).await
    }

    fn clients(&self) -> Result<Option<Clients>, Failure> {
        let Some(path) = &self.clients else {
            return Ok(None);
        };
        let bytes = files::read(path, "the list of clients", MAX_CLIENTS_LEN)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| malformed(path, &error))?;
        let clients = Clients::from_json(text).map_err(|error| malformed(path, &error))?;
        // An enclave would refuse the list, once it has the key.
        if clients.least_notes_per_hour() < LEAST_NOTES_PER_HOUR {
            let why = format!(
                "a client has fewer than {LEAST_NOTES_PER_HOUR} notes an hour: a full request has so many, and would never fit; give \
                 it {LEAST_NOTES_PER_HOUR} or more"
            );
            return Err(malformed(path, &why));
        }
        Ok(Some(clients))
    }
}

/// A policy under which no key could go out, or more could than its owner wrote down.
fn check(policy: &Policy) -> Result<(), Failure> {
    let rules = policy.session();
    if rules.precision().is_some() {
        return Err(Exit::Usage.because(
            "the policy asks for a precision, and an enclave that asks for its model's key computes nothing yet, so that none \
             would pass: take `precision` out of the policy that releases keys",
        ));
    }
    match rules.model_digests() {
        Some(_) => Ok(()),
        None => Err(Exit::Usage.because(
            "the policy names no model_digests: write down there which models' keys may go out (`sealnote model-digest DIR` \
             of the plain folder prints one)",
        )),
    }
}
