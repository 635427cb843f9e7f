//! What the enclave states of itself, bound to its evidence. PROTOCOL.md, "Claims".

use std::collections::{BTreeMap, BTreeSet};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256, Sha384};
use thiserror::Error;

use crate::cbor::{self, NotDeterministic};
use crate::classification::{Precision, Problem};
use crate::model::{ModelDigest, SHA384_LEN};
use crate::record::{READY_LEN, Shape, TAG_LEN, answer_len, request_len};
use crate::suite::Suite;

/// The protocol's name, the first claim.
pub const PROTOCOL: &str = "sealnote/1";

/// The greatest length of the claims in bytes.
pub const MAX_CLAIMS: usize = 64 * 1024;

/// The least padded length of a request's plaintext in bytes.
pub const MIN_REQUEST: u32 = 4096;

const MAX_REQUEST: u32 = 1 << 24;
const MAX_NOTES: u16 = 1024;
const MAX_LABELS: usize = 512;
const MAX_LABEL_LEN: usize = 200;
const BINDING_LABEL: &[u8] = b"sealnote/1 claims\0";

/// The enclave's claims. Bytes become claims only by [`Claims::decode`], which checks all of them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Claims {
    #[n(1)]
    protocol: String,
    /// Suite number to key material; for suite 1, the SHA-256 of the document's `public_key`.
    #[n(2)]
    suites: BTreeMap<u16, ByteVec>,
    #[cbor(n(3), with = "minicbor::bytes")]
    random: [u8; 32],
    #[n(4)]
    model: ModelClaims,
    #[n(5)]
    limits: Limits,
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
    /// Bytes of every answer's plaintext: a constant, so that no length tells of a label.
    #[n(5)]
    answer_bytes: u32,
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
    /// A value is out of the range that PROTOCOL.md gives for it.
    #[error("the claims' {0} is out of range")]
    Range(&'static str),
}

impl Claims {
    /// The claims for one connection: `random` is drawn for it, the rest stays as it is.
    pub fn new(
        suite1_public_key: &[u8],
        random: [u8; 32],
        model: ModelClaims,
        limits: Limits,
    ) -> Result<Self, ClaimsError> {
        let key_material = Sha256::digest(suite1_public_key).to_vec().into();
        let claims = Self {
            protocol: PROTOCOL.into(),
            suites: BTreeMap::from([(Suite::One.id(), key_material)]),
            random,
            model,
            limits,
        };
        claims.check()?;
        Ok(claims)
    }

    /// Decodes and checks claims. Compare [`binding`] of the same bytes first.
    pub fn decode(bytes: &[u8]) -> Result<Self, ClaimsError> {
        if bytes.len() > MAX_CLAIMS {
            return Err(ClaimsError::Length(bytes.len()));
        }
        let claims: Self = cbor::decode(bytes)?;
        claims.check()?;
        Ok(claims)
    }

    /// The bytes that travel and that [`binding`] takes.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// The suites that are both claimed and known here, weakest first.
    pub fn suites(&self) -> impl Iterator<Item = Suite> + '_ {
        self.suites.keys().filter_map(|id| Suite::from_id(*id))
    }

    /// Whether `spki` is the suite-1 key that these claims name.
    pub fn names_suite1_key(&self, spki: &[u8]) -> bool {
        self.suites
            .get(&Suite::One.id())
            .is_some_and(|digest| digest.as_slice() == Sha256::digest(spki).as_slice())
    }

    /// The model's part.
    pub fn model(&self) -> &ModelClaims {
        &self.model
    }

    /// The limits' part.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What a parser of this session's records must know.
    pub fn shape(&self) -> Shape {
        Shape {
            limits: self.limits,
            labels: self.model.labels.len(),
        }
    }

    fn check(&self) -> Result<(), ClaimsError> {
        if self.protocol != PROTOCOL {
            return Err(ClaimsError::Protocol);
        }
        let range = |ok: bool, what| ok.then_some(()).ok_or(ClaimsError::Range(what));
        let material = |m: &ByteVec| (1..=2048).contains(&m.len());
        let (count, zero) = (self.suites.len(), self.suites.contains_key(&0));
        let materials = self.suites.values().all(material);
        range((1..=16).contains(&count) && !zero && materials, "suites")?;
        let model = &self.model;
        // Results are keyed by label, so two alike would hide one score.
        let distinct: BTreeSet<&String> = model.labels.iter().collect();
        range(
            (1..=MAX_LABELS).contains(&model.labels.len())
                && model.labels.iter().all(|label| is_label(label))
                && distinct.len() == model.labels.len(),
            "labels",
        )?;
        range((1..=1 << 20).contains(&model.window), "window")?;
        range(model.overlap < model.window, "overlap")?;
        let limits = &self.limits;
        range(
            limits.request_bytes.is_power_of_two()
                && (MIN_REQUEST..=MAX_REQUEST).contains(&limits.request_bytes),
            "request limit",
        )?;
        range((1..=MAX_NOTES).contains(&limits.notes), "notes per request")?;
        range(
            limits.note_bytes >= 1
                && request_len([limits.note_bytes as usize]) <= limits.request_bytes as usize,
            "note limit",
        )?;
        range(limits.in_flight >= 1, "requests in flight")?;
        range(
            limits.answer_bytes as usize == answer_len(limits.notes, model.labels.len()),
            "answer length",
        )
    }
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
            answer_bytes: answer_len(notes, labels) as u32,
        }
    }

    /// Bytes of every answer's plaintext.
    pub fn answer_bytes(&self) -> usize {
        self.answer_bytes as usize
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

/// What the document's `user_data` must be: SHA-384(`"sealnote/1 claims"` ‖ 0x00 ‖ claims).
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
