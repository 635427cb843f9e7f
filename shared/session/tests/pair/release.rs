//! A release session, both halves in memory: an enclave that asks for its model's key, and the key's owner.

use std::sync::Arc;

use minicbor::{Encode, to_vec};
use sealnote_access::{Clients, PrivateKey, Role};
use sealnote_encrypted_model::{KeyId, ModelKey};
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::record::Malformed;
use sealnote_protocol::session::enclave::{Enclave, Recipient};
use sealnote_protocol::session::{SessionError, SessionLimits};
use sealnote_protocol::suite::{BootKeys, Suite};
use sealnote_protocol::task::KeyReleaseClaims;
use sealnote_protocol::task::key_release::{NotTaken, Released};
use sealnote_session::{AwaitingOutcome, Challenge, Evidence, ReleaseSession, Releaser};

use crate::open::copy;
use crate::rogue::{Direction, Schedule, xwing_secret};
use crate::world::{START, Tape, WORLD, model_digest, now};

const KEY: [u8; 32] = [0x4b; 32];

/// A session in which the key may be released.
struct Open {
    recipient: Recipient,
    releaser: Releaser,
    /// The same keys, for a releaser that seals what it likes.
    schedule: Schedule,
}

impl Open {
    fn new() -> Self {
        Self::asking(&claims())
    }

    fn asking(claims: &KeyReleaseClaims) -> Self {
        let (mut hello_rng, mut rng) = (Tape::new(), Tape::new());
        let challenge = Challenge::new(&WORLD.policy, &mut rng).unwrap();
        let hello = copy(challenge.hello());
        let awaiting = enclave(claims).hello(&hello, &mut hello_rng).unwrap();
        let document = WORLD.attest(awaiting.binding());
        let (awaiting, answer) = awaiting.answer(EvidenceKind(1), document, None).unwrap();
        let evidence = Evidence::from_frame(copy(&answer)).unwrap();
        let evidence = evidence.verify(challenge, &WORLD.policy, &WORLD.roots, now());
        let limits = SessionLimits::default();
        let (releaser, key) =
            ReleaseSession::establish(evidence.unwrap(), limits, &mut rng, *START).unwrap();
        let (recipient, ready) = awaiting.key(&key, &mut Tape::new(), *START).unwrap();
        let frames = [&hello, &answer, &key].map(|frame| frame.as_bytes().to_vec());
        let secret = xwing_secret(&hello_rng.drawn[..32], &frames);
        Self {
            recipient,
            releaser: releaser.ready(ready, *START).unwrap(),
            schedule: Schedule::new(Suite::XWing, &frames, &secret),
        }
    }

    /// What the enclave makes of this plaintext of a record, and the plaintext of its answer.
    fn deliver(self, plaintext: &[u8], owner: &PrivateKey) -> Taken {
        let record = self.schedule.seal(Direction::ToEnclave, 0, plaintext);
        let (released, answer) = self.recipient.take(record, &owner.public(), *START)?;
        let answer = self
            .schedule
            .open(Direction::ToClient, 1, answer.as_bytes())
            .unwrap();
        assert_eq!(answer.len(), 11);
        Ok((released, answer[10]))
    }

    /// The same of this message, signed in this session.
    fn deliver_message(self, message: &[u8], owner: &PrivateKey) -> Taken {
        let exported = self.schedule.export(Role::Releaser.exporter());
        let signature = owner.sign(Role::Releaser, &exported, message);
        let plaintext = plaintext(message, owner.public().as_bytes(), &signature);
        self.deliver(&plaintext, owner)
    }
}

/// What was released or not, and the outcome on the wire.
type Taken = Result<(Result<Released, NotTaken>, u8), SessionError>;

/// A releaser's message, with fields of any length.
#[derive(Clone, Encode)]
#[cbor(map)]
struct Message {
    #[n(1)]
    key_id: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    model: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    key: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    clients: Option<Vec<u8>>,
}

fn message() -> Message {
    Message {
        key_id: key_id().to_string(),
        model: model_digest().0.to_vec(),
        key: KEY.to_vec(),
        clients: None,
    }
}

