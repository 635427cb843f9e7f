//! What the enclave states of itself, bound to its evidence. PROTOCOL.md, "Claims".

use std::collections::{BTreeMap, BTreeSet};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256, Sha384};
use thiserror::Error;

use crate::cbor::{self, NotDeterministic};
use crate::record::{READY_LEN, Shape, TAG_LEN, answer_len, request_len};
use crate::suite::Suite;
use sealnote_model::{ModelDigest, SHA384_LEN};
use sealnote_model::{Precision, Problem};

/// The protocol's name, the first claim.
pub const PROTOCOL: &str = "sealnote/2";

/// The greatest length of the claims in bytes.
pub const MAX_CLAIMS: usize = 64 * 1024;

/// The least padded length of a request's plaintext in bytes.
pub const MIN_REQUEST: u32 = 4096;

const MAX_REQUEST: u32 = 1 << 24;
const MAX_NOTES: u16 = 1024;
const MAX_LABELS: usize = 512;
const MAX_LABEL_LEN: usize = 200;
const MAX_EXTENSIONS: usize = 32;
const BINDING_LABEL: &[u8] = b"sealnote/2 claims\0";

/// The enclave's claims. Bytes become claims only by [`Claims::decode`], which checks all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    wire: WireClaims,
    model: ModelClaims,
}

/// As they travel: what a task's parameters hold is told by its number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct WireClaims {
    #[n(1)]
    protocol: String,
    /// Suite number to key material.
    #[n(2)]
    suites: BTreeMap<u16, ByteVec>,
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

/// What an enclave does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[non_exhaustive]
pub enum Task {
    /// Notes in, a score for each label out.
    SequenceClassification = 1,
}

impl Task {
    /// The number on the wire.
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SequenceClassification => "sequence classification",
        }
    }
}

/// Key material for the claims, by suite.
#[derive(Clone, Copy, Debug)]
pub struct SuiteKeys<'a> {
    /// The RSA key as SubjectPublicKeyInfo, which the evidence holds; `None` in an image without suite 1.
    pub rsa_oaep: Option<&'a [u8]>,
    /// The connection's encapsulation key.
    pub xwing: &'a [u8],
}

/// What the model is, and how it reads a note.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ModelClaims {
    #[cbor(n(1), with = "minicbor::bytes")]
    digest: [u8; SHA384_LEN],
    /// The labels, by index.
    #[n(2)]
    pub labels: Vec<String>,
    #[n(3)]
    multi_label: bool,
    /// Length of a window in tokens, special tokens included.
    #[n(4)]
    pub window: u32,
    /// Content tokens that two neighbouring windows share.
    #[n(5)]
    pub overlap: u32,
    /// How the encoder is computed.
    #[n(6)]
    pub precision: Precision,
}

/// What a session may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Notes in one request, at most.
    #[n(1)]
    pub notes: u16,
    /// Bytes of one note, at most; a longer one gets the error "too long".
    #[n(2)]
    pub note_bytes: u32,
    /// Bytes of one padded request plaintext, at most: a power of two.
    #[n(3)]
    pub request_bytes: u32,
    /// Requests in flight, at most; beyond it the enclave stops reading.
    #[n(4)]
    pub in_flight: u16,
    /// Every length that an answer's plaintext may have, in bytes. Task 1 has one, so that no length tells of a
    /// label.
    #[n(5)]
    answer_bytes: [u32; 1],
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
    /// An extension that must be understood and is not known here.
    #[error(
        "the enclave's claims have the critical extension {0}, which this release does not know; a later one may"
    )]
    Extension(u16),
    /// A value is out of the range that PROTOCOL.md gives for it.
    #[error("the claims' {0} is out of range")]
    Range(&'static str),
}

impl Claims {
    /// The claims for one connection: its key and `random` are drawn for it, the rest stays as it is.
    pub fn new(
        keys: SuiteKeys<'_>,
        random: [u8; 32],
        model: ModelClaims,
        limits: Limits,
    ) -> Result<Self, ClaimsError> {
        let rsa_oaep = keys.rsa_oaep.map(|spki| Sha256::digest(spki).to_vec());
        let suites = [
            (Suite::RsaOaep, rsa_oaep),
            (Suite::XWing, Some(keys.xwing.to_vec())),
        ];
        let suites = suites
            .into_iter()
            .filter_map(|(suite, material)| Some((suite.id(), material?.into())));
        let wire = WireClaims {
            protocol: PROTOCOL.into(),
            suites: suites.collect(),
            random,
            task: WireTask {
                number: Task::SequenceClassification.id(),
                parameters: cbor::encode(&model),
            },
            limits,
            extensions: BTreeMap::new(),
        };
        let claims = Self { wire, model };
        claims.check()?;
        match claims.encode().len() {
            len if len > MAX_CLAIMS => Err(ClaimsError::Length(len)),
            _ => Ok(claims),
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
        if wire.task.number != Task::SequenceClassification.id() {
            return Err(ClaimsError::Task(wire.task.number));
        }
        let model = cbor::decode(&wire.task.parameters)?;
        let claims = Self { wire, model };
        claims.check()?;
        Ok(claims)
    }

    /// The bytes that travel and that [`binding`] takes.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&self.wire)
    }

    /// What the enclave does with a request.
    pub fn task(&self) -> Task {
        Task::SequenceClassification
    }

