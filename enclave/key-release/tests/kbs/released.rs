//! What a KBS that checks everything releases.

use std::sync::Mutex;

use sealnote_key_release::evidence::TeeKind;
use sealnote_key_release::kbs::{KbsError, KbsUrl, Step};
use serde_json::json;

use crate::kit::{Authority, Server};
use crate::machines::{Liar, Snp, Tdx};
use crate::stub::{AUTHORITY, Answer, Kbs};
use crate::{KEY, release};

const ALL: [Step; 3] = [Step::Auth, Step::Attest, Step::Resource];

#[tokio::test]
async fn a_key_is_released_to_an_snp_guest() {
    for machine in [Snp::genoa(), Snp::turin()] {
        let kbs = Kbs::honest(&KEY, Some(machine.verifying_key())).await;
        let key = release(&kbs.service(), &machine).await.unwrap();
        assert_eq!(key.as_bytes(), &KEY);
        let seen = kbs.seen();
        assert_eq!((seen.steps, seen.complaints), (ALL.to_vec(), vec![]));
    }
}

#[tokio::test]
async fn a_key_is_released_to_a_tdx_guest() {
    let kbs = Kbs::honest(&KEY, None).await;
    let key = release(&kbs.service(), &Tdx::new()).await.unwrap();
    assert_eq!(key.as_bytes(), &KEY);
    let seen = kbs.seen();
    assert_eq!((seen.steps, seen.complaints), (ALL.to_vec(), vec![]));
}

/// The stub takes no key, nonce or cookie twice.
#[tokio::test]
async fn each_run_has_a_key_a_nonce_and_a_cookie_of_its_own() {
    let kbs = Kbs::honest(&KEY, None).await;
    let machine = Tdx::new();
    for _ in 0..3 {
        release(&kbs.service(), &machine).await.unwrap();
    }
    let seen = kbs.seen();
    assert_eq!(seen.public_keys.len(), 3);
    assert_eq!((seen.steps, seen.complaints), (ALL.repeat(3), vec![]));
}

/// What is bound is what was asked for: the stub finds out.
#[tokio::test]
async fn evidence_over_something_else_is_not_accepted() {
    let (snp, tdx) = (Snp::genoa(), Tdx::new());
    let liar = |says, gives| Liar {
        says,
        gives,
        over: Some([1; 64]),
    };
    for (liar, complaint) in [
        (liar(TeeKind::SevSnp, &snp), "the report's REPORT_DATA"),
        (liar(TeeKind::Tdx, &tdx), "the quote's REPORTDATA"),
    ] {
        let kbs = Kbs::honest(&KEY, Some(snp.verifying_key())).await;
        let error = release(&kbs.service(), &liar).await.unwrap_err();
        assert!(matches!(error, KbsError::NotAttested { status: 401 }));
        assert_eq!(kbs.seen().complaints, [complaint]);
    }
}

#[tokio::test]
async fn what_a_challenge_may_say_besides() {
    for extra_params in [
        json!(null),
        json!({}),
        json!({"selected-hash-algorithm": "sha384"}),
        json!({"selected-hash-algorithm": "SHA384"}),
    ] {
        let kbs = Kbs::start(&KEY, None, move |step, answer| match step {
            Step::Auth => answer.with_member("extra-params", extra_params.clone()),
            _ => answer,
        });
        assert!(release(&kbs.await.service(), &Tdx::new()).await.is_ok());
    }
}

/// Over TLS, the whole of it: the KBS's name is the URL's, and its roots are the image's.
#[tokio::test]
async fn a_kbs_over_https_is_known_by_its_name() {
    let authority = Authority::new();
    let (host, _) = AUTHORITY.split_once(':').unwrap();
    for (server_is, answered) in [(host, true), ("another.example.test", false)] {
        // The stub answers what goes over TLS as it answers in the clear.
        let stub = Kbs::honest(&KEY, None).await;
        let answering = stub.answering();
        let tls = Some(authority.server(server_is));
        let server = Server::start(tls, answering).await;
        let url: KbsUrl = format!("https://{AUTHORITY}").parse().unwrap();
        let service = url.service(server.via.clone(), Some(authority.roots()));
        let key = release(&service.unwrap(), &Tdx::new()).await;
        assert_eq!(key.is_ok(), answered);
        assert_eq!(server.received().len(), if answered { 3 } else { 0 });
    }
}

/// A run's answer opens by its own key alone, so what an earlier run was answered is worth nothing.
#[tokio::test]
async fn an_earlier_answer_opens_nothing() {
    let earlier: Mutex<Option<Answer>> = Mutex::default();
    let kbs = Kbs::start(&KEY, None, move |step, answer| match step {
        Step::Resource => earlier.lock().unwrap().get_or_insert(answer).clone(),
        _ => answer,
    });
    let (kbs, machine) = (kbs.await, Tdx::new());
    assert!(release(&kbs.service(), &machine).await.is_ok());
    let error = release(&kbs.service(), &machine).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "K10: the KBS's answer is not opened: it does not open by this run's key: it was made for another, or changed on the way"
    );
}
