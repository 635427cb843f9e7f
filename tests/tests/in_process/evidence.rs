//! Evidence that is not what the policy asks for: the right check fails, and nothing but the hello
//! has left the client.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use sealnote_client::{Appraisal, Client, ConnectError, EvidenceDigest, Note, SubmitError};
use sealnote_protocol::claims::Claims;
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::Answer;
use sealnote_tests::attester::{DevAttester, Quirk, policy};
use sealnote_tests::relay::{Act, Direction, Relay, Seen};
use sealnote_tests::rig::{Rig, Setup, client, submit_all};
use sealnote_verifier::{Policy, TrustRoots};
use serde_json::{Value, json};

use crate::common::{anywhere, short_notes, single};

/// What is demanded of which enclave, and what must come of it.
struct Case {
    quirk: Quirk,
    policy: Value,
    tamper: fn(&Seen) -> Act,
    check: &'static str,
    says: &'static str,
}

fn case(quirk: Quirk, check: &'static str, says: &'static str) -> Case {
    Case {
        quirk,
        policy: policy(),
        tamper: |_| Act::Pass,
        check,
        says,
    }
}

#[tokio::test]
async fn each_deviation_fails_its_own_check_before_anything_is_sealed() {
    let mut other_measurement = policy();
    other_measurement["measurements"][0]["pcr1"] = json!("77".repeat(48));
    let mut other_model = policy();
    other_model["model_digests"] = json!(["77".repeat(48)]);
    let mut other_machine = policy();
    other_machine["pins"] = json!({ "pcr4": ["77".repeat(48)] });
    let mut other_precision = policy();
    other_precision["precision"] = json!("f32");
    let none = Quirk::None;
    for case in [
        case(Quirk::Aged(Duration::from_secs(400)), "X9", "old"),
        case(Quirk::Aged(Duration::from_secs(4 * 3600)), "A16", "expired"),
        case(Quirk::Debug, "X6", "debug"),
        case(Quirk::OtherNonce, "X7", "nonce"),
        case(Quirk::OtherUserData, "X8", "claims"),
        case(Quirk::OtherKey, "B3", "key"),
        Case {
            policy: other_measurement,
            ..case(none, "X5", "PCR1")
        },
        Case {
            policy: other_machine,
            ..case(none, "X5", "PCR4")
        },
        Case {
            policy: other_model,
            ..case(none, "P3", "runs model")
        },
        Case {
            policy: other_precision,
            ..case(none, "P4", "int8")
        },
        Case {
            tamper: |frame| on_answer(frame, other_claims),
            ..case(none, "X8", "claims")
        },
        Case {
            tamper: |frame| on_answer(frame, flip_signature),
            ..case(none, "A21", "signature")
        },
    ] {
        rejected(case).await;
    }
}

async fn rejected(case: Case) {
    let setup = Setup {
        quirk: case.quirk,
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let relay = Relay::start(&anywhere(), rig.server.clone(), case.tamper)
        .await
        .unwrap();
    let policy = Policy::from_json(case.policy.to_string()).unwrap();
    let client = rig.client_at(&relay.endpoint).unwrap();
    let client = client.policy(policy).build();
    assert_rejected(&client, &relay, case.check, case.says).await;
}

async fn assert_rejected(client: &Client, relay: &Relay, check: &str, says: &str) {
    let submitted = submit_all(client, &short_notes(3)).await;
    let error = submitted.end.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("evidence rejected, check {check}: ")),
        "check {check}: {error}"
    );
    assert!(error.contains(says), "check {check}: {error}");
    assert!(submitted.outcomes.iter().all(Option::is_none));
    assert_eq!(relay.from_client(), [FrameType::Hello]);
}

#[tokio::test]
async fn an_observer_sees_every_appraisal_and_what_it_cannot_keep_gets_no_note() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let start = async || Relay::start(&anywhere(), rig.server.clone(), |_| Act::Pass).await;

    // Accepted, and named in the results.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let keep = move |appraisal: &Appraisal<'_>| {
        assert_eq!(
            appraisal.digest,
            EvidenceDigest::of(appraisal.saved.evidence)
        );
        log.lock()
            .unwrap()
            .push((appraisal.digest, appraisal.verdict.is_ok()));
        Ok(())
    };
    let relay = start().await.unwrap();
    let client = rig.client_at(&relay.endpoint).unwrap().observer(keep);
    let note = Note::new((), short_notes(1).remove(0));
    let result = client
        .clone()
        .build()
        .submit(stream::iter([note]))
        .next()
        .await;
    let evidence = result.unwrap().unwrap().evidence;
    assert_eq!(seen.lock().unwrap()[..], [(evidence, true)]);

    // Rejected.
    let relay = start().await.unwrap();
    let rejecting = client
        .server(relay.endpoint.clone())
        .roots(TrustRoots::vendors());
    assert_rejected(&rejecting.build(), &relay, "X1", "root").await;
    assert!(matches!(seen.lock().unwrap()[..], [_, (_, false)]));

    // Accepted, and not kept.
    let relay = start().await.unwrap();
    let full = |_: &Appraisal<'_>| Err(io::Error::other("the disk is full"));
    let client = rig.client_at(&relay.endpoint).unwrap().observer(full);
    let submitted = submit_all(&client.build(), &short_notes(3)).await;
    let error = submitted.end.unwrap_err();
    let not_kept = matches!(error, SubmitError::Connect(ConnectError::NotKept(_)));
    assert!(not_kept, "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(relay.from_client(), [FrameType::Hello]);
}

