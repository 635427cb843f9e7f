//! The three handshake messages. PROTOCOL.md, "Handshake".

use minicbor::{Decode, Encode};

use crate::cbor::{self, NotDeterministic};
use crate::claims::MAX_CLAIMS;
use crate::frame::{Frame, FrameType};
use crate::suite::Suite;

/// The greatest payload of a hello or a key message in bytes.
pub const MAX_CLIENT_HANDSHAKE: usize = 2048;

/// The greatest length of evidence in bytes, and that of endorsements.
pub const MAX_EVIDENCE: usize = 64 * 1024;

/// The greatest payload of an answer in bytes: evidence, claims, endorsements, and 32 bytes for the map.
pub const MAX_ANSWER: usize = MAX_EVIDENCE + MAX_CLAIMS + MAX_EVIDENCE + 32;

const MAX_SUITES: usize = 16;

/// The number of a kind of evidence. PROTOCOL.md says what each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvidenceKind(pub u16);

/// The client's first message.
#[derive(Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// 32 fresh random bytes, due back as the document's `nonce`.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub challenge: [u8; 32],
    /// Numbers of the suites that the client accepts, ascending.
    #[n(2)]
    pub suites: Vec<u16>,
}

/// The enclave's reply: untrusted until the document is verified and the claims are bound to it.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Answer {
    #[n(1)]
    kind: u16,
    /// The evidence as the attester gave it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub evidence: Vec<u8>,
    /// The claims' exact bytes.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub claims: Vec<u8>,
    /// What the vendor signed about the machine, for kinds that need it beside the evidence.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub endorsements: Option<Vec<u8>>,
}

/// The client's second and last handshake message.
#[derive(Encode, Decode)]
#[cbor(map)]
pub struct Key {
    #[n(1)]
    suite: u16,
    /// The secret, encapsulated to the enclave's key of that suite.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub encapsulated: Vec<u8>,
}

impl Hello {
    /// A hello that offers `suites`.
    pub fn new(challenge: [u8; 32], suites: impl IntoIterator<Item = Suite>) -> Self {
        let mut suites: Vec<u16> = suites.into_iter().map(Suite::id).collect();
        suites.sort_unstable();
        Self { challenge, suites }
    }

    /// The hello in a frame. Suites that are not known here are left to the transcript: if they
    /// were put in on the way, the two transcripts differ and the session does not open.
    pub fn from_frame(frame: &Frame) -> Result<Self, NotDeterministic> {
        let hello: Self = decode(frame, FrameType::Hello)?;
        let ascending = hello.suites.windows(2).all(|pair| pair[0] < pair[1]);
        let count = hello.suites.len();
        if !(1..=MAX_SUITES).contains(&count) || hello.suites[0] == 0 || !ascending {
            return Err(NotDeterministic);
        }
        Ok(hello)
    }

    /// The message as a frame.
    pub fn to_frame(&self) -> Frame {
        Frame::new(FrameType::Hello, &cbor::encode(self))
    }
}

impl Answer {
    /// An answer with evidence of a kind that needs no endorsements.
    pub fn new(kind: EvidenceKind, evidence: Vec<u8>, claims: Vec<u8>) -> Self {
        Self {
            kind: kind.0,
            evidence,
            claims,
            endorsements: None,
        }
    }

    /// The answer in a frame.
    pub fn from_frame(frame: &Frame) -> Result<Self, NotDeterministic> {
        let answer: Self = decode(frame, FrameType::Answer)?;
        let endorsements = answer.endorsements.as_ref().map_or(1, Vec::len);
        let lengths = [answer.evidence.len(), answer.claims.len(), endorsements];
        match answer.kind > 0 && lengths.iter().all(|len| (1..=MAX_EVIDENCE).contains(len)) {
            true => Ok(answer),
            false => Err(NotDeterministic),
        }
    }

    /// The kind of evidence.
    pub fn kind(&self) -> EvidenceKind {
        EvidenceKind(self.kind)
    }

    /// The message as a frame.
    pub fn to_frame(&self) -> Frame {
        Frame::new(FrameType::Answer, &cbor::encode(self))
    }
}

impl Key {
    /// A key message for a suite.
    pub fn new(suite: Suite, encapsulated: Vec<u8>) -> Self {
        Self {
            suite: suite.id(),
            encapsulated,
        }
    }

    /// The key message in a frame.
    pub fn from_frame(frame: &Frame) -> Result<Self, NotDeterministic> {
        decode(frame, FrameType::Key)
    }

    /// The number of the suite that the client took.
    pub fn suite(&self) -> u16 {
        self.suite
    }

    /// The message as a frame.
    pub fn to_frame(&self) -> Frame {
        Frame::new(FrameType::Key, &cbor::encode(self))
    }
}

fn decode<'b, T>(frame: &'b Frame, due: FrameType) -> Result<T, NotDeterministic>
where
    T: Decode<'b, ()> + Encode<()>,
{
    if frame.kind() != due {
        return Err(NotDeterministic);
    }
    cbor::decode(frame.payload())
}
