//! `sealnote release` as a program, and an enclave's half of a release, through somebody on the way who may do anything
//! to the frames.

mod common;
#[path = "release/owner.rs"]
mod owner;
#[path = "release/programs.rs"]
mod programs;
#[path = "release/refused.rs"]
mod refused;
#[path = "release/starts.rs"]
mod starts;
#[path = "release/under_way.rs"]
mod under_way;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::programs::{Program, run};
use sealnote_access::PrivateKey;
use sealnote_key_release::owner::{OwnerError, Step};
use sealnote_protocol::frame::FrameType;
use sealnote_tests::attester::Quirk;
use sealnote_tests::relay::Act;

use owner::{KEY, Owner, enclave, wanted};

#[tokio::test(flavor = "multi_thread")]
async fn the_key_and_the_list_of_clients_arrive() {
    let owner = Owner::prepare(Quirk::None);
    let client = PrivateKey::generate(&mut owner::rng()).public();
    let clients = owner.write(
        "clients.json",
        format!(
            r#"{{"clients": [{{"name": "ward", "key": "{client}", "notes_per_hour": 70, "sessions_per_hour": 2}}]}}"#
        ),
    );
    let evidence = owner.path("evidence");
    let service = owner.start(&["--clients", &clients, "--evidence-out", &evidence]);
    let released = enclave(&owner, &service.address).await.unwrap();
    assert_eq!(released.key.as_bytes(), &KEY);
    let quota = released.clients.unwrap().quota(&client).unwrap();
    assert_eq!((quota.notes_per_hour, quota.sessions_per_hour), (70, 2));

    let log = service.log_after(2);
    assert_eq!(log[0]["outcome"], "releasing");
    assert_eq!(log[1]["outcome"], "released");
    for line in &log {
        assert_eq!(line["peer"], "127.0.0.1");
        assert_eq!(line["kind"], "nitro");
        assert_eq!(line["measured_as"], "tests");
        assert_eq!(line["key_id"], "ward/icd10");
        assert_eq!(line["model"], wanted().model.to_string());
        assert_eq!(line["development"], true);
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }

    // What was kept can be appraised again.
    let name = &log[0]["evidence_sha256"].as_str().unwrap()[..16];
    let kept = |extension: &str| format!("{evidence}/{name}.{extension}");
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(kept("json")).unwrap()).unwrap();
    assert_eq!(report["accepted"], true);
    assert_eq!(report["precision"], serde_json::Value::Null);
    let mut verify = owner.trust();
    for (flag, value) in [
        ("--document", kept("cbor")),
        ("--claims", kept("claims")),
        ("--challenge", report["challenge"].as_str().unwrap().into()),
    ] {
        verify.extend([flag.to_owned(), value]);
    }
    verify.insert(0, "verify".into());
    let again = run(Program::Client, &verify);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains(&wanted().model.to_string()));
}

/// In no form that a log, a terminal or a capture would have.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_in_no_log_and_on_no_wire() {
    let owner = Owner::prepare(Quirk::None);
    let evidence = owner.path("evidence");
    let service = owner.start(&["--evidence-out", &evidence, "--verbose"]);
    let relay = owner::relay(&service.address, |_| Act::Pass).await;
    enclave(&owner, &relay.endpoint).await.unwrap();
    service.log_after(2);
    let (status, said) = service.stop();
    assert_eq!(status.code(), Some(0), "{said}");

    let mut all = said.into_bytes();
    all.extend(std::fs::read(owner.path("log.jsonl")).unwrap());
    for file in std::fs::read_dir(evidence).unwrap() {
        all.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    for frame in relay.seen() {
        all.extend(frame.bytes);
    }
    let pem = owner.signer_pem();
    let has = |secret: &[u8]| all.windows(secret.len()).any(|window| window == secret);
    assert!(has(b"ward/icd10"), "the search finds what is there");
    for secret in [
        KEY.to_vec(),
        hex::encode(KEY).into_bytes(),
        hex::encode_upper(KEY).into_bytes(),
        STANDARD.encode(KEY).into_bytes()[..40].to_vec(),
        format!("{:?}", &KEY[..8]).trim_matches(['[', ']']).into(),
        // Behind what every such file begins with.
        pem.lines().nth(1).unwrap()[22..].into(),
    ] {
        assert!(!has(&secret), "{:?}", String::from_utf8_lossy(&secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_once_it_ends_after_the_first_release() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&["--once"]);
    // One that fails is none.
    let other = PrivateKey::generate(&mut owner::rng()).public();
    let error = owner::enclave_of(&owner, &service.address, &wanted(), &other, owner::HASTE).await;
    assert!(matches!(error, Err(OwnerError::NotTaken(_))), "{error:?}");
    enclave(&owner, &service.address).await.unwrap();
    let (status, said) = service.ended();
    assert_eq!(status.code(), Some(0), "{said}");

    let service = owner.start(&["--once"]);
    let (status, said) = service.stop();
    assert_eq!(status.code(), Some(128 + 15), "{said}");
    assert!(said.contains("no key was released"));
}

/// The image's --releaser-key is another: the enclave throws the key away, and tells the owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_releaser_is_thrown_away() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    let other = PrivateKey::generate(&mut owner::rng()).public();
    let error = owner::enclave_of(&owner, &service.address, &wanted(), &other, owner::HASTE).await;
    let error = error.unwrap_err();
    assert!(matches!(error, OwnerError::NotTaken(_)), "{error:?}");
    let log = service.log_after(2);
    assert_eq!(log[1]["outcome"], "not_taken");
    let message = log[1]["message"].as_str().unwrap();
    assert!(message.contains("K2") && message.contains("--releaser-key"));
}

/// Before the evidence is accepted, the service sends its challenge and no more (K12); and what it then says is the same
/// whatever it found.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_has_seen_a_challenge_and_a_refusal() {
    let owner = Owner::prepare(Quirk::Debug);
    let service = owner.start(&[]);
    let relay = owner::relay(&service.address, |_| Act::Pass).await;
    let error = enclave(&owner, &relay.endpoint).await.unwrap_err();
    assert!(matches!(error, OwnerError::Refused(Step::Key)), "{error:?}");
    let kinds: Vec<_> = relay.seen().iter().map(|frame| frame.kind).collect();
    assert_eq!(
        kinds,
        [FrameType::Hello, FrameType::Answer, FrameType::Refusal]
    );
}
