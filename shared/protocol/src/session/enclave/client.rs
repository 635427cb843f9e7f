//! Who the client is, where the enclave has a list of those who may ask.

use std::time::Instant;

use sealnote_access::{EXPORTED_LEN, PublicKey, Role};
use zeroize::Zeroizing;

use super::classification::{EnclaveReceiver, EnclaveSender};
use crate::denial::Denial;
use crate::frame::Frame;
use crate::record::{Malformed, Record};
use crate::session::SessionError;

/// The keys are there, and the client has yet to say who it is: no request can be received, and no answer sent.
#[derive(Debug)]
pub struct AwaitingClient {
    sender: EnclaveSender,
    receiver: EnclaveReceiver,
    exported: Zeroizing<[u8; EXPORTED_LEN]>,
}

/// The session of a client who may ask, with what `admit` gave for it; or the last record to send to one who may not.
pub type Admitted<T> = Result<(EnclaveSender, EnclaveReceiver, T), Frame>;

impl AwaitingClient {
    pub(super) fn new(
        sender: EnclaveSender,
        receiver: EnclaveReceiver,
        exported: Zeroizing<[u8; EXPORTED_LEN]>,
    ) -> Self {
        Self {
            sender,
            receiver,
            exported,
        }
    }

    /// Opens the client's first record, checks that it was signed in this session, strictly, and only then has `admit`
    /// look for the key: so nobody can ask whether another's key is in the list.
    ///
    /// # Errors
    /// When the record does not open, or is no signature.
    pub fn client<T>(
        self,
        frame: Frame,
        admit: impl FnOnce(&PublicKey) -> Result<T, Denial>,
        now: Instant,
    ) -> Result<Admitted<T>, SessionError> {
        let Self {
            sender,
            mut receiver,
            exported,
        } = self;
        let plaintext = receiver.open_first(frame, now)?;
        let Record::Signature(key, signature) = Record::parse(&plaintext, receiver.limits())?
        else {
            return Err(Malformed("the first record is no signature").into());
        };
        let signed = PublicKey::from_bytes(key)
            .ok()
            .filter(|key| key.verify(Role::Client, &exported, &[], signature));
        match signed.ok_or(Denial::Signature).and_then(|key| admit(&key)) {
            Ok(admitted) => Ok(Ok((sender, receiver, admitted))),
            Err(denial) => Ok(Err(sender.deny(denial, now)?)),
        }
    }

    /// The end, for a client who has not said who it is when its place is needed.
    pub fn close(self, now: Instant) -> Result<Frame, SessionError> {
        self.sender.close(now)
    }
}
