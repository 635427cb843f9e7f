//! A model owner's folder, the service that is started in it, and an enclave that asks.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_access::{PrivateKey, PublicKey};
use sealnote_enclave::attester::Attester;
use sealnote_key_release::evidence::SessionEvidence;
use sealnote_key_release::owner::{OwnerError, Patience, release};
use sealnote_key_release::{Evidence, EvidenceError, Released, Wanted};
use sealnote_model::ModelDigest;
use sealnote_protocol::session::enclave::Binding;
use sealnote_tests::attester::{DevAttester, Quirk, policy};
use sealnote_tests::relay::{Act, Relay, Seen};
use sealnote_transport::Endpoint;
use tempfile::TempDir;

use crate::common::programs::{Program, Serving};

/// The model's key.
pub const KEY: [u8; 32] = *b"CANARY, the key of a model, 32 B";

/// Asks once.
pub const HASTE: Patience = Patience {
    step: Duration::from_secs(20),
    in_all: Duration::ZERO,
};

/// All that the owner has, and a machine whose evidence the owner's policy accepts, or would but for its quirk.
pub struct Owner {
    folder: TempDir,
    signer: PrivateKey,
    machine: Arc<Machine>,
}

/// The service.
pub struct Service {
    pub address: Endpoint,
    serving: Serving,
    log: std::path::PathBuf,
}

struct Machine(DevAttester);

impl Evidence for Machine {
    fn session(&self, binding: &Binding) -> Result<SessionEvidence, EvidenceError> {
        let evidence = self.0.attest(binding);
        Ok(SessionEvidence {
            kind: self.0.kind(),
            evidence: evidence.map_err(|error| EvidenceError::Attester(error.to_string()))?,
            endorsements: None,
        })
    }
}

pub fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// What the enclave asks for.
pub fn wanted() -> Wanted {
    Wanted {
        key_id: "ward/icd10".parse().unwrap(),
        model: ModelDigest([0xd1; 48]),
    }
}

/// The policy of an owner with this one model.
pub fn owners_policy() -> serde_json::Value {
    let mut policy = policy();
    policy["model_digests"] = serde_json::json!([wanted().model.to_string()]);
    policy
}

impl Owner {
    pub fn prepare(quirk: Quirk) -> Self {
        let attester = DevAttester::start(quirk).unwrap();
        let signer = PrivateKey::generate(&mut rng());
        let owner = Self {
            folder: tempfile::tempdir().unwrap(),
            machine: Arc::new(Machine(attester)),
            signer,
        };
        owner.write("root.pem", owner.machine.0.root_pem().unwrap());
        owner.write("policy.json", owners_policy().to_string());
        owner.write_secret("signer.pem", owner.signer.to_pem().as_bytes());
        owner.write_secret("keys/ward/icd10.key", (hex::encode(KEY) + "\n").as_bytes());
        owner
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, contents).unwrap();
        self.path(name)
    }

    pub fn write_secret(&self, name: &str, contents: &[u8]) -> String {
        let path = self.write(name, contents);
        set_mode(&path, 0o600);
        path
    }

    pub fn signer(&self) -> PublicKey {
        self.signer.public()
    }

    pub fn signer_pem(&self) -> String {
        self.signer.to_pem().to_string()
    }

    /// What the owner's commands verify by.
    pub fn trust(&self) -> Vec<String> {
        let flags = ["--policy", "--danger-accept-software-root"];
        let files = [self.path("policy.json"), self.path("root.pem")];
        let pairs = flags.into_iter().zip(files);
        pairs
            .flat_map(|(flag, file)| [flag.to_owned(), file])
            .collect()
    }

    /// The service's arguments, but for where it listens. Anybody may ask unless `further` has a list.
    pub fn arguments(&self, further: &[&str]) -> Vec<String> {
        let mut arguments = vec!["release".to_owned()];
        arguments.extend(further.iter().map(|&text| text.to_owned()));
        if !further.contains(&"--clients") {
            arguments.push("--anybody".to_owned());
        }
        arguments.extend(self.trust());
        for (flag, name) in [
            ("--keys", "keys"),
            ("--signing-key", "signer.pem"),
            ("--log", "log.jsonl"),
        ] {
            arguments.extend([flag.to_owned(), self.path(name)]);
        }
        arguments
    }

    /// Starts it on a port of its own.
    pub fn start(&self, further: &[&str]) -> Service {
        self.start_at("tcp:127.0.0.1:0", further)
    }

    pub fn start_at(&self, listen: &str, further: &[&str]) -> Service {
        let mut arguments = self.arguments(further);
        arguments.extend(["--listen".to_owned(), listen.to_owned()]);
        let serving = Serving::start(Program::Client, &arguments);
        let address = serving.word_after("listening on ");
        Service {
            address: address.trim_end_matches(',').parse().unwrap(),
            serving,
            log: self.folder.path().join("log.jsonl"),
        }
    }
}

impl Service {
    /// The log, once it has so many lines.
    pub fn log_after(&self, lines: usize) -> Vec<serde_json::Value> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            if log.lines().count() >= lines && log.ends_with('\n') {
                let parse = |line| serde_json::from_str(line).unwrap();
                return log.lines().map(parse).collect();
            }
            assert!(Instant::now() < end, "the log has:\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn stop(self) -> (ExitStatus, String) {
        self.serving.stop("TERM")
    }

    pub fn ended(self) -> (ExitStatus, String) {
        self.serving.ended()
    }

    pub fn kill(&mut self) {
        self.serving.kill();
    }
}

pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).unwrap();
}

/// An enclave that asks for what it wants at this address, once.
pub async fn enclave(owner: &Owner, way: &Endpoint) -> Result<Released, OwnerError> {
    enclave_of(owner, way, &wanted(), &owner.signer(), HASTE).await
}

pub async fn enclave_of(
    owner: &Owner,
    way: &Endpoint,
    wanted: &Wanted,
    releaser: &PublicKey,
    patience: Patience,
) -> Result<Released, OwnerError> {
    let machine = owner.machine.clone();
    release(wanted, way, releaser, machine, patience, |_| {}).await
}

/// Somebody between the enclave, who dials, and the service. The enclave's frames go the relay's way "to the enclave":
/// that is where its own clients' would go.
pub async fn relay(
    service: &Endpoint,
    tamper: impl Fn(&Seen) -> Act + Send + Sync + 'static,
) -> Relay {
    let listen = "tcp:127.0.0.1:0".parse().unwrap();
    Relay::start(&listen, service.clone(), tamper)
        .await
        .unwrap()
}
