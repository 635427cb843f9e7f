//! Client and enclave as state machines in memory, without sockets.

use std::sync::Arc;
use std::time::Instant;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_client::{Client, now};
use sealnote_enclave::attester::Attester;
use sealnote_protocol::session::enclave::{Enclave, EnclaveReceiver, EnclaveSender, Keyed};
use sealnote_session::{
    Challenge, ClientReceiver, ClientSender, ClientSession, Confirmed, Evidence,
};

use crate::enclave_end::answer;
use crate::rig::Failure;

/// This is for enclaves that anybody may ask.
pub(crate) const MUST_SIGN: &str = "the enclave asks for a client's signature";

/// A confirmed session, both halves of it.
pub struct Pair {
    /// What the client seals and opens with.
    pub client: (ClientSender, ClientReceiver),
    /// What the enclave seals and opens with.
    pub enclave: (EnclaveSender, EnclaveReceiver),
}

impl Pair {
    /// The handshake. `done` is told of each step as soon as it is done.
    pub fn open(
        client: &Client,
        enclave: &Arc<Enclave>,
        attester: &dyn Attester,
        done: &mut impl FnMut(&'static str),
    ) -> Result<Self, Failure> {
        let rng = &mut UnwrapErr(SysRng);
        let challenge = Challenge::new(client.policy(), rng)?;
        done("client: challenge");
        let (awaiting_key, frame) = answer(enclave, attester, challenge.hello(), done)?;
        let evidence = Evidence::from_frame(frame)?;
        let verified = evidence.verify(challenge, client.policy(), client.roots(), now())?;
        done("client: every check");
        let limits = client.session_limits();
        let (awaiting_ready, key) =
            ClientSession::establish(verified, limits, rng, Instant::now())?;
        done("client: encapsulate a secret");
        let (keyed, ready) = awaiting_key.key(&key, rng, Instant::now())?;
        let Keyed::Open(sender, receiver) = keyed else {
            return Err(MUST_SIGN.into());
        };
        done("enclave: open it");
        let Confirmed::Open(client_sender, client_receiver) =
            awaiting_ready.ready(ready, Instant::now())?
        else {
            return Err(MUST_SIGN.into());
        };
        done("client: confirm");
        Ok(Self {
            client: (client_sender, client_receiver),
            enclave: (sender, receiver),
        })
    }
}
