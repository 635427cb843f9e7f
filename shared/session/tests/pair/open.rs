//! A session's four halves after an undisturbed handshake, for tests that drive them one by one.

use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{EnclaveReceiver, EnclaveSender, Keyed};
use sealnote_protocol::suite::Suite;
use sealnote_session::{AwaitingReady, ClientReceiver, ClientSender, ClientSession, Confirmed};
use sealnote_session::{Challenge, Evidence, VerifiedEvidence};

use crate::rogue::{Schedule, parse, xwing_secret};
use crate::world::{START, Tape, WORLD, claims_limits, now};

pub struct Open {
    pub client_sender: ClientSender,
    pub client_receiver: ClientReceiver,
    pub enclave_sender: EnclaveSender,
    pub enclave_receiver: EnclaveReceiver,
    /// The same keys, for a peer that seals what it likes.
    pub schedule: Schedule,
}

/// A session whose `ready` is on its way.
pub struct Confirming {
    pub client: AwaitingReady,
    pub ready: Frame,
    pub enclave_sender: EnclaveSender,
    pub enclave_receiver: EnclaveReceiver,
    pub schedule: Schedule,
}

impl Open {
    pub fn new(claims: Limits, client: SessionLimits, enclave: SessionLimits) -> Self {
        let confirming = Confirming::new(claims, client, enclave);
        let (client_sender, client_receiver) =
            unsigned(confirming.client.ready(confirming.ready, *START).unwrap());
        Self {
            client_sender,
            client_receiver,
            enclave_sender: confirming.enclave_sender,
            enclave_receiver: confirming.enclave_receiver,
            schedule: confirming.schedule,
        }
    }

    pub fn unlimited() -> Self {
        let limits = SessionLimits::default();
        Self::new(claims_limits(), limits, limits)
    }
}

impl Confirming {
    pub fn new(claims: Limits, client: SessionLimits, enclave: SessionLimits) -> Self {
        let mut rng = Tape::new();
        let enclave = WORLD.enclave_with(claims, enclave);
        let challenge = Challenge::new(&WORLD.policy, &mut rng).unwrap();
        let hello = copy(challenge.hello());
        let mut hello_rng = Tape::new();
        let awaiting = enclave.hello(&hello, &mut hello_rng).unwrap();
        let document = WORLD.attest(awaiting.binding());
        let (awaiting, answer) = awaiting.answer(EvidenceKind(1), document, None).unwrap();
        let evidence = verify(copy(&answer), challenge);
        let (client, key) = ClientSession::establish(evidence, client, &mut rng, *START).unwrap();
        let (keyed, ready) = awaiting.key(&key, &mut Tape::new(), *START).unwrap();
        let (enclave_sender, enclave_receiver) = of_anybody(keyed);
        let frames = [&hello, &answer, &key].map(|frame| frame.as_bytes().to_vec());
        let secret = xwing_secret(&hello_rng.drawn[..32], &frames);
        Self {
            client,
            ready,
            enclave_sender,
            enclave_receiver,
            schedule: Schedule::new(Suite::XWing, &frames, &secret),
        }
    }
}

/// The session of an enclave that anybody may ask, on the client's side.
pub fn unsigned(confirmed: Confirmed) -> (ClientSender, ClientReceiver) {
    match confirmed {
        Confirmed::Open(sender, receiver) => (sender, receiver),
        Confirmed::MustSign(_) => panic!("a signature is due"),
    }
}

/// The same on the enclave's side.
pub fn of_anybody(keyed: Keyed) -> (EnclaveSender, EnclaveReceiver) {
    match keyed {
        Keyed::Open(sender, receiver) => (sender, receiver),
        Keyed::AwaitingClient(_) => panic!("a signature is due"),
    }
}

pub fn verify(answer: Frame, challenge: Challenge) -> VerifiedEvidence {
    let evidence = Evidence::from_frame(answer).unwrap();
    evidence
        .verify(challenge, &WORLD.policy, &WORLD.roots, now())
        .unwrap()
}

pub fn copy(frame: &Frame) -> Frame {
    parse(frame.as_bytes().to_vec())
}
