//! A key message's payload: what is accepted encodes to the same bytes. An enclave that is sent one of a suite that both
//! sides have opens a session, whatever is encapsulated, and its first record has one length; of another suite, none.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::{Seeded, within, worked_example};
use sealnote_model::{ModelDigest, Precision, Problem};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::{EvidenceKind, Hello, Key};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{AwaitingKey, Enclave};
use sealnote_protocol::suite::{BootKeys, Suite, rsa_oaep};
use sealnote_protocol::task::ModelClaims;

/// Header, plaintext and tag of the record that says that the enclave has the keys.
const READY_LEN: usize = 8 + 17 + 16;

fuzz_target!(|bytes: &[u8]| {
    let frame = Frame::new(FrameType::Key, bytes);
    let Ok(message) = within(4096 + 64 * bytes.len(), || Key::from_frame(&frame)) else {
        return;
    };
    assert_eq!(message.to_frame(), frame);
    for offered in [&[Suite::XWing][..], &Suite::ALL] {
        let is_common = offered
            .iter()
            .any(|offered| offered.id() == message.suite());
        match awaiting_key(offered).key(&frame, &mut Seeded(3), Instant::now()) {
            Ok((_, ready)) => assert!(is_common && ready.as_bytes().len() == READY_LEN),
            Err(_) => assert!(!is_common),
        }
    }
});

/// An enclave of both suites.
static ENCLAVE: LazyLock<Arc<Enclave>> = LazyLock::new(|| {
    let key = worked_example::value("enclave.rsa_private_key");
    let key = rsa_oaep::PrivateKey::from_pkcs8(&key).expect("a key");
    let labels = vec![String::from("Nervous")];
    let digest = ModelDigest([9; 48]);
    let model = ModelClaims::new(
        digest,
        labels,
        Problem::SingleLabel,
        256,
        64,
        Precision::Int8,
    );
    let limits = Limits::of_classification(2, 1000, 4096, 2, 1);
    Enclave::new(
        BootKeys::new(Some(key)),
        model,
        limits,
        SessionLimits::default(),
    )
    .expect("an enclave")
});

/// The enclave after its answer.
fn awaiting_key(offered: &[Suite]) -> AwaitingKey {
    let hello = Hello::new([1; 32], offered.iter().copied()).to_frame();
    let enclave = Arc::clone(&ENCLAVE);
    let awaiting = enclave.hello(&hello, &mut Seeded(2)).expect("a hello");
    let answered = awaiting.answer(EvidenceKind(1), vec![1], None);
    answered.expect("an answer").0
}
