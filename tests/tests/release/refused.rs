//! Whom the service gives no key: each with the check, and what to do, in the owner's log.

use std::sync::Mutex;
use std::time::Duration;

use sealnote_key_release::Wanted;
use sealnote_key_release::owner::{OwnerError, Step};
use sealnote_model::ModelDigest;
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::Answer;
use sealnote_tests::attester::Quirk;
use sealnote_tests::relay::{Act, Seen};
use serde_json::{Value, json};

use crate::owner::{self, HASTE, Owner, enclave, enclave_of, owners_policy, wanted};

/// No key has left, and the last line is this.
fn assert_refused(log: &[Value], check: &str) {
    assert!(log.iter().all(|line| line["outcome"] != "releasing"));
    let last = log.last().unwrap();
    assert_eq!(last["outcome"], "refused", "{last}");
    assert_eq!(last["check"], check, "{last}");
    assert!(last["message"].as_str().unwrap().len() > 20, "{last}");
    assert_eq!(last["evidence_sha256"].as_str().unwrap().len(), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_deviates() {
    let day = Duration::from_secs(24 * 3600 - 60);
    for (quirk, check) in [
        (Quirk::Debug, "X5"),
        (Quirk::Aged(day), "X4"),
        (Quirk::OtherNonce, "X7"),
        (Quirk::OtherUserData, "X8"),
    ] {
        let owner = Owner::prepare(quirk);
        let service = owner.start(&[]);
        let error = enclave(&owner, &service.address).await.unwrap_err();
        assert!(matches!(error, OwnerError::Refused(Step::Key)), "{error:?}");
        assert!(error.to_string().contains("its log has a line"));
        assert_refused(&service.log_after(1), check);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_image_and_another_model() {
    let owner = Owner::prepare(Quirk::None);
    let mut policy = owners_policy();
    policy["measurements"][0]["pcr0"] = json!("5a".repeat(48));
    owner.write("policy.json", policy.to_string());
    let service = owner.start(&[]);
    let error = enclave(&owner, &service.address).await.unwrap_err();
    assert!(matches!(error, OwnerError::Refused(Step::Key)), "{error:?}");
    assert_refused(&service.log_after(1), "X6");
    drop(service);

    owner.write("policy.json", owners_policy().to_string());
    let service = owner.start(&[]);
    let another = Wanted {
        model: ModelDigest([0xd2; 48]),
        ..wanted()
    };
    let error = enclave_of(&owner, &service.address, &another, &owner.signer(), HASTE).await;
    let error = error.unwrap_err();
    assert!(matches!(error, OwnerError::Refused(Step::Key)), "{error:?}");
    assert_refused(&service.log_after(2), "P3");
}

/// An answer that was recorded answers no new challenge.
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_answer() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    let recorded = Mutex::new(None::<Vec<u8>>);
    let relay = owner::relay(&service.address, move |frame: &Seen| {
        let mut recorded = recorded.lock().unwrap();
        match (frame.kind, recorded.clone()) {
            (FrameType::Answer, Some(bytes)) => Act::Replace(bytes),
            (FrameType::Answer, None) => {
                *recorded = Some(frame.bytes.clone());
                Act::Pass
            }
            _ => Act::Pass,
        }
    });
    let relay = relay.await;
    enclave(&owner, &relay.endpoint).await.unwrap();
    let error = enclave(&owner, &relay.endpoint).await.unwrap_err();
    assert!(matches!(error, OwnerError::Refused(Step::Key)), "{error:?}");
    let log = service.log_after(3);
    assert_eq!(log.len(), 3);
    assert_eq!(log[2]["check"], "X7");
}

/// Somebody has a genuine enclave attest to the service's challenge, and puts claims with a key of their own beside it.
#[tokio::test(flavor = "multi_thread")]
async fn relayed_evidence() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    let claims = Mutex::new(None::<Vec<u8>>);
    let relay = owner::relay(&service.address, move |frame: &Seen| {
        if frame.kind != FrameType::Answer {
            return Act::Pass;
        }
        let mut answer = Answer::from_frame(&frame.frame().unwrap()).unwrap();
        match claims.lock().unwrap().replace(answer.claims.clone()) {
            // Claims of another connection: with another key, and well-formed.
            Some(claims) => {
                answer.claims = claims;
                Act::Replace(answer.to_frame().into_bytes())
            }
            None => Act::Pass,
        }
    });
    let relay = relay.await;
    enclave(&owner, &relay.endpoint).await.unwrap();
    let error = enclave(&owner, &relay.endpoint).await.unwrap_err();
    assert!(matches!(error, OwnerError::Refused(Step::Key)), "{error:?}");
    assert_eq!(service.log_after(3)[2]["check"], "X8");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_there_and_one_that_others_can_read() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    let unknown = Wanted {
        key_id: "ward/icd11".parse().unwrap(),
        ..wanted()
    };
    let error = enclave_of(&owner, &service.address, &unknown, &owner.signer(), HASTE).await;
    let error = error.unwrap_err();
    assert!(matches!(error, OwnerError::Refused(Step::Release)));
    let last = service.log_after(1).pop().unwrap();
    assert_eq!(last["outcome"], "refused");
    assert_eq!(last["key_id"], "ward/icd11");
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .contains("ward/icd11.key is not there")
    );

    owner::set_mode(owner.path("keys/ward/icd10.key"), 0o644);
    let error = enclave(&owner, &service.address).await.unwrap_err();
    assert!(matches!(error, OwnerError::Refused(Step::Release)));
    let last = service.log_after(2).pop().unwrap();
    assert!(last["message"].as_str().unwrap().contains("chmod 600"));

    // As soon as it is put right, it goes out.
    owner::set_mode(owner.path("keys/ward/icd10.key"), 0o600);
    enclave(&owner, &service.address).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_cap_is_reached() {
    for (flags, name) in [
        (&["--releases-per-hour", "2"][..], "--releases-per-hour 2"),
        (
            &["--releases-per-hour-of-a-key", "2"],
            "--releases-per-hour-of-a-key 2",
        ),
    ] {
        let owner = Owner::prepare(Quirk::None);
        let service = owner.start(flags);
        for _ in 0..2 {
            enclave(&owner, &service.address).await.unwrap();
        }
        let error = enclave(&owner, &service.address).await.unwrap_err();
        assert!(matches!(error, OwnerError::Full), "{error:?}");
        let log = service.log_after(5);
        assert_eq!(log[4]["outcome"], "capped");
        assert!(log[4]["message"].as_str().unwrap().contains(name));
    }
}