fn plaintext(message: &[u8], public: &[u8; 32], signature: &[u8; 64]) -> Vec<u8> {
    let mut plaintext = vec![0; 64 * 1024];
    plaintext[0] = 2;
    let len = (message.len() as u32).to_be_bytes();
    let content = [&len[..], message, public, signature].concat();
    plaintext[9..9 + content.len()].copy_from_slice(&content);
    plaintext
}

pub fn key_id() -> KeyId {
    "ward/icd10-v2".parse().unwrap()
}

pub fn claims() -> KeyReleaseClaims {
    KeyReleaseClaims::new(model_digest(), &key_id())
}

fn enclave(claims: &KeyReleaseClaims) -> Arc<Enclave<KeyReleaseClaims>> {
    let limits = Limits::of_key_release();
    let keys = BootKeys::new(None);
    Enclave::new(keys, claims.clone(), limits, SessionLimits::default()).unwrap()
}

fn owner() -> PrivateKey {
    PrivateKey::generate(&mut Tape::new())
}

fn model_key() -> ModelKey {
    ModelKey::from_bytes(&KEY).unwrap()
}

fn clients(count: usize) -> Clients {
    let entry = |number: usize| {
        let key = owner().public();
        format!(
            r#"{{"name": "{number}", "key": "{key}", "notes_per_hour": 4294967295, "sessions_per_hour": 4294967295}}"#
        )
    };
    let entries: Vec<String> = (0..count).map(entry).collect();
    Clients::from_json(&format!(r#"{{"clients": [{}]}}"#, entries.join(","))).unwrap()
}

#[test]
fn the_key_and_the_list_arrive() {
    let owner = owner();
    let mut lengths = Vec::new();
    for list in [None, Some(clients(1)), Some(clients(1024))] {
        let open = Open::new();
        let (outcome, record) = open
            .releaser
            .release(&model_key(), list.as_ref(), &owner, *START)
            .unwrap();
        lengths.push(record.as_bytes().len());
        let (released, answer) = open
            .recipient
            .take(record, &owner.public(), *START)
            .unwrap();
        let released = released.unwrap();
        assert_eq!(released.key.as_bytes(), &KEY);
        assert_eq!(released.clients, list);
        assert_eq!(outcome.outcome(answer, *START), Ok(Ok(())));
    }
    // The greatest list fits, and no length tells whether there is one.
    assert_eq!(lengths, [8 + 64 * 1024 + 16; 3]);
}

/// The encoding that [`Message`] stands for is the releaser's own.
#[test]
fn a_message_written_a_second_time_is_taken() {
    let owner = owner();
    let list = clients(3);
    let message = Message {
        clients: Some(list.encode()),
        ..message()
    };
    let taken = Open::new().deliver_message(&to_vec(message).unwrap(), &owner);
    let (released, outcome) = taken.unwrap();
    assert_eq!(outcome, 1);
    assert_eq!(released.unwrap().clients, Some(list));
}

#[test]
fn the_sealed_record_is_taken_unchanged_or_not_at_all() {
    let owner = owner();
    let flip = |byte: usize, bit: u8| {
        let open = Open::new();
        let (_, record) = open
            .releaser
            .release(&model_key(), None, &owner, *START)
            .unwrap();
        let mut bytes = record.into_bytes();
        bytes[byte] ^= 1 << bit;
        let record = Frame::from_bytes(bytes, usize::MAX).unwrap();
        open.recipient
            .take(record, &owner.public(), *START)
            .map(|_| ())
    };
    let len = 8 + 64 * 1024 + 16;
    // A session each: of the message, of the padding and of the tag a sample.
    let message = (8..8 + 9 + 4 + 128 + 32 + 64).step_by(5);
    let all = message.chain((400..len).step_by(4099)).chain(len - 16..len);
    for (number, byte) in all.enumerate() {
        let error = flip(byte, (number % 8) as u8);
        assert_eq!(error, Err(SessionError::NotAuthentic), "byte {byte}");
    }
}

#[test]
fn every_bit_of_what_is_signed_counts() {
    let owner = owner();
    let message = to_vec(message()).unwrap();
    let public = *owner.public().as_bytes();
    let count = 8 * (message.len() + 32 + 64);
    for bit in (0..count).step_by(7) {
        let open = Open::new();
        let exported = open.schedule.export(Role::Releaser.exporter());
        let signature = owner.sign(Role::Releaser, &exported, &message);
        let mut plaintext = plaintext(&message, &public, &signature);
        plaintext[13 + bit / 8] ^= 1 << (bit % 8);
        let (released, outcome) = open.deliver(&plaintext, &owner).unwrap();
        assert_eq!(released.unwrap_err(), NotTaken::Releaser, "bit {bit}");
        assert_eq!(outcome, 2);
    }
}

#[test]
fn another_releasers_key_is_not_taken() {
    let (owner, other) = (owner(), owner());
    let open = Open::new();
    let (outcome, record) = open
        .releaser
        .release(&model_key(), None, &other, *START)
        .unwrap();
    let (released, answer) = open
        .recipient
        .take(record, &owner.public(), *START)
        .unwrap();
    assert_eq!(released.unwrap_err(), NotTaken::Releaser);
    assert_eq!(outcome.outcome(answer, *START), Ok(Err(NotTaken::Releaser)));

    // With the owner's public key beside the other's signature.
    let open = Open::new();
    let message = to_vec(message()).unwrap();
    let exported = open.schedule.export(Role::Releaser.exporter());
    let signature = other.sign(Role::Releaser, &exported, &message);
    let plaintext = plaintext(&message, owner.public().as_bytes(), &signature);
    let (released, _) = open.deliver(&plaintext, &owner).unwrap();
    assert_eq!(released.unwrap_err(), NotTaken::Releaser);
}

/// Somebody whom the owner takes for an enclave has the owner's signed message, and forwards it into a session of their
/// own with another enclave.
#[test]
fn a_message_signed_for_another_session_is_not_taken() {
    let owner = owner();
    let (theirs, ours) = (Open::new(), Open::new());
    let (_, record) = theirs
        .releaser
        .release(&model_key(), None, &owner, *START)
        .unwrap();
    let relayed = theirs
        .schedule
        .open(Direction::ToEnclave, 0, record.as_bytes())
        .unwrap();
    let (released, outcome) = ours.deliver(&relayed, &owner).unwrap();
    assert_eq!(released.unwrap_err(), NotTaken::Releaser);
    assert_eq!(outcome, 2);
}

/// A signature for one use is none for another, by the same key in the same session.
#[test]
fn a_signature_of_another_use_is_not_taken() {
    let owner = owner();
    let message = to_vec(message()).unwrap();
    for (role, export) in [
        (Role::Client, Role::Releaser.exporter()),
        (Role::Releaser, Role::Client.exporter()),
    ] {
        let open = Open::new();
        let exported = open.schedule.export(export);
        let signature = owner.sign(role, &exported, &message);
        let plaintext = plaintext(&message, owner.public().as_bytes(), &signature);
        let (released, _) = open.deliver(&plaintext, &owner).unwrap();
        assert_eq!(released.unwrap_err(), NotTaken::Releaser);
    }
}

#[test]
fn a_signed_message_says_what_was_asked_for() {
    let owner = owner();
    let list = clients(2).encode();
    type Change = Box<dyn Fn(&mut Message)>;
    let change = |change: fn(&mut Message)| Box::new(change) as Change;
    let cut = list[..list.len() - 1].to_vec();
    let longer = [&list[..], &[0]].concat();
    let cases: Vec<(Change, NotTaken, u8)> = vec![
        (
            change(|m| m.key_id = "ward/icd10-v1".into()),
            NotTaken::AnotherKey,
            3,
        ),
        (change(|m| m.key_id.clear()), NotTaken::AnotherKey, 3),
        (change(|m| m.model[47] ^= 1), NotTaken::AnotherKey, 3),
        (change(|m| m.model.truncate(47)), NotTaken::AnotherKey, 3),
        (change(|m| m.key.truncate(31)), NotTaken::Message, 4),
        (change(|m| m.key.push(0)), NotTaken::Message, 4),
        (change(|m| m.key.clear()), NotTaken::Message, 4),
        (change(|m| m.clients = Some(vec![])), NotTaken::Message, 4),
        // An empty list would let nobody ask; no list lets everybody.
        (
            change(|m| m.clients = Some(vec![0x80])),
            NotTaken::Message,
            4,
        ),
        (
            Box::new(move |m| m.clients = Some(cut.clone())),
            NotTaken::Message,
            4,
        ),
        (
            Box::new(move |m| m.clients = Some(longer.clone())),
            NotTaken::Message,
            4,
        ),
    ];
    for (number, (change, error, expected)) in cases.into_iter().enumerate() {
        let mut message = message();
        change(&mut message);
        let taken = Open::new().deliver_message(&to_vec(message).unwrap(), &owner);
        let (released, outcome) = taken.unwrap();
        assert_eq!(released.unwrap_err(), error, "case {number}");
        assert_eq!(outcome, expected, "case {number}");
    }
    let good = to_vec(message()).unwrap();
    let no_map = to_vec("key").unwrap();
    let null = [&[0xa4][..], &good[1..], &[4, 0xf6]].concat();
    let behind = [&good[..], &[0]].concat();
    for message in [&good[..good.len() - 1], &no_map, &null, &behind, &[]] {
        let taken = Open::new().deliver_message(message, &owner).unwrap();
        assert_eq!(taken.0.unwrap_err(), NotTaken::Message);
    }
}

#[test]
fn a_record_that_no_releaser_sends_ends_the_session() {
    let owner = owner();
    let good = plaintext(&to_vec(message()).unwrap(), &[0; 32], &[0; 64]);
    let mut long = good.clone();
    long[9..13].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut padding = good.clone();
    padding[64 * 1024 - 1] = 1;
    let close = [&[4][..], &[0; 8]].concat();
    let ready = b"\x01sealnote/2 ready".to_vec();
    for (plaintext, expected) in [
        (long, "message length"),
        (padding, "padding"),
        (close, "kind"),
        (ready, "kind"),
        (good[..60_000].to_vec(), "request length"),
        (Vec::new(), "kind"),
    ] {
        let error = Open::new().deliver(&plaintext, &owner).unwrap_err();
        assert_eq!(error, Malformed(expected).into());
    }
    // A request of task 1, as an enclave of notes would take it.
    let mut notes = vec![0; 4096];
    notes[0] = 2;
    notes[10] = 1;
    notes[14] = 1;
    notes[15] = b'x';
    let error = Open::new().deliver(&notes, &owner).unwrap_err();
    assert_eq!(error, Malformed("message length").into());
}

/// The other way round: an enclave of notes gets what a releaser sends.
#[test]
fn a_release_into_a_session_of_notes_is_no_request() {
    let mut open = crate::open::Open::unlimited();
    let plaintext = plaintext(&to_vec(message()).unwrap(), &[0; 32], &[0; 64]);
    let record = open.schedule.seal(Direction::ToEnclave, 0, &plaintext);
    let error = open.enclave_receiver.open(record, *START).unwrap_err();
    assert_eq!(error, Malformed("request length").into());
}

#[test]
fn the_releaser_takes_one_of_four_outcomes() {
    let outcome = |plaintext: &[u8]| {
        let owner = owner();
        let open = Open::new();
        let released = open.releaser.release(&model_key(), None, &owner, *START);
        let (awaiting, _): (AwaitingOutcome, _) = released.unwrap();
        let answer = open.schedule.seal(Direction::ToClient, 1, plaintext);
        awaiting.outcome(answer, *START)
    };
    let answer = |outcome: u8| [&[3][..], &[0; 8], &[1, outcome]].concat();
    assert_eq!(outcome(&answer(1)), Ok(Ok(())));
    assert_eq!(outcome(&answer(2)), Ok(Err(NotTaken::Releaser)));
    assert_eq!(outcome(&answer(3)), Ok(Err(NotTaken::AnotherKey)));
    assert_eq!(outcome(&answer(4)), Ok(Err(NotTaken::Message)));
    for unknown in [0, 5, 255] {
        let error = Malformed("outcome").into();
        assert_eq!(outcome(&answer(unknown)), Err(error));
    }
    let mut of_another = answer(1);
    of_another[8] = 1;
    let none = Malformed("no answer to the release").into();
    assert_eq!(outcome(&of_another), Err(none));
    let close = [&[4][..], &[0; 8]].concat();
    assert_eq!(
        outcome(&close),
        Err(Malformed("no answer to the release").into())
    );
    let longer = [&answer(1)[..], &[0]].concat();
    assert_eq!(outcome(&longer), Err(Malformed("answer length").into()));
}
