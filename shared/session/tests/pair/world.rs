//! What all tests of the binary share: one RSA key, one attester under one root, one clock.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::{Infallible, TryCryptoRng, TryRng, UnwrapErr};
use sealnote_model::{ModelDigest, Precision, Problem};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{Binding, Enclave};
use sealnote_protocol::suite::{BootKeys, rsa_oaep};
use sealnote_protocol::task::ModelClaims;
use sealnote_software_attester::nitro::{AttestationRequest, SoftwareAttester, SoftwareRoot};
use sealnote_verifier::{Policy, TrustRoots, UnixTime};

pub const NOW_SECONDS: u64 = 1_795_000_000;

/// The labels of the made-up model.
pub const LABELS: [&str; 3] = ["Circulatory", "Nervous", "Respiratory"];

/// Notes in one request, at most.
pub const NOTES: u16 = 4;

/// Bytes of one note, at most.
pub const NOTE_BYTES: u32 = 5000;

/// Bytes of one padded request, at most.
pub const REQUEST_BYTES: u32 = 16 * 1024;

pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// The moment at which every session starts.
pub static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub struct World {
    /// The enclave's key, PKCS #8: drawn once, since it takes about a second.
    pkcs8: Vec<u8>,
    attester: Mutex<SoftwareAttester>,
    /// With the protocol's own limits on sessions.
    pub enclave: Arc<Enclave>,
    pub roots: TrustRoots,
    pub policy: Policy,
}

impl World {
    fn new() -> Self {
        let mut rng = UnwrapErr(SysRng);
        let key = rsa::PrivateKey::new(&mut rng, 3072).expect("a key");
        let pkcs8 = rsa::pkcs8::EncodePrivateKey::to_pkcs8_der(&key).expect("DER");
        let root = SoftwareRoot::generate(system_time(), &mut rng).expect("a root");
        let mut roots = TrustRoots::vendors();
        roots
            .danger_add_software_root(&root.certificate_pem().expect("PEM"))
            .expect("a software root");
        let pcrs = BTreeMap::from([0, 1, 2].map(|index| (index, [index + 1; 48])));
        let attester = SoftwareAttester::new(root, pcrs, &mut rng).expect("an attester");
        let pkcs8 = pkcs8.as_bytes().to_vec();
        Self {
            enclave: enclave(&pkcs8, claims_limits(), SessionLimits::default()),
            pkcs8,
            attester: Mutex::new(attester),
            roots,
            policy: policy(""),
        }
    }

    /// The RSA key of every enclave here, in PKCS #8.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Another enclave with the same key.
    pub fn enclave_with(&self, limits: Limits, session_limits: SessionLimits) -> Arc<Enclave> {
        enclave(&self.pkcs8, limits, session_limits)
    }

    /// A document that carries what the enclave asks for.
    pub fn attest(&self, binding: &Binding) -> Vec<u8> {
        self.attest_fields(
            Some(&binding.challenge),
            Some(&binding.claims),
            binding.public_key.as_deref(),
        )
    }

    pub fn attest_fields(
        &self,
        nonce: Option<&[u8]>,
        user_data: Option<&[u8]>,
        public_key: Option<&[u8]>,
    ) -> Vec<u8> {
        let request = AttestationRequest {
            user_data,
            nonce,
            public_key,
        };
        let mut attester = self.attester.lock().expect("no test panics in here");
        attester
            .attest(&request, system_time(), &mut UnwrapErr(SysRng))
            .expect("a document")
    }
}

fn enclave(pkcs8: &[u8], limits: Limits, session_limits: SessionLimits) -> Arc<Enclave> {
    let key = rsa_oaep::PrivateKey::from_pkcs8(pkcs8).expect("the shared key");
    Enclave::new(BootKeys::new(Some(key)), model(), limits, session_limits).expect("an enclave")
}

/// A policy file for the shared attester, with `more` keys and a comma before the rest.
pub fn policy(more: &str) -> Policy {
    let pcr = |index: u8| hex::encode([index + 1; 48]);
    let json = format!(
        r#"{{"version": 1, {more} "measurements": [
            {{"label": "pair", "pcr0": "{}", "pcr1": "{}", "pcr2": "{}"}}]}}"#,
        pcr(0),
        pcr(1),
        pcr(2)
    );
    Policy::from_json(json).expect("a policy")
}

pub fn system_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
}

pub fn now() -> UnixTime {
    UnixTime::from_seconds(NOW_SECONDS)
}

pub fn model_digest() -> ModelDigest {
    ModelDigest([0xd1; 48])
}

pub fn model() -> ModelClaims {
    let labels = LABELS.map(String::from).to_vec();
    ModelClaims::new(
        model_digest(),
        labels,
        Problem::SingleLabel,
        256,
        64,
        Precision::Int8,
    )
}

pub fn claims_limits() -> Limits {
    Limits::of_classification(NOTES, NOTE_BYTES, REQUEST_BYTES, 8, LABELS.len())
}

/// A random source whose draws can be read afterwards.
pub struct Tape {
    pub drawn: Vec<u8>,
}

impl Tape {
    pub fn new() -> Self {
        Self { drawn: Vec::new() }
    }
}

impl TryRng for Tape {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        UnwrapErr(SysRng).try_fill_bytes(bytes)?;
        self.drawn.extend_from_slice(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Tape {}