#[tokio::test]
async fn another_root_is_not_accepted() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = Relay::start(&anywhere(), rig.server.clone(), |_| Act::Pass)
        .await
        .unwrap();
    // Another development root, of the same names; and AWS's alone.
    let other = DevAttester::start(Quirk::None).unwrap().root_pem().unwrap();
    let client = client(relay.endpoint.clone(), &other, &policy()).unwrap();
    let client = client.build();
    assert_rejected(&client, &relay, "X1", "root").await;
    drop(relay);
    let relay = Relay::start(&anywhere(), rig.server.clone(), |_| Act::Pass)
        .await
        .unwrap();
    let client = client.to_builder().server(relay.endpoint.clone());
    let client = client.roots(TrustRoots::vendors()).build();
    assert_rejected(&client, &relay, "X1", "root").await;
}

#[tokio::test]
async fn a_recorded_answer_does_not_answer_another_challenge() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let recorder = Relay::start(&anywhere(), rig.server.clone(), |_| Act::Pass)
        .await
        .unwrap();
    let client = rig.client_at(&recorder.endpoint).unwrap().build();
    client.verify().await.unwrap();
    let recorded = recorder
        .seen()
        .into_iter()
        .find(|frame| frame.kind == FrameType::Answer)
        .unwrap();
    let relay = Relay::start(&anywhere(), rig.server.clone(), move |frame| {
        match frame.kind {
            FrameType::Answer => Act::Replace(recorded.bytes.clone()),
            _ => Act::Pass,
        }
    })
    .await
    .unwrap();
    let client = rig.client_at(&relay.endpoint).unwrap().build();
    assert_rejected(&client, &relay, "X7", "nonce").await;
}

#[tokio::test]
async fn suites_put_into_a_hello_or_taken_out_end_in_failure() {
    use sealnote_protocol::handshake::Hello;
    for (suites, says) in [
        (vec![], "refused"),
        (vec![2, 999], "did not confirm"),
        // The claims have the better suite all the same, and the client takes it.
        (vec![1], "refused"),
        (vec![999], "refused"),
    ] {
        let rig = Rig::start(single(), Setup::default()).await.unwrap();
        let relay = Relay::start(&anywhere(), rig.server.clone(), move |frame| {
            if frame.kind != FrameType::Hello {
                return Act::Pass;
            }
            let mut hello = Hello::from_frame(&frame.frame().unwrap()).unwrap();
            hello.suites.clone_from(&suites);
            Act::Replace(hello.to_frame().into_bytes())
        })
        .await
        .unwrap();
        let client = rig.client_at(&relay.endpoint).unwrap().build();
        let error = match client.verify().await {
            Ok(verified) => verified.open().await.err().unwrap(),
            Err(error) => error,
        };
        assert!(
            matches!(error, ConnectError::Refused | ConnectError::NotConfirmed(_)),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
        assert!(!relay.from_client().contains(&FrameType::Record));
    }
}

fn on_answer(frame: &Seen, change: fn(Answer) -> Answer) -> Act {
    if frame.direction == Direction::ToEnclave || frame.kind != FrameType::Answer {
        return Act::Pass;
    }
    let answer = Answer::from_frame(&frame.frame().unwrap()).unwrap();
    Act::Replace(change(answer).to_frame().into_bytes())
}

/// Well-formed claims of another model.
pub fn other_claims(mut answer: Answer) -> Answer {
    let at = answer
        .claims
        .windows(5)
        .position(|window| window == b"heart")
        .unwrap();
    answer.claims[at] ^= 1;
    <Claims>::decode(&answer.claims).unwrap();
    answer
}

fn flip_signature(mut answer: Answer) -> Answer {
    *answer.evidence.last_mut().unwrap() ^= 1;
    answer
}
