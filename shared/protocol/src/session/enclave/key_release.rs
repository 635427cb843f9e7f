//! The enclave's side of a session of task 2: one key in.

use std::time::Instant;

use rand_core::CryptoRng;
use sealnote_access::{PublicKey, Role};
use zeroize::Zeroizing;

use super::{AwaitingKey, HandshakeError, Opened};
use crate::frame::Frame;
use crate::limits::Limits;
use crate::record::{Malformed, Record};
use crate::session::SessionError;
use crate::session::keys::{RecvKey, SendKey};
use crate::task::key_release::{self, KeyReleaseClaims, NotTaken, Released};

impl AwaitingKey<KeyReleaseClaims> {
    /// Takes the key message: who awaits the model's key, and the `ready` record to send.
    pub fn key(
        self,
        frame: &Frame,
        rng: &mut impl CryptoRng,
        now: Instant,
    ) -> Result<(Recipient, Frame), HandshakeError> {
        let Opened {
            enclave,
            suite,
            send,
            receive,
            exporter,
            ready,
        } = self.open(frame, rng, now)?;
        let recipient = Recipient {
            claims: enclave.task.clone(),
            limits: enclave.limits,
            send,
            receive,
            exported: exporter.export(suite, Role::Releaser.exporter()),
        };
        Ok((recipient, ready))
    }
}

/// Awaits the model's key. One record, one answer, and the session's keys are gone.
#[derive(Debug)]
pub struct Recipient {
    claims: KeyReleaseClaims,
    limits: Limits,
    send: SendKey,
    receive: RecvKey,
    exported: Zeroizing<[u8; 32]>,
}

impl Recipient {
    /// Opens the releaser's record, and checks that it was signed, in this session, by `releaser`, whose key is measured
    /// (K2): what was released, or why it is not taken; and the answer to send in either case.
    ///
    /// # Errors
    /// When the record does not open, or is none that a releaser sends.
    pub fn take(
        mut self,
        frame: Frame,
        releaser: &PublicKey,
        now: Instant,
    ) -> Result<(Result<Released, NotTaken>, Frame), SessionError> {
        let plaintext = self.receive.open(frame, now)?;
        let Record::Request(id, body) = Record::parse(&plaintext, &self.limits)? else {
            return Err(Malformed("kind").into());
        };
        let released = key_release::read_request(body, &self.claims, releaser, &self.exported)?;
        let outcome = released.as_ref().map(|_| ()).map_err(|error| *error);
        let answer = self.send.seal(key_release::answer(id, outcome), now)?;
        Ok((released, answer))
    }
}
