//! An enclave that has a list of clients: who signs, how, and what follows.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sealnote_access::{Clients, PrivateKey, PublicKey, Role, SIGNATURE_LEN};
use sealnote_encrypted_model::KeyId;
use sealnote_protocol::claims::{Claims, ClaimsError};
use sealnote_protocol::denial::Denial;
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::{Answer, EvidenceKind, Hello};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::record::Malformed;
use sealnote_protocol::session::enclave::{
    AwaitingClient, Enclave, EnclaveReceiver, EnclaveSender, Keyed, Received,
};
use sealnote_protocol::session::{Limit, SessionError, SessionLimits};
use sealnote_protocol::suite::{KeyMaterial, Suite};
use sealnote_protocol::task::KeyReleaseClaims;
use sealnote_session::{
    AwaitingSignature, Challenge, ClientReceiver, ClientSender, ClientSession, Confirmed, Incoming,
};

use crate::binding::{encapsulation_key, verify as verify_claims};
use crate::open::{Open, copy, verify};
use crate::rogue::Direction::{ToClient, ToEnclave};
use crate::rogue::{Schedule, parse, xwing_secret};
use crate::world::{START, Tape, WORLD, claims_limits, model, model_digest};

/// Of one session's frames: a signature has one place, and a denial the close's length.
const SIGNATURE_FRAME: usize = 8 + 97 + 16;
const LAST_FRAME: usize = 8 + 9 + 16;

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(&mut Tape::new()));

/// A session in which the client's signature is due.
struct Due {
    client: AwaitingSignature,
    enclave: AwaitingClient,
    schedule: Schedule,
}

/// The same once the enclave knows the client.
struct Known {
    client: (ClientSender, ClientReceiver),
    enclave: (EnclaveSender, EnclaveReceiver),
    schedule: Schedule,
}

