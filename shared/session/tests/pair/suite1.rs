//! A key message that does not open looks, from outside, like one that does.

use rsa::pkcs8::DecodePublicKey;
use rsa::sha2::Sha256;
use rsa::{Oaep, PublicKey};
use sealnote_protocol::handshake::Key;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::session::enclave::Binding;
use sealnote_protocol::suite::Suite;
use sealnote_session::Challenge;

use crate::enclave_end::EnclaveEnd;
use crate::rogue::{Direction, Schedule};
use crate::wire::{Fault, Step};
use crate::world::{Tape, WORLD, policy};

const LABEL: &[u8] = b"sealnote/2 suite1 secret";
const READY: &[u8] = b"\x01sealnote/2 ready";

/// A client that seals by itself, and knows what it sealed.
struct Rogue {
    enclave: EnclaveEnd,
    hello: Vec<u8>,
    answer: Vec<u8>,
    public_key: PublicKey,
}

impl Rogue {
    fn new() -> Self {
        let mut enclave = EnclaveEnd::new(WORLD.enclave.clone(), 1);
        let spki = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = spki.clone();
        enclave.attest = Box::new(move |request: &Binding| {
            seen.replace(request.public_key.clone().unwrap());
            WORLD.attest(request)
        });
        let challenge = Challenge::new(&policy(r#""least_suite": 1,"#), &mut Tape::new()).unwrap();
        let hello = challenge.hello().as_bytes().to_vec();
        let (_, answer) = enclave.deliver(&hello).remove(0);
        let public_key = PublicKey::from_public_key_der(&spki.borrow()).unwrap();
        Self {
            enclave,
            hello,
            answer,
            public_key,
        }
    }

    fn seal(&self, label: &[u8], secret: &[u8]) -> Vec<u8> {
        let oaep = Oaep::<Sha256>::new_with_label(label);
        let rng = &mut Tape::new();
        self.public_key.encrypt(rng, oaep, secret).unwrap()
    }

    /// Sends the key message: the enclave's reply, and the keys that the secret would give.
    fn key(&mut self, sealed: Vec<u8>, secret: &[u8; 32]) -> (Vec<(Step, Vec<u8>)>, Schedule) {
        let key = Key::new(Suite::RsaOaep, sealed).to_frame().into_bytes();
        let sent = self.enclave.deliver(&key);
        let frames = [self.hello.clone(), self.answer.clone(), key];
        (sent, Schedule::new(Suite::RsaOaep, &frames, secret))
    }
}

fn request() -> Vec<u8> {
    let mut plaintext = vec![0; 4096];
    plaintext[0] = 2;
    plaintext[10] = 1;
    plaintext[14] = 1;
    plaintext[15] = b'x';
    plaintext
}

#[test]
fn a_good_key_message_opens() {
    let mut rogue = Rogue::new();
    let sealed = rogue.seal(LABEL, &[7; 32]);
    let (sent, schedule) = rogue.key(sealed, &[7; 32]);
    assert_eq!(
        schedule.open(Direction::ToClient, 0, &sent[0].1).as_deref(),
        Some(READY)
    );
    let record = schedule.seal(Direction::ToEnclave, 0, &request());
    rogue.enclave.deliver(record.as_bytes());
    assert_eq!(rogue.enclave.notes, [[Ok(String::from("x"))]]);
}

#[test]
fn a_key_message_that_does_not_open_gets_a_reply_that_looks_the_same() {
    // What is sealed, and the secret that its sender would go on with.
    type Seal = fn(&Rogue) -> Vec<u8>;
    let cases: [(&str, Seal, [u8; 32]); 12] = [
        (
            "random bytes below the modulus",
            |_| [vec![1], random(383)].concat(),
            [0; 32],
        ),
        ("zero", |_| vec![0; 384], [0; 32]),
        ("one", |_| [vec![0; 383], vec![1]].concat(), [0; 32]),
        ("above the modulus", |_| vec![0xff; 384], [0; 32]),
        ("nothing", |_| Vec::new(), [0; 32]),
        (
            "a byte short",
            |rogue| rogue.seal(LABEL, &[7; 32])[..383].to_vec(),
            [7; 32],
        ),
        (
            "a zero more",
            |rogue| [vec![0], rogue.seal(LABEL, &[7; 32])].concat(),
            [7; 32],
        ),
        (
            "another label",
            |rogue| rogue.seal(b"sealnote/2 suite2 secret", &[7; 32]),
            [7; 32],
        ),
        ("no label", |rogue| rogue.seal(b"", &[7; 32]), [7; 32]),
        ("31 bytes", |rogue| rogue.seal(LABEL, &[0; 31]), [0; 32]),
        ("33 bytes", |rogue| rogue.seal(LABEL, &[0; 33]), [0; 32]),
        ("an empty secret", |rogue| rogue.seal(LABEL, &[]), [0; 32]),
    ];
    let mut exported = Vec::new();
    for (name, seal, secret) in cases {
        let mut rogue = Rogue::new();
        let sealed = seal(&rogue);
        let (sent, schedule) = rogue.key(sealed, &secret);
        let [(Step::Ready, ready)] = &sent[..] else {
            panic!("{name}: {sent:?}");
        };
        assert_eq!(ready.len(), 8 + READY.len() + 16, "{name}");
        assert_eq!(ready[..8], [4, 2, 0, 0, 0, 0, 0, 33], "{name}");
        assert_eq!(schedule.open(Direction::ToClient, 0, ready), None, "{name}");
        exported.push(rogue.enclave.exported.unwrap());

        let record = schedule.seal(Direction::ToEnclave, 0, &request());
        let sent = rogue.enclave.deliver(record.as_bytes());
        assert_eq!(
            sent,
            [(Step::Refusal, vec![5, 2, 0, 0, 0, 0, 0, 0])],
            "{name}"
        );
        let fault = Fault::Session(SessionError::NotAuthentic);
        assert_eq!(rogue.enclave.fault, Some(fault), "{name}");
        assert!(rogue.enclave.notes.is_empty(), "{name}");
    }
    exported.sort_unstable();
    exported.dedup();
    assert_eq!(exported.len(), 12, "a secret was used twice");
}

/// The same bad message twice gets unrelated replies: the secret in its place is drawn, not derived.
#[test]
fn a_bad_key_message_sent_twice() {
    let sealed = [vec![1], random(383)].concat();
    let [one, other] = [(); 2].map(|()| {
        let mut rogue = Rogue::new();
        rogue.key(sealed.clone(), &[0; 32]).0.remove(0).1
    });
    assert_eq!(one.len(), other.len());
    assert_ne!(one, other);
}

fn random(len: usize) -> Vec<u8> {
    use getrandom::rand_core::Rng;
    let mut bytes = vec![0; len];
    Tape::new().fill_bytes(&mut bytes);
    bytes
}
