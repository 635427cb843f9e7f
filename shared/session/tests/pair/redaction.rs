//! A canary in the text, and the keys' own bytes: neither shows in any `Debug` or `Display`.

use std::fmt::Debug;

use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::plaintext::Plaintext;
use sealnote_protocol::record::Malformed;
use sealnote_protocol::session::enclave::Received;
use sealnote_protocol::session::keys::{RecvKey, SendKey, SessionKeys};
use sealnote_protocol::session::{SessionLimits, Transcript};
use sealnote_protocol::suite::Suite;
use sealnote_protocol::suite::{PublicKey, rsa_oaep};
use sealnote_session::ClientSession;
use sealnote_session::{Challenge, Evidence};

use crate::open::{Confirming, Open, copy, of_anybody, unsigned, verify};
use crate::rogue::{Direction, xwing_secret};
use crate::world::{START, Tape, WORLD, claims_limits};

const CANARY: &str = "CANARY-7f3a";

/// Everything that was printed.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn add(&mut self, value: impl Debug) {
        self.0.push_str(&format!("{value:?}\n{value:#?}\n"));
    }

    /// No run of the bytes, in the notations of `Debug` and in hex.
    fn check_free_of(&self, name: &str, secret: &[u8]) {
        for part in secret.chunks_exact(4) {
            let list = format!("{}, {}, {}, {}", part[0], part[1], part[2], part[3]);
            let lines = list.replace(", ", ",\n    ");
            for shown in [list, lines, hex::encode(part), hex::encode_upper(part)] {
                assert!(!self.0.contains(&shown), "{name} shows: {shown}");
            }
        }
        let text = String::from_utf8_lossy(secret);
        assert!(!self.0.contains(&*text), "{name} shows");
    }
}

#[test]
fn the_check_itself_finds_what_it_looks_for() {
    for shown in [
        format!("{:?}", [1u8, 2, 3, 4]),
        format!("{:#?}", Some([1u8, 2, 3, 4])).replace("        ", "    "),
        String::from("01020304"),
    ] {
        let printed = Printed(shown.clone());
        let check = || printed.check_free_of("it", &[1, 2, 3, 4]);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        assert!(caught.is_err(), "{shown}");
    }
}

#[test]
fn no_debug_output_has_a_secret_or_a_word_of_a_note() {
    let mut printed = Printed::default();
    let mut rng = Tape::new();

    // A handshake, with every state printed.
    let enclave = WORLD.enclave.clone();
    printed.add(&enclave);
    let challenge = Challenge::new(&WORLD.policy, &mut rng).unwrap();
    let hello = copy(challenge.hello());
    let mut hello_rng = Tape::new();
    let awaiting = enclave.hello(&hello, &mut hello_rng).unwrap();
    printed.add(&awaiting);
    let document = WORLD.attest(awaiting.binding());
    let (awaiting, answer) = awaiting.answer(EvidenceKind(1), document, None).unwrap();
    printed.add(&awaiting);
    printed.add(Evidence::from_frame(copy(&answer)).unwrap());
    let evidence = verify(copy(&answer), challenge);
    let limits = SessionLimits::default();
    let (client, key) = ClientSession::establish(evidence, limits, &mut rng, *START).unwrap();
    printed.add(&client);
    printed.add(&key);
    let mut enclave_rng = Tape::new();
    let (keyed, ready) = awaiting.key(&key, &mut enclave_rng, *START).unwrap();
    printed.add(&keyed);
    let (sender, receiver) = of_anybody(keyed);
    printed.add((&sender, &receiver, &ready));
    printed.add(sender.exporter());
    let frames = [&hello, &answer, &key].map(|frame| frame.as_bytes().to_vec());
    let secret = xwing_secret(&hello_rng.drawn[..32], &frames);
    let exported = sender.exporter().export(Suite::XWing, "pair");
    let (client_sender, client_receiver) = unsigned(client.ready(ready, *START).unwrap());
    printed.add((&client_sender, &client_receiver));

    // The keys by themselves.
    let mut own = Tape::new();
    let public = rsa_oaep::PublicKey::from_spki(&crate::binding::spki()).unwrap();
    let public = PublicKey::RsaOaep(public);
    let (own_secret, _) = public.encapsulate(&Transcript::new(), &mut own).unwrap();
    let keys = SessionKeys::derive(Suite::RsaOaep, &own_secret, Transcript::new());
    printed.add(&keys);
    printed.add((&keys.client_to_enclave, &keys.enclave_to_client));
    printed.add(SendKey::new(keys.client_to_enclave, limits, *START));
    printed.add(RecvKey::new(keys.enclave_to_client, limits, *START));

    // Notes.
    let mut open = Open::unlimited();
    let note = format!("{CANARY} chest pain");
    printed.add(Plaintext::new(note.clone()));
    let (pending, frame) = open
        .client_sender
        .request(&[note.as_bytes(), b"\xffCANARY-7f3a"], *START)
        .unwrap();
    printed.add((&pending, &frame));
    let received = open.enclave_receiver.open(frame, *START).unwrap();
    printed.add(&received);
    assert!(matches!(received, Received::Request(..)));

    // Errors that a note's bytes cause.
    let mut plaintext = vec![b'x'; 4096];
    plaintext[..11].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1]);
    plaintext[15..15 + CANARY.len()].copy_from_slice(CANARY.as_bytes());
    let frame = open.schedule.seal(Direction::ToEnclave, 1, &plaintext);
    let error = open.enclave_receiver.open(frame, *START).unwrap_err();
    assert_eq!(error, Malformed("note length").into());
    printed.add(error);
    printed.add(error.to_string());

    assert!(!printed.0.contains("CANARY") && !printed.0.contains("chest pain"));
    printed.check_free_of("the session's secret", &secret);
    printed.check_free_of("the draws of the encapsulation", &rng.drawn[32..]);
    printed.check_free_of("the decapsulation key", &hello_rng.drawn[..32]);
    printed.check_free_of("the secret of the keys alone", &own.drawn[..32]);
    printed.check_free_of("an exported value", &*exported);
    printed.check_free_of("the enclave's draws", &enclave_rng.drawn);
    assert!(printed.0.contains("DecapsulationKey(redacted)"));
    assert!(printed.0.contains("Plaintext(redacted)"));
}

#[test]
fn a_state_that_waits_shows_no_key() {
    let limits = SessionLimits::default();
    let confirming = Confirming::new(claims_limits(), limits, limits);
    let shown = format!("{:?}", confirming.client);
    assert!(shown.contains("SendKey(redacted)") && shown.contains("RecvKey(redacted)"));
    assert!(shown.contains("ExporterSecret(redacted)"));
}
