//! What the enclave states of itself, bound to its evidence. PROTOCOL.md, "Claims".

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use sealnote_model::SHA384_LEN;
use sha2::{Digest, Sha384};
use thiserror::Error;

use crate::cbor::{self, NotDeterministic};
use crate::limits::Limits;
use crate::suite::{KeyError, KeyMaterial, PublicKey, Suite};
use crate::task::{self, ModelClaims, Task};

/// The protocol's name, the first claim.
pub const PROTOCOL: &str = "sealnote/2";

/// The greatest length of the claims in bytes.
pub const MAX_CLAIMS: usize = 64 * 1024;

const MAX_EXTENSIONS: usize = 32;

/// The extension that says that clients sign: critical, and without a value.
const CLIENTS_SIGN: u16 = 1;

const BINDING_LABEL: &[u8] = b"sealnote/2 claims\0";

/// The claims of an enclave that does the task `T`. Bytes become claims only by [`Claims::decode`], which checks all of
/// them, and refuses another task's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims<T = ModelClaims> {
    wire: WireClaims,
    task: T,
}

/// As they travel: what a task's parameters hold is told by its number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct WireClaims {
    #[n(1)]
    protocol: String,
    #[n(2)]
    suites: KeyMaterial,
    #[cbor(n(3), with = "minicbor::bytes")]
    random: [u8; 32],
    #[n(4)]
    task: WireTask,
    #[n(5)]
    limits: Limits,
    #[n(6)]
    extensions: BTreeMap<u16, Extension>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct WireTask {
    #[n(1)]
    number: u16,
    #[cbor(n(2), with = "minicbor::bytes")]
    parameters: Vec<u8>,
}

/// A claim that a later release knows more of.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Extension {
    #[n(0)]
    critical: bool,
    #[cbor(n(1), with = "minicbor::bytes")]
    value: Vec<u8>,
}

/// Why claims are refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimsError {
    /// The bytes are no deterministic encoding of claims.
    #[error("the claims: {0}")]
    Encoding(#[from] NotDeterministic),
    /// Longer than [`MAX_CLAIMS`].
    #[error("the claims are {0} bytes, more than {MAX_CLAIMS}")]
    Length(usize),
    /// Another protocol, or another version of it.
    #[error("the enclave speaks another protocol than {PROTOCOL}")]
    Protocol,
    /// A task that is not known here.
    #[error("the enclave's task is number {0}, which this release does not know; a later one may")]
    Task(u16),
    /// A task that is known, and not the one that is due.
    #[error("the enclave's task is {actual}, and {due} is due here")]
    AnotherTask {
        /// What it claims.
        actual: &'static str,
        /// What is asked for.
        due: &'static str,
    },
    /// An extension that must be understood and is not known here.
    #[error(
        "the enclave's claims have the critical extension {0}, which this release does not know; a later one may"
    )]
    Extension(u16),
    /// Clients sign, and suite 1 is claimed: who gets its key could share a session's exporter with the client, and ride
    /// on the client's signature.
    #[error(
        "the enclave asks its clients for signatures, and claims suite {0}, in which they protect nothing"
    )]
    SuiteOfSigned(u16),
    /// A value is out of the range that PROTOCOL.md gives for it.
    #[error("the claims' {0} is out of range")]
    Range(&'static str),
}

impl<T: Task> Claims<T> {
    /// The claims for one connection: its keys and `random` are drawn for it, the rest stays as it is.
    pub fn new(
        suites: KeyMaterial,
        random: [u8; 32],
        task: T,
        limits: Limits,
    ) -> Result<Self, ClaimsError> {
        let wire = WireClaims {
            protocol: PROTOCOL.into(),
            suites,
            random,
            task: WireTask {
                number: T::NUMBER,
                parameters: cbor::encode(&task),
            },
            limits,
            extensions: BTreeMap::new(),
        };
        Self { wire, task }.made()
    }

    fn made(self) -> Result<Self, ClaimsError> {
        self.check()?;
        match self.encode().len() {
            len if len > MAX_CLAIMS => Err(ClaimsError::Length(len)),
            _ => Ok(self),
        }
    }

