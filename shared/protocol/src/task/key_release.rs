//! Task 2, key release: an enclave asks for its model's key. PROTOCOL.md, "Key release".
//!
//! The enclave dials, and then is the enclave of the protocol; the releaser, who has the key, speaks as its client.
//!
//! ```text
//! request: u32 length | message | public key of the releaser (32) | signature (64)
//! answer:  u8 outcome
//! ```

use core::str::FromStr;

use minicbor::{Decode, Encode};
use sealnote_access::{Clients, PrivateKey, PublicKey, Role, SIGNATURE_LEN};
use sealnote_encrypted_model::{KeyId, MAX_KEY_ID_LEN, ModelKey};
use sealnote_model::{ModelDigest, Precision, SHA384_LEN};
use thiserror::Error;

use crate::cbor;
use crate::limits::Limits;
use crate::record::{ANSWER_PREFIX, Body, Malformed, REQUEST_PREFIX, Unsealed};
use crate::suite::Suite;
use crate::task::Task;

/// Bytes of a request: always so many, so that its length does not tell of the list of clients.
const REQUEST_BYTES: u32 = 64 * 1024;

/// What stands in a request beside the message: length, public key, signature.
const AROUND_MESSAGE: usize = 4 + 32 + SIGNATURE_LEN;

/// The greatest length of a message in bytes.
const MAX_MESSAGE: usize = REQUEST_BYTES as usize - REQUEST_PREFIX - AROUND_MESSAGE;

/// Which key is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyReleaseClaims {
    #[cbor(n(1), with = "minicbor::bytes")]
    model: [u8; SHA384_LEN],
    #[n(2)]
    key_id: String,
}

/// What a releaser sends: signed, and sealed with the rest of the session.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Message<'a> {
    #[b(1)]
    key_id: &'a str,
    #[cbor(b(2), with = "minicbor::bytes")]
    model: &'a [u8],
    #[cbor(b(3), with = "minicbor::bytes")]
    key: &'a [u8],
    #[cbor(b(4), with = "minicbor::bytes")]
    clients: Option<&'a [u8]>,
}

/// What a releaser gave.
#[derive(Debug)]
pub struct Released {
    /// The model's key. It counts only once it has opened the model.
    pub key: ModelKey,
    /// Who may ask the enclave; anybody, if there is no list.
    pub clients: Option<Clients>,
}

/// Why a releaser's message is not taken. The releaser is told which.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotTaken {
    /// K2: it is signed by another key than the measured one, or the signature is of another session.
    #[error(
        "the releaser is not the one whose key is measured in the enclave's image (check K2): its --signing-key and the \
         image's --releaser-key do not belong together"
    )]
    Releaser,
    /// It is for another model or key id than this enclave asked for.
    #[error("the key is for another model or key id than the one that was asked for")]
    AnotherKey,
    /// K6, or a list of clients that is none.
    #[error(
        "the message is malformed: the key has not 32 bytes (check K6), or the list of clients is none"
    )]
    Message,
}

impl KeyReleaseClaims {
    /// Asks for the key `key_id`, of the model with this digest.
    pub fn new(model: ModelDigest, key_id: &KeyId) -> Self {
        Self {
            model: model.0,
            key_id: key_id.as_str().to_owned(),
        }
    }

    /// The digest of the model's plaintext.
    pub fn model(&self) -> ModelDigest {
        ModelDigest(self.model)
    }

    /// The key that is asked for, which is well-formed in claims that were decoded.
    pub fn key_id(&self) -> Option<KeyId> {
        self.key_id.parse().ok()
    }
}

impl Task for KeyReleaseClaims {
    const NUMBER: u16 = 2;
    const NAME: &'static str = "key release";
    /// A thief of suite 1's key could share the session's exporter, and ride on the releaser's signature.
    const LEAST_SUITE: Suite = Suite::XWing;
    /// The releaser signs in any case, and what it releases.
    const HAS_CLIENTS: bool = false;

    fn model(&self) -> ModelDigest {
        ModelDigest(self.model)
    }

