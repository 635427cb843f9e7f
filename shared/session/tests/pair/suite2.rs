//! Suite 2: who was not there opens nothing, and a key message that does not open looks like one that does.

use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeS, Serializable};
use rsa::Oaep;
use rsa::pkcs8::DecodePrivateKey;
use rsa::sha2::Sha256;
use sealnote_protocol::claims::Claims;
use sealnote_protocol::handshake::{Answer, Key};
use sealnote_protocol::session::SessionError;
use sealnote_protocol::suite::Suite;
use sealnote_session::Challenge;

use crate::enclave_end::EnclaveEnd;
use crate::pair::Pair;
use crate::rogue::{Direction, Schedule, parse, transcript};
use crate::wire::{Fault, Step};
use crate::world::{Tape, WORLD};

const READY: &[u8] = b"\x01sealnote/2 ready";
const SECRET: &[u8] = b"sealnote/2 suite2 secret";

/// A client that encapsulates by itself.
struct Rogue {
    enclave: EnclaveEnd,
    hello: Vec<u8>,
    answer: Vec<u8>,
    /// The encapsulation key that the claims have.
    key: Vec<u8>,
}

impl Rogue {
    fn new() -> Self {
        let mut enclave = EnclaveEnd::new(WORLD.enclave.clone(), 1);
        let challenge = Challenge::new(&WORLD.policy, &mut Tape::new()).unwrap();
        let hello = challenge.hello().as_bytes().to_vec();
        let (_, answer) = enclave.deliver(&hello).remove(0);
        let key = encapsulation_key(&answer);
        Self {
            enclave,
            hello,
            answer,
            key,
        }
    }

    /// What to send for a secret, and the secret.
    fn encapsulate(&self, key: &[u8], info: &[u8]) -> (Vec<u8>, [u8; 32]) {
        let key = <XWing as Kem>::PublicKey::from_bytes(key).unwrap();
        let (encapsulated, context) = hpke::setup_sender_with_rng::<
            ExportOnlyAead,
            HkdfSha256,
            XWing,
        >(&OpModeS::Base, &key, info, &mut Tape::new())
        .unwrap();
        let mut secret = [0; 32];
        context.export(SECRET, &mut secret).unwrap();
        (encapsulated.to_bytes().to_vec(), secret)
    }

    fn info(&self) -> Vec<u8> {
        let transcript = transcript(&[&self.hello, &self.answer]);
        [b"sealnote/2 suite2\0", &transcript[..]].concat()
    }

    /// Sends the key message: the enclave's reply, and the keys that the secret would give.
    fn key(
        &mut self,
        encapsulated: Vec<u8>,
        secret: &[u8; 32],
    ) -> (Vec<(Step, Vec<u8>)>, Schedule) {
        let key = Key::new(Suite::XWing, encapsulated).to_frame().into_bytes();
        let sent = self.enclave.deliver(&key);
        let frames = [self.hello.clone(), self.answer.clone(), key];
        (sent, Schedule::new(Suite::XWing, &frames, secret))
    }
}

fn encapsulation_key(answer: &[u8]) -> Vec<u8> {
    let answer = Answer::from_frame(&parse(answer.to_vec())).unwrap();
    let claims = <Claims>::decode(&answer.claims).unwrap();
    claims.suites().of(Suite::XWing).unwrap().to_vec()
}

#[test]
fn a_good_key_message_opens() {
    let mut rogue = Rogue::new();
    let (encapsulated, secret) = rogue.encapsulate(&rogue.key, &rogue.info());
    let (sent, schedule) = rogue.key(encapsulated, &secret);
    let opened = schedule.open(Direction::ToClient, 0, &sent[0].1);
    assert_eq!(opened.as_deref(), Some(READY));
}