    /// Decodes and checks claims. Compare [`binding`] of the same bytes first.
    pub fn decode(bytes: &[u8]) -> Result<Self, ClaimsError> {
        if bytes.len() > MAX_CLAIMS {
            return Err(ClaimsError::Length(bytes.len()));
        }
        let wire: WireClaims = cbor::decode(bytes)?;
        if wire.protocol != PROTOCOL {
            return Err(ClaimsError::Protocol);
        }
        let task = match (wire.task.number, task::name(wire.task.number)) {
            (number, _) if number == T::NUMBER => cbor::decode(&wire.task.parameters)?,
            (_, Some(actual)) => {
                let due = T::NAME;
                return Err(ClaimsError::AnotherTask { actual, due });
            }
            (number, None) => return Err(ClaimsError::Task(number)),
        };
        let claims = Self { wire, task };
        claims.check()?;
        Ok(claims)
    }

    /// The bytes that travel and that [`binding`] takes.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&self.wire)
    }

    /// The task's parameters.
    pub fn task(&self) -> &T {
        &self.task
    }

    /// The public keys of all suites that are claimed and known here, weakest first, where `evidence_key` is the
    /// key that the evidence holds. All of them are checked, whichever the session takes.
    pub fn public_keys(&self, evidence_key: Option<&[u8]>) -> Result<Vec<PublicKey>, KeyError> {
        self.wire.suites.public_keys(evidence_key)
    }

    /// What is claimed of the suites' keys.
    pub fn suites(&self) -> &KeyMaterial {
        &self.wire.suites
    }

    /// The limits' part.
    pub fn limits(&self) -> &Limits {
        &self.wire.limits
    }

    /// Whether the enclave serves those alone that it has in a list, and asks each for a signature.
    pub fn clients_sign(&self) -> bool {
        self.wire.extensions.contains_key(&CLIENTS_SIGN)
    }

    fn check(&self) -> Result<(), ClaimsError> {
        let WireClaims {
            suites,
            limits,
            extensions,
            ..
        } = &self.wire;
        range(suites.is_in_range(), "suites")?;
        range(
            extensions.len() <= MAX_EXTENSIONS && !extensions.contains_key(&0),
            "extensions",
        )?;
        let unknown = |number: &u16| !(T::HAS_CLIENTS && *number == CLIENTS_SIGN);
        let mut critical = extensions.iter().filter(|(_, claim)| claim.critical);
        if let Some((number, _)) = critical.find(|(number, _)| unknown(number)) {
            return Err(ClaimsError::Extension(*number));
        }
        if let Some(claim) = extensions.get(&CLIENTS_SIGN) {
            range(claim.critical && claim.value.is_empty(), "extension 1")?;
            // A suite that is not known here is greater than 1.
            if suites.of(Suite::RsaOaep).is_some() {
                return Err(ClaimsError::SuiteOfSigned(Suite::RsaOaep.id()));
            }
        }
        let fault = limits.fault().or_else(|| self.task.fault(limits));
        fault.map_or(Ok(()), |what| Err(ClaimsError::Range(what)))
    }
}

impl<T: Task> Claims<T> {
    /// The same claims, of an enclave that asks its clients for signatures.
    pub fn with_signing_clients(mut self) -> Result<Self, ClaimsError> {
        let critical = Extension {
            critical: true,
            value: Vec::new(),
        };
        self.wire.extensions.insert(CLIENTS_SIGN, critical);
        self.made()
    }
}

impl Claims {
    /// The model that classifies.
    pub fn model(&self) -> &ModelClaims {
        &self.task
    }
}

fn range(ok: bool, what: &'static str) -> Result<(), ClaimsError> {
    ok.then_some(()).ok_or(ClaimsError::Range(what))
}

/// What the claims of every kind of evidence are bound by: SHA-384(`"sealnote/2 claims"` ‖ 0x00 ‖ claims).
pub fn binding(claims: &[u8]) -> [u8; SHA384_LEN] {
    Sha384::new_with_prefix(BINDING_LABEL)
        .chain_update(claims)
        .finalize()
        .into()
}