    /// The suites that are both claimed and known here, weakest first.
    pub fn suites(&self) -> impl Iterator<Item = Suite> + '_ {
        self.wire.suites.keys().filter_map(|id| Suite::from_id(*id))
    }

    /// The encapsulation key of suite 2; `None` if that is not claimed.
    pub fn xwing_key(&self) -> Option<&[u8]> {
        self.key_material(Suite::XWing)
    }

    /// Whether the evidence must hold a key of suite 1.
    pub fn claims_rsa_oaep(&self) -> bool {
        self.key_material(Suite::RsaOaep).is_some()
    }

    /// Whether `spki` is the key of suite 1 that these claims name.
    pub fn names_rsa_oaep_key(&self, spki: &[u8]) -> bool {
        self.key_material(Suite::RsaOaep) == Some(Sha256::digest(spki).as_slice())
    }

    fn key_material(&self, suite: Suite) -> Option<&[u8]> {
        self.wire.suites.get(&suite.id()).map(|m| m.as_slice())
    }

    /// The model's part.
    pub fn model(&self) -> &ModelClaims {
        &self.model
    }

    /// The limits' part.
    pub fn limits(&self) -> &Limits {
        &self.wire.limits
    }

    /// What a parser of this session's records must know.
    pub fn shape(&self) -> Shape {
        Shape {
            limits: self.wire.limits,
            labels: self.model.labels.len(),
        }
    }

    fn check(&self) -> Result<(), ClaimsError> {
        let wire = &self.wire;
        let material = |m: &ByteVec| (1..=2048).contains(&m.len());
        let (count, zero) = (wire.suites.len(), wire.suites.contains_key(&0));
        let materials = wire.suites.values().all(material);
        range((1..=16).contains(&count) && !zero && materials, "suites")?;
        range(
            wire.extensions.len() <= MAX_EXTENSIONS && !wire.extensions.contains_key(&0),
            "extensions",
        )?;
        // None is known yet.
        if let Some((number, _)) = wire.extensions.iter().find(|(_, claim)| claim.critical) {
            return Err(ClaimsError::Extension(*number));
        }
        self.model.check()?;
        wire.limits.check(&self.model)
    }
}

fn range(ok: bool, what: &'static str) -> Result<(), ClaimsError> {
    ok.then_some(()).ok_or(ClaimsError::Range(what))
}

impl ModelClaims {
    /// The claims of a model with these labels, which reads windows of `window` tokens.
    pub fn new(
        digest: ModelDigest,
        labels: Vec<String>,
        problem: Problem,
        window: u32,
        overlap: u32,
        precision: Precision,
    ) -> Self {
        Self {
            digest: digest.0,
            labels,
            multi_label: problem == Problem::MultiLabel,
            window,
            overlap,
            precision,
        }
    }

    /// The digest of the model's files.
    pub fn digest(&self) -> ModelDigest {
        ModelDigest(self.digest)
    }

    /// Whether one label applies, or any number of them.
    pub fn problem(&self) -> Problem {
        match self.multi_label {
            true => Problem::MultiLabel,
            false => Problem::SingleLabel,
        }
    }

    fn check(&self) -> Result<(), ClaimsError> {
        // Results are keyed by label, so two alike would hide one score.
        let distinct: BTreeSet<&String> = self.labels.iter().collect();
        range(
            (1..=MAX_LABELS).contains(&self.labels.len())
                && self.labels.iter().all(|label| is_label(label))
                && distinct.len() == self.labels.len(),
            "labels",
        )?;
        range((1..=1 << 20).contains(&self.window), "window")?;
        range(self.overlap < self.window, "overlap")
    }
}

impl Limits {
    /// Limits for a model with `labels` labels; lengths in bytes.
    pub fn new(
        notes: u16,
        note_bytes: u32,
        request_bytes: u32,
        in_flight: u16,
        labels: usize,
    ) -> Self {
        Self {
            notes,
            note_bytes,
            request_bytes,
            in_flight,
            answer_bytes: [answer_len(notes, labels) as u32],
        }
    }

    /// Bytes of every answer's plaintext.
    pub fn answer_bytes(&self) -> usize {
        self.answer_bytes[0] as usize
    }

    fn check(&self, model: &ModelClaims) -> Result<(), ClaimsError> {
        range(
            self.request_bytes.is_power_of_two()
                && (MIN_REQUEST..=MAX_REQUEST).contains(&self.request_bytes),
            "request limit",
        )?;
        range((1..=MAX_NOTES).contains(&self.notes), "notes per request")?;
        range(
            self.note_bytes >= 1
                && request_len([self.note_bytes as usize]) <= self.request_bytes as usize,
            "note limit",
        )?;
        range(self.in_flight >= 1, "requests in flight")?;
        range(
            self.answer_bytes() == answer_len(self.notes, model.labels.len()),
            "answer length",
        )
    }

    /// The greatest payload of a record to the enclave, in bytes.
    pub fn max_to_enclave(&self) -> usize {
        self.request_bytes as usize + TAG_LEN
    }

    /// The greatest payload of a record to the client, in bytes. The answers of a model with one label to
    /// requests of one note are shorter than `ready`.
    pub fn max_to_client(&self) -> usize {
        self.answer_bytes().max(READY_LEN) + TAG_LEN
    }
}

/// `char::is_control` is general category Cc, which no version of Unicode will change.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_LEN).contains(&label.len()) && !label.chars().any(char::is_control)
}

/// What the claims of every kind of evidence are bound by: SHA-384(`"sealnote/2 claims"` ‖ 0x00 ‖ claims).
pub fn binding(claims: &[u8]) -> [u8; SHA384_LEN] {
    Sha384::new_with_prefix(BINDING_LABEL)
        .chain_update(claims)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_no_character_of_category_cc() {
        for character in '\0'..=char::MAX {
            let is_cc = matches!(character, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
            let label = character.to_string();
            assert_eq!(is_label(&label), !is_cc, "U+{:04X}", u32::from(character));
        }
    }
}