#[test]
fn a_key_message_that_does_not_open_gets_a_reply_that_looks_the_same() {
    type Encapsulate = fn(&Rogue) -> (Vec<u8>, [u8; 32]);
    let good = |rogue: &Rogue| rogue.encapsulate(&rogue.key, &rogue.info());
    let cases: [(&str, Encapsulate); 9] = [
        ("nothing", |_| (vec![], [0; 32])),
        ("zeros", |_| (vec![0; 1120], [0; 32])),
        ("all bits", |_| (vec![0xff; 1120], [0; 32])),
        ("a byte short", |rogue| {
            let (enc, secret) = rogue.encapsulate(&rogue.key, &rogue.info());
            (enc[..1119].to_vec(), secret)
        }),
        ("a byte more", |rogue| {
            let (enc, secret) = rogue.encapsulate(&rogue.key, &rogue.info());
            ([enc, vec![0]].concat(), secret)
        }),
        ("a bit of ML-KEM's part", |rogue| {
            let (mut enc, secret) = rogue.encapsulate(&rogue.key, &rogue.info());
            enc[500] ^= 1;
            (enc, secret)
        }),
        ("a bit of X25519's part", |rogue| {
            let (mut enc, secret) = rogue.encapsulate(&rogue.key, &rogue.info());
            enc[1100] ^= 1;
            (enc, secret)
        }),
        ("another connection's key", |rogue| {
            rogue.encapsulate(&Rogue::new().key, &rogue.info())
        }),
        ("another transcript", |rogue| {
            rogue.encapsulate(&rogue.key, &Rogue::new().info())
        }),
    ];
    let length = {
        let mut rogue = Rogue::new();
        let (encapsulated, secret) = good(&rogue);
        rogue.key(encapsulated, &secret).0[0].1.len()
    };
    for (name, encapsulate) in cases {
        let mut rogue = Rogue::new();
        let (encapsulated, secret) = encapsulate(&rogue);
        let (sent, schedule) = rogue.key(encapsulated, &secret);
        let [(Step::Ready, ready)] = &sent[..] else {
            panic!("{name}: {sent:?}");
        };
        assert_eq!(ready.len(), length, "{name}");
        assert_eq!(schedule.open(Direction::ToClient, 0, ready), None, "{name}");
        let record = schedule.seal(Direction::ToEnclave, 0, &[0; 4096]);
        rogue.enclave.deliver(record.as_bytes());
        let fault = Fault::Session(SessionError::NotAuthentic);
        assert_eq!(rogue.enclave.fault, Some(fault), "{name}");
    }
}

/// Each connection has a key of its own, whatever else stays.
#[test]
fn no_two_connections_have_one_key() {
    let [one, other] = [(); 2].map(|()| encapsulation_key(&Pair::completed().frame(Step::Answer)));
    assert_ne!(one, other);
}

/// Forward secrecy: all that is left of an enclave after a session is its RSA key. It opens no part of what was
/// recorded, and the session's keys do not follow from it.
#[test]
fn a_recording_and_the_rsa_key_together_open_nothing() {
    let recorded = Pair::completed();
    let key = rsa::PrivateKey::from_pkcs8_der(WORLD.pkcs8()).unwrap();
    let frames = [Step::Hello, Step::Answer, Step::Key].map(|step| recorded.frame(step));
    let message = Key::from_frame(&parse(frames[2].clone())).unwrap();
    for label in [&b"sealnote/2 suite1 secret"[..], SECRET, b""] {
        let oaep = || Oaep::<Sha256>::new_with_label(label);
        // Every piece of it that is as long as what the key decrypts.
        for piece in message.encapsulated.windows(384).step_by(184) {
            let opened = key.decrypt_blinded(&mut Tape::new(), oaep(), piece);
            assert!(opened.is_err());
        }
    }
    // The session's own keys open the recording, so that the recording is sound.
    let opened = recorded
        .schedule()
        .open(Direction::ToClient, 0, &recorded.frame(Step::Ready));
    assert_eq!(opened.as_deref(), Some(READY));
}
