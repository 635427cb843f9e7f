//! A self-made chain and document that passes every check, and ways to deviate from it.
#![allow(dead_code)] // Each test binary uses its own part.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_software_attester::nitro::{
    Chain, ChainSpec, Document, ModuleId, SoftwareRoot, cose, encode_fields,
};
use sealnote_verifier::nitro::VerifiedDocument;
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};

pub const NOW_SECONDS: u64 = 1_795_000_000;
pub const NONCE: &[u8] = &[0x5a; 32];

pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
}

pub fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// The value of a register in the fixture's document: its index plus one, 48 times.
pub fn pcr(index: u8) -> Vec<u8> {
    vec![index + 1; 48]
}

pub fn pcr_hex(index: u8) -> String {
    hex::encode(pcr(index))
}

/// A policy file that the fixture's document passes, with `more` keys and a comma before the rest.
pub fn policy_json(set: &str, more: &str) -> String {
    format!(
        r#"{{"version": 1, {more} "measurements": [{{"label": "fixture", {set} "pcr0": "{}", "pcr1": "{}", "pcr2": "{}"}}]}}"#,
        pcr_hex(0),
        pcr_hex(1),
        pcr_hex(2)
    )
}

pub fn policy() -> Policy {
    Policy::from_json(policy_json("", "")).expect("the fixture's policy loads")
}

pub struct Fixture {
    pub root: SoftwareRoot,
    pub roots: TrustRoots,
    pub spec: ChainSpec,
    pub chain: Chain,
    pub document: Document,
}

/// Everything that a check takes.
pub struct Attempt {
    pub bytes: Vec<u8>,
    pub roots: TrustRoots,
    pub policy: Policy,
    pub nonce: Option<Vec<u8>>,
    pub now: UnixTime,
}

impl Attempt {
    pub fn check(&self) -> Result<VerifiedDocument, Rejection> {
        self.policy
            .check_document(&self.bytes, &self.roots, self.nonce.as_deref(), self.now)
    }

    /// The identifier of the check that fails, or `"accepted"`.
    pub fn outcome(&self) -> &'static str {
        match self.check() {
            Ok(_) => "accepted",
            Err(rejection) => rejection.check().id(),
        }
    }

    pub fn at(mut self, now: UnixTime) -> Self {
        self.now = now;
        self
    }

    pub fn nonce(mut self, nonce: Option<&[u8]>) -> Self {
        self.nonce = nonce.map(<[u8]>::to_vec);
        self
    }

    pub fn policy(mut self, json: impl AsRef<[u8]>) -> Self {
        self.policy = Policy::from_json(json).expect("the case's policy loads");
        self
    }

    pub fn roots(mut self, roots: TrustRoots) -> Self {
        self.roots = roots;
        self
    }

    pub fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.bytes = bytes;
        self
    }
}

impl Fixture {
    pub fn new() -> Self {
        let root = SoftwareRoot::generate(now(), &mut rng()).expect("a root");
        Self::under(root)
    }

    pub fn under(root: SoftwareRoot) -> Self {
        let module = ModuleId::generate(&mut rng());
        let spec = ChainSpec::nitro(&root, &module, now(), &mut rng()).expect("a chain");
        let chain = spec.issue(&root).expect("a signed chain");
        let document = Document {
            module_id: module.to_string(),
            digest: String::from("SHA384"),
            timestamp_ms: NOW_SECONDS * 1000,
            pcrs: registers(),
            certificate: chain.certificate.clone(),
            cabundle: chain.cabundle.clone(),
            public_key: None,
            user_data: Some(vec![7; 48]),
            nonce: Some(NONCE.to_vec()),
        };
        Self {
            roots: trusting(&root),
            root,
            spec,
            chain,
            document,
        }
    }

    /// The document as it is: accepted.
    pub fn attempt(&self) -> Attempt {
        self.document(|_| {})
    }

    /// Other fields of the right types.
    pub fn document(&self, edit: impl FnOnce(&mut Document)) -> Attempt {
        let mut document = self.document.clone();
        edit(&mut document);
        self.payload(&document.encode().expect("a payload"))
    }

    /// Other keys, or other CBOR as values.
    pub fn fields(&self, edit: impl FnOnce(&mut Vec<(&'static str, Vec<u8>)>)) -> Attempt {
        let mut fields = self.document.fields().expect("fields");
        edit(&mut fields);
        self.payload(&encode_fields(&fields).expect("a payload"))
    }

    /// Any payload, signed by the leaf's key.
    pub fn payload(&self, payload: &[u8]) -> Attempt {
        self.envelope_bytes(cose::sign(payload, &self.chain.key).expect("a document"))
    }

    /// Other bytes of the signed document.
    pub fn envelope(&self, edit: impl FnOnce(&mut Vec<u8>)) -> Attempt {
        let mut bytes = self.attempt().bytes;
        edit(&mut bytes);
        self.envelope_bytes(bytes)
    }

    /// Another chain, signed as it should be.
    pub fn spec(&self, edit: impl FnOnce(&mut ChainSpec)) -> Attempt {
        let mut spec = self.spec.clone();
        edit(&mut spec);
        self.issued(spec.issue(&self.root).expect("a signed chain"))
    }

    /// Other certificates than those that were issued.
    pub fn chain(&self, edit: impl FnOnce(&mut Chain)) -> Attempt {
        let mut chain = self.chain.clone();
        edit(&mut chain);
        self.issued(chain)
    }

    fn issued(&self, chain: Chain) -> Attempt {
        let document = Document {
            certificate: chain.certificate,
            cabundle: chain.cabundle,
            ..self.document.clone()
        };
        let payload = document.encode().expect("a payload");
        self.envelope_bytes(cose::sign(&payload, &chain.key).expect("a document"))
    }

    pub fn envelope_bytes(&self, bytes: Vec<u8>) -> Attempt {
        Attempt {
            bytes,
            roots: self.roots.clone(),
            policy: policy(),
            nonce: Some(NONCE.to_vec()),
            now: UnixTime::from_seconds(NOW_SECONDS),
        }
    }
}

/// PCR0 to 15, as in genuine documents; 5 to 7 and 9 to 15 are zero there.
fn registers() -> BTreeMap<u8, Vec<u8>> {
    (0..16)
        .map(|index| match index {
            0..=4 | 8 => (index, pcr(index)),
            _ => (index, vec![0; 48]),
        })
        .collect()
}

pub fn trusting(root: &SoftwareRoot) -> TrustRoots {
    let mut roots = TrustRoots::vendors();
    roots
        .danger_add_software_root(&root.certificate_pem().expect("PEM"))
        .expect("a root");
    roots
}
