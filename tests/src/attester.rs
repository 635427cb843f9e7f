//! An attester under a development root, which can be told to deviate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_enclave::attester::software::Software;
use sealnote_enclave::attester::{AttestError, Attester};
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sealnote_software_attester::AttesterError;
use sealnote_software_attester::nitro::{
    AttestationRequest, MEASUREMENT_LEN, SoftwareAttester, SoftwareRoot,
};

/// PCR0, 1 and 2 of every enclave here.
const MEASUREMENTS: [[u8; MEASUREMENT_LEN]; 3] = [
    [0xa0; MEASUREMENT_LEN],
    [0xa1; MEASUREMENT_LEN],
    [0xa2; MEASUREMENT_LEN],
];

/// How the documents deviate from what is asked for. Each is signed properly all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Not at all.
    None,
    /// They were made so long ago.
    Aged(Duration),
    /// PCR0, 1 and 2 are zero, as in a debug enclave.
    Debug,
    /// They answer another challenge.
    OtherNonce,
    /// They are bound to other claims.
    OtherUserData,
    /// They carry another public key.
    OtherKey,
}

/// Signs real documents under a root of its own, which its clones share.
#[derive(Clone)]
pub struct DevAttester {
    attester: Arc<Mutex<SoftwareAttester>>,
    quirk: Quirk,
}

impl DevAttester {
    /// Makes a root.
    pub fn start(quirk: Quirk) -> Result<Self, AttesterError> {
        let rng = &mut UnwrapErr(SysRng);
        // Old enough for every age that a quirk asks for.
        let made = SystemTime::now() - Duration::from_secs(24 * 3600);
        let root = SoftwareRoot::generate(made, rng)?;
        let pcrs: BTreeMap<u8, _> = match quirk {
            Quirk::Debug => BTreeMap::new(),
            _ => (0..).zip(MEASUREMENTS).collect(),
        };
        Ok(Self {
            attester: Arc::new(Mutex::new(SoftwareAttester::new(root, pcrs, rng)?)),
            quirk,
        })
    }

    /// The root certificate, for [`danger_add_software_root`].
    ///
    /// [`danger_add_software_root`]: sealnote_verifier::TrustRoots::danger_add_software_root
    pub fn root_pem(&self) -> Result<String, AttesterError> {
        let attester = self.attester.lock().unwrap_or_else(PoisonError::into_inner);
        attester.root().certificate_pem()
    }

    /// With the root and the policy that accept its documents.
    pub fn into_software(self) -> Result<Software, AttesterError> {
        Ok(Software {
            root_pem: self.root_pem()?,
            policy: policy().to_string(),
            attester: Box::new(self),
        })
    }
}

impl Attester for DevAttester {
    fn kind(&self) -> EvidenceKind {
        EvidenceKind(1)
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let other = [0x5a; 48];
        let mut other_key = binding.public_key.clone();
        // Inside the modulus: another key, but a well-formed one.
        if let Some(key) = &mut other_key {
            key[100] ^= 1;
        }
        let mut asked = AttestationRequest {
            user_data: Some(&binding.claims),
            nonce: Some(&binding.challenge),
            public_key: binding.public_key.as_deref(),
        };
        let mut now = SystemTime::now();
        match self.quirk {
            Quirk::None | Quirk::Debug => {}
            Quirk::Aged(age) => now -= age,
            Quirk::OtherNonce => asked.nonce = Some(&other[..32]),
            Quirk::OtherUserData => asked.user_data = Some(&other),
            Quirk::OtherKey => asked.public_key = other_key.as_deref(),
        }
        let mut attester = self.attester.lock().unwrap_or_else(PoisonError::into_inner);
        attester
            .attest(&asked, now, &mut UnwrapErr(SysRng))
            .map_err(|error| AttestError::Software(error.to_string()))
    }
}

/// The policy that names the measurements of every [`DevAttester`], in our own form, which can be
/// edited.
pub fn policy() -> serde_json::Value {
    let [pcr0, pcr1, pcr2] = MEASUREMENTS.map(hex::encode);
    serde_json::json!({
        "version": 1,
        "measurements": [{ "label": "tests", "pcr0": pcr0, "pcr1": pcr1, "pcr2": pcr2 }],
    })
}