fn enclave(limits: SessionLimits) -> Arc<Enclave> {
    let client = format!(
        r#"{{"name": "a", "key": "{}", "notes_per_hour": 8, "sessions_per_hour": 1}}"#,
        KEY.public()
    );
    let clients = Clients::from_json(&format!(r#"{{"clients": [{client}]}}"#)).unwrap();
    Enclave::of_clients(clients, model(), claims_limits(), limits).unwrap()
}

impl Due {
    fn new() -> Self {
        Self::with(SessionLimits::default())
    }

    fn with(limits: SessionLimits) -> Self {
        let mut rng = Tape::new();
        let challenge = Challenge::new(&WORLD.policy, &mut rng).unwrap();
        let hello = copy(challenge.hello());
        let mut hello_rng = Tape::new();
        let awaiting = enclave(limits).hello(&hello, &mut hello_rng).unwrap();
        let document = WORLD.attest(awaiting.binding());
        let (awaiting, answer) = awaiting.answer(EvidenceKind(1), document, None).unwrap();
        let evidence = verify(copy(&answer), challenge);
        assert!(evidence.claims().clients_sign());
        assert_eq!(evidence.suite(), Suite::XWing);
        let (client, key) = ClientSession::establish(evidence, limits, &mut rng, *START).unwrap();
        let (keyed, ready) = awaiting.key(&key, &mut rng, *START).unwrap();
        let Keyed::AwaitingClient(enclave) = keyed else {
            panic!("no signature is due");
        };
        let Ok(Confirmed::MustSign(client)) = client.ready(ready, *START) else {
            panic!("no signature is due");
        };
        let frames = [&hello, &answer, &key].map(|frame| frame.as_bytes().to_vec());
        let secret = xwing_secret(&hello_rng.drawn[..32], &frames);
        Self {
            client,
            enclave,
            schedule: Schedule::new(Suite::XWing, &frames, &secret),
        }
    }

    /// What is signed in this session, computed by itself.
    fn exported(&self) -> [u8; 32] {
        self.schedule.export("client signature")
    }

    fn known(self) -> Known {
        let (sender, receiver, frame) = self.client.sign(&KEY, *START).unwrap();
        let admitted = self.enclave.client(frame, in_list, *START).unwrap();
        let (enclave_sender, enclave_receiver, ()) = admitted.unwrap();
        Known {
            client: (sender, receiver),
            enclave: (enclave_sender, enclave_receiver),
            schedule: self.schedule,
        }
    }
}

/// The list has one client.
fn in_list(key: &PublicKey) -> Result<(), Denial> {
    match *key == KEY.public() {
        true => Ok(()),
        false => Err(Denial::UnknownClient),
    }
}

fn plaintext(key: &PublicKey, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
    [&[5], &key.as_bytes()[..], signature].concat()
}

/// What the enclave tells a client whose first record is this.
fn told(due: Due, record: &[u8]) -> Result<(), Denial> {
    let frame = due.schedule.seal(ToEnclave, 0, record);
    let (_, mut receiver, _) = due.client.sign(&KEY, *START).unwrap();
    match due.enclave.client(frame, in_list, *START).unwrap() {
        Ok(_) => Ok(()),
        Err(last) => {
            assert_eq!(last.as_bytes().len(), LAST_FRAME);
            match receiver.open(last, *START).unwrap_err() {
                SessionError::Denied(denial) => {
                    assert_eq!(
                        receiver
                            .open(parse(vec![4, 2, 0, 0, 0, 0, 0, 0]), *START)
                            .unwrap_err(),
                        SessionError::Over
                    );
                    Err(denial)
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_client_in_the_list_has_a_session() {
    let due = Due::new();
    let (mut sender, mut receiver, frame) = due.client.sign(&KEY, *START).unwrap();
    assert_eq!(frame.as_bytes().len(), SIGNATURE_FRAME);
    // It may ask at once.
    let (pending, request) = sender.request(&[b"a note"], *START).unwrap();
    let (mut enclave_sender, mut enclave_receiver, ()) =
        due.enclave.client(frame, in_list, *START).unwrap().unwrap();
    let Ok(Received::Request(slot, notes)) = enclave_receiver.open(request, *START) else {
        panic!("no request");
    };
    assert_eq!(notes.len(), 1);
    let outcomes = vec![Err(sealnote_model::NoteError::Empty)];
    let answer = enclave_sender.answer(slot, outcomes, *START).unwrap();
    let Ok(Incoming::Reply(reply)) = receiver.open(answer, *START) else {
        panic!("no reply");
    };
    assert_eq!(pending.accept(reply).unwrap().len(), 1);
    // The signature is no request, and the close does not count it.
    let close = enclave_receiver.open(sender.close(*START).unwrap(), *START);
    assert!(matches!(close, Ok(Received::Close)));
    let close = receiver.open(enclave_sender.close(*START).unwrap(), *START);
    assert!(matches!(close, Ok(Incoming::Close)));
}

#[test]
fn the_signature_is_as_protocol_md_has_it() {
    let due = Due::new();
    let signature = KEY.sign(Role::Client, &due.exported(), &[]);
    assert_eq!(told(due, &plaintext(&KEY.public(), &signature)), Ok(()));
}

#[test]
fn whoever_is_not_in_the_list_or_does_not_sign_is_told_so_inside_the_session() {
    let stranger = PrivateKey::generate(&mut Tape::new());
    let due = Due::new();
    let signature = stranger.sign(Role::Client, &due.exported(), &[]);
    let unknown = told(due, &plaintext(&stranger.public(), &signature));
    assert_eq!(unknown, Err(Denial::UnknownClient));

    // Nobody learns whether a key is in the list without having it.
    for key in [
        KEY.public(),
        PrivateKey::generate(&mut Tape::new()).public(),
    ] {
        let due = Due::new();
        let signature = stranger.sign(Role::Client, &due.exported(), &[]);
        assert_eq!(
            told(due, &plaintext(&key, &signature)),
            Err(Denial::Signature)
        );
    }

    // Of another session, of a releaser, of nothing; and a key that is none.
    let other = Due::new().exported();
    for exported in [other, [0; 32]] {
        let signature = KEY.sign(Role::Client, &exported, &[]);
        let record = plaintext(&KEY.public(), &signature);
        assert_eq!(told(Due::new(), &record), Err(Denial::Signature));
    }
    let due = Due::new();
    let signature = KEY.sign(Role::Releaser, &due.exported(), &[]);
    let record = plaintext(&KEY.public(), &signature);
    assert_eq!(told(due, &record), Err(Denial::Signature));
    let due = Due::new();
    let mut record = plaintext(&KEY.public(), &KEY.sign(Role::Client, &due.exported(), &[]));
    record[1..33].fill(0);
    assert_eq!(told(due, &record), Err(Denial::Signature));
}

/// Every byte of the key and of the signature.
#[test]
fn a_changed_signature_is_none() {
    for at in 0..96 {
        let due = Due::new();
        let mut record = plaintext(&KEY.public(), &KEY.sign(Role::Client, &due.exported(), &[]));
        record[1 + at] ^= 1 << (at % 8);
        assert_eq!(told(due, &record), Err(Denial::Signature), "byte {at}");
    }
}

#[test]
fn nothing_but_a_signature_is_taken_first() {
    let request = [&[2][..], &[0; 8], &[0, 1, 0, 0, 0, 1, b'a']].concat();
    let mut request_padded = request;
    request_padded.resize(4096, 0);
    let close = [&[4][..], &[0; 8]].concat();
    let short = [&[5][..], &[7; 95]].concat();
    let long = [&[5][..], &[7; 97]].concat();
    let denial = vec![6, 1, 0, 0, 0, 0, 0, 0, 0];
    let first = "the first record is no signature";
    for (record, expected) in [
        (request_padded, first),
        (close, first),
        (denial, first),
        (b"\x01sealnote/2 ready".to_vec(), first),
        (short, "signature length"),
        (long, "signature length"),
        (vec![5], "signature length"),
        (vec![], "kind"),
    ] {
        let due = Due::new();
        let frame = due.schedule.seal(ToEnclave, 0, &record);
        let error = due.enclave.client(frame, in_list, *START).unwrap_err();
        assert_eq!(error, SessionError::Malformed(Malformed(expected)));
    }
}

/// A record that was sealed in another session does not even open: not the frame, and not with the same key.
#[test]
fn a_signature_that_was_recorded_opens_in_no_other_session() {
    let (recorded, other) = (Due::new(), Due::new());
    let (_, _, frame) = recorded.client.sign(&KEY, *START).unwrap();
    let error = other.enclave.client(frame, in_list, *START).unwrap_err();
    assert_eq!(error, SessionError::NotAuthentic);
}

#[test]
fn a_client_signs_once() {
    let due = Due::new();
    let record = plaintext(&KEY.public(), &KEY.sign(Role::Client, &due.exported(), &[]));
    let mut known = due.known();
    let frame = known.schedule.seal(ToEnclave, 1, &record);
    let error = known.enclave.1.open(frame, *START).unwrap_err();
    assert_eq!(error, SessionError::Malformed(Malformed("kind")));
}

#[test]
fn an_enclave_that_anybody_may_ask_takes_no_signature_and_denies_nothing() {
    let mut open = Open::unlimited();
    let record = plaintext(&KEY.public(), &[7; SIGNATURE_LEN]);
    let frame = open.schedule.seal(ToEnclave, 0, &record);
    let error = open.enclave_receiver.open(frame, *START).unwrap_err();
    assert_eq!(error, SessionError::Malformed(Malformed("kind")));

    let denial = open
        .enclave_sender
        .deny(Denial::UnknownClient, *START)
        .unwrap();
    let error = open.client_receiver.open(denial, *START).unwrap_err();
    assert_eq!(error, SessionError::Malformed(Malformed("kind")));
}

#[test]
fn what_no_enclave_denies() {
    for (record, expected) in [
        (&[6, 3, 0, 0, 0, 0, 0, 0, 0][..], "denial"),
        (&[6, 5, 0, 0, 0, 1, 0, 0, 0], "denial"),
        (&[6, 4, 0, 0, 0x0e, 0x11, 0, 0, 0], "denial"),
        (&[6, 4, 0, 0, 0, 1, 0, 0, 1], "padding"),
        (&[6, 4, 0, 0, 0, 1, 0, 0], "denial length"),
        (&[6, 4, 0, 0, 0, 1, 0, 0, 0, 0], "denial length"),
        (&[5; 97], "kind"),
    ] {
        let mut known = Due::new().known();
        let frame = known.schedule.seal(ToClient, 1, record);
        let error = known.client.1.open(frame, *START).unwrap_err();
        assert_eq!(
            error,
            SessionError::Malformed(Malformed(expected)),
            "{record:?}"
        );
    }
}

/// Whoever is on the way cannot make a denial, nor turn a close into one.
#[test]
fn a_denial_is_the_enclaves() {
    for at in 0..9 + 16 {
        let mut known = Due::new().known();
        let close = known.enclave.0.close(*START).unwrap();
        let mut bytes = close.into_bytes();
        assert_eq!(bytes.len(), LAST_FRAME);
        bytes[8 + at] ^= 1 << (at % 8);
        let error = known.client.1.open(parse(bytes), *START).unwrap_err();
        assert_eq!(error, SessionError::NotAuthentic, "byte {at}");
    }
}

/// In the room that is kept for a close there is room for a denial, also after the session's last second.
#[test]
fn a_denial_has_the_place_of_the_close() {
    let short = SessionLimits {
        records: 2,
        lifetime: Duration::from_secs(5),
        ..SessionLimits::default()
    };
    let mut known = Due::with(short).known();
    let late = *START + Duration::from_secs(6);
    let request = known.client.0.request(&[b"a note"], late).unwrap_err();
    let limit = SessionError::Limit(Limit::Records);
    assert_eq!(request, limit.into());
    let denial = Denial::Notes { seconds: 17 };
    let frame = known.enclave.0.deny(denial, late).unwrap();
    let error = known.client.1.open(frame, late).unwrap_err();
    assert_eq!(error, SessionError::Denied(denial));
    assert_eq!(denial.seconds(), Some(17));
}

#[test]
fn claims_with_the_extension() {
    let xwing = encapsulation_key();
    let suites = KeyMaterial::new([(Suite::XWing, &xwing[..])]);
    let plain = Claims::new(suites.clone(), [3; 32], model(), claims_limits()).unwrap();
    let signed = plain.clone().with_signing_clients().unwrap();
    assert!(!plain.clients_sign() && signed.clients_sign());
    // The map of extensions is last: empty, or the one, critical and without a value.
    let without = plain.encode();
    let (rest, none) = without.split_at(without.len() - 1);
    assert_eq!(none, [0xa0]);
    let with = [rest, &[0xa1, 1, 0x82, 0xf5, 0x40]].concat();
    assert_eq!(signed.encode(), with);
    let verified = verify_claims(&WORLD.policy, &with, None).unwrap();
    assert!(verified.claims().clients_sign());

    // Suite 1, whatever the hello offers, and another task.
    let both = KeyMaterial::new([(Suite::RsaOaep, &[9; 32][..]), (Suite::XWing, &xwing)]);
    let both = Claims::new(both, [3; 32], model(), claims_limits()).unwrap();
    let error = both.with_signing_clients().unwrap_err();
    assert_eq!(error, ClaimsError::SuiteOfSigned(1));
    let id: KeyId = "owner/model".parse().unwrap();
    let release = KeyReleaseClaims::new(model_digest(), &id);
    let limits = Limits::of_key_release();
    let release = Claims::new(suites, [3; 32], release, limits).unwrap();
    let error = release.with_signing_clients().unwrap_err();
    assert_eq!(error, ClaimsError::Extension(1));
}

/// The hello's suites change nothing: an enclave that has a list speaks suite 2.
#[test]
fn suite_1_is_neither_claimed_nor_spoken() {
    let enclave = enclave(SessionLimits::default());
    let hello = |suites: &[Suite]| Hello::new([7; 32], suites.to_vec()).to_frame();
    let only = hello(&[Suite::RsaOaep]);
    assert!(enclave.clone().hello(&only, &mut Tape::new()).is_err());
    let awaiting = enclave
        .hello(&hello(&Suite::ALL), &mut Tape::new())
        .unwrap();
    assert_eq!(awaiting.binding().public_key, None);
    let (_, answer) = awaiting.answer(EvidenceKind(1), vec![1], None).unwrap();
    let claims = Answer::from_frame(&answer).unwrap().claims;
    let claims = Claims::<sealnote_protocol::task::ModelClaims>::decode(&claims).unwrap();
    assert_eq!(claims.suites().of(Suite::RsaOaep), None);
    assert!(claims.clients_sign());
}

/// Before the client has said who it is, the enclave can end the session in order.
#[test]
fn a_place_that_is_needed_before_the_signature() {
    let due = Due::new();
    let (_, mut receiver, _) = due.client.sign(&KEY, *START).unwrap();
    let close: Frame = due.enclave.close(*START).unwrap();
    assert!(matches!(receiver.open(close, *START), Ok(Incoming::Close)));
}
