//! A document that the fixture's policy accepts, and what is needed to make others like it.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use minicbor::{Decoder, Encoder};
use sealnote_software_attester::nitro::{
    ChainSpec, Document, ModuleId, SigningKey, SoftwareRoot, cose,
};
use sealnote_verifier::nitro::VerifiedDocument;
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};

use crate::Seeded;

const NOW_SECONDS: u64 = 1_795_000_000;

/// When everything here was made.
pub fn made() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
}

/// The registers, by index: what the policy expects is in 0 to 2 and 8.
fn registers() -> BTreeMap<u8, Vec<u8>> {
    (0..16)
        .map(|index| match index {
            0..=4 | 8 => (index, vec![index + 1; 48]),
            _ => (index, vec![0; 48]),
        })
        .collect()
}

/// Everything that a check takes, and the keys.
pub struct Fixture {
    /// Expects PCR0, 1, 2 and 8 of [`document`](Self::document), and pins its PCR3 and PCR4.
    pub policy: Policy,
    /// AWS's root, and the fixture's.
    pub roots: TrustRoots,
    /// When the document was made.
    pub now: UnixTime,
    /// The document's nonce.
    pub nonce: [u8; 32],
    /// What the accepted document says.
    pub document: Document,
    /// What its certificates say.
    pub chain: ChainSpec,
    root: SoftwareRoot,
    leaf_key: SigningKey,
}

/// The same in every run: keys come from a fixed seed, and signatures are deterministic (RFC 6979).
pub static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

impl Fixture {
    fn new() -> Self {
        let rng = &mut Seeded(1);
        let root = SoftwareRoot::generate(made(), rng).expect("a root");
        let mut roots = TrustRoots::vendors();
        let pem = root.certificate_pem().expect("PEM");
        roots.danger_add_software_root(&pem).expect("a root");
        let module = ModuleId::generate(rng);
        let spec = ChainSpec::nitro(&root, &module, made(), rng).expect("a chain");
        let chain = spec.issue(&root).expect("a signed chain");
        let nonce = [0x5a; 32];
        Self {
            policy: Policy::from_json(policy_json()).expect("a policy"),
            roots,
            now: UnixTime::from_seconds(NOW_SECONDS),
            nonce,
            document: Document {
                module_id: module.to_string(),
                digest: String::from("SHA384"),
                timestamp_ms: NOW_SECONDS * 1000,
                pcrs: registers(),
                certificate: chain.certificate,
                cabundle: chain.cabundle,
                public_key: None,
                user_data: Some(vec![7; 48]),
                nonce: Some(nonce.to_vec()),
            },
            chain: spec,
            root,
            leaf_key: chain.key,
        }
    }

    /// The certificates of another chain under the same root, from the root down.
    pub fn issue(&self, chain: &ChainSpec) -> Vec<Vec<u8>> {
        let chain = chain.issue(&self.root).expect("a signed chain");
        [chain.cabundle, vec![chain.certificate]].concat()
    }

    /// A document around a payload, with the leaf's signature.
    pub fn signed(&self, payload: &[u8]) -> Vec<u8> {
        cose::sign(payload, &self.leaf_key).expect("a signed document")
    }

    /// Checks a document by the fixture's policy, roots and nonce.
    pub fn check(&self, document: &[u8], now: UnixTime) -> Result<VerifiedDocument, Rejection> {
        self.policy
            .check_document(document, &self.roots, Some(&self.nonce), now)
    }
}

/// A document around a payload, with a signature that is none.
pub fn unsigned(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Encoder::new(Vec::new());
    bytes
        .array(4)
        .and_then(|bytes| bytes.bytes(&[0xa1, 0x01, 0x38, 0x22]))
        .and_then(|bytes| bytes.map(0))
        .and_then(|bytes| bytes.bytes(payload))
        .and_then(|bytes| bytes.bytes(&[0; 96]))
        .expect("memory takes all");
    bytes.into_writer()
}

/// The payload of a document: an array of four, tagged or not.
pub fn payload(document: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(document);
    if document.first() == Some(&0xd2) {
        decoder.tag().ok()?;
    }
    decoder.array().ok()?;
    decoder.bytes().ok()?;
    decoder.map().ok()?;
    decoder.bytes().ok()
}

/// A policy file that the document passes.
pub fn policy_json() -> String {
    let register = |index: u8| hex::encode(&registers()[&index]);
    let set = [0, 1, 2, 8].map(|index| format!(r#""pcr{index}": "{}""#, register(index)));
    format!(
        r#"{{"version": 1,
            "measurements": [{{"label": "fixture", "not_after": "2027-03-01T00:00:00Z", {}}}],
            "model_digests": ["{}"],
            "pins": {{"pcr3": ["{}"], "pcr4": ["{}"]}},
            "precision": "int8", "least_suite": 2, "max_age_seconds": 300}}"#,
        set.join(", "),
        register(4),
        register(3),
        register(4)
    )
}