    fn precision(&self) -> Option<Precision> {
        None
    }

    fn fault(&self, limits: &Limits) -> Option<&'static str> {
        if self.key_id.len() > MAX_KEY_ID_LEN || KeyId::from_str(&self.key_id).is_err() {
            return Some("key id");
        }
        (*limits != Limits::of_key_release()).then_some("limits of a key release")
    }
}

impl Limits {
    /// Those of task 2.
    pub fn of_key_release() -> Self {
        Self {
            notes: 1,
            note_bytes: MAX_MESSAGE as u32,
            request_bytes: REQUEST_BYTES,
            in_flight: 1,
            answer_bytes: [ANSWER_PREFIX as u32 + 1],
        }
    }
}

/// The request that releases a key, signed for the session that exported `exported`.
pub fn request(
    id: u64,
    claims: &KeyReleaseClaims,
    key: &ModelKey,
    clients: Option<&Clients>,
    signer: &PrivateKey,
    exported: &[u8; 32],
) -> Unsealed {
    let clients = clients.map(Clients::encode);
    let message = Message {
        key_id: &claims.key_id,
        model: &claims.model,
        key: key.as_bytes(),
        clients: clients.as_deref(),
    };
    // The list has at most 1,024 clients of 45 bytes: it fits.
    let message = cbor::encode_secret(&message, MAX_MESSAGE);
    let signature = signer.sign(Role::Releaser, exported, &message);
    Unsealed::request(id, REQUEST_BYTES as usize, |bytes| {
        bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&message);
        bytes.extend_from_slice(signer.public().as_bytes());
        bytes.extend_from_slice(&signature);
    })
}

/// Reads the request, and checks who signed it before anything in it.
pub(crate) fn read_request(
    mut body: Body<'_>,
    claims: &KeyReleaseClaims,
    releaser: &PublicKey,
    exported: &[u8; 32],
) -> Result<Result<Released, NotTaken>, Malformed> {
    let len = u32::from_be_bytes(body.take()?) as usize;
    let message = body.take_slice(len).ok_or(Malformed("message length"))?;
    let public: [u8; 32] = body.take()?;
    let signature: [u8; SIGNATURE_LEN] = body.take()?;
    body.end()?;
    if public != *releaser.as_bytes()
        || !releaser.verify(Role::Releaser, exported, message, &signature)
    {
        return Ok(Err(NotTaken::Releaser));
    }
    Ok(read_message(message, claims))
}

fn read_message(bytes: &[u8], claims: &KeyReleaseClaims) -> Result<Released, NotTaken> {
    let message: Message<'_> = cbor::decode(bytes).map_err(|_| NotTaken::Message)?;
    if message.key_id != claims.key_id || message.model != claims.model {
        return Err(NotTaken::AnotherKey);
    }
    let key = ModelKey::from_bytes(message.key).map_err(|_| NotTaken::Message)?;
    let clients = message.clients.map(Clients::decode).transpose();
    let clients = clients.map_err(|_| NotTaken::Message)?;
    Ok(Released { key, clients })
}

/// The answer to it.
pub(crate) fn answer(id: u64, outcome: Result<(), NotTaken>) -> Unsealed {
    let outcome = match outcome {
        Ok(()) => 1,
        Err(NotTaken::Releaser) => 2,
        Err(NotTaken::AnotherKey) => 3,
        Err(NotTaken::Message) => 4,
    };
    Unsealed::answer(id, Limits::of_key_release().answer_bytes(), |bytes| {
        bytes.push(outcome);
    })
}

/// What the enclave says of it.
pub fn read_answer(mut body: Body<'_>) -> Result<Result<(), NotTaken>, Malformed> {
    let [outcome] = body.take()?;
    body.end()?;
    match outcome {
        1 => Ok(Ok(())),
        2 => Ok(Err(NotTaken::Releaser)),
        3 => Ok(Err(NotTaken::AnotherKey)),
        4 => Ok(Err(NotTaken::Message)),
        _ => Err(Malformed("outcome")),
    }
}
