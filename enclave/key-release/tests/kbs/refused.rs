//! Every way in which a KBS gives no key, each with its error and what to do.

use std::sync::Mutex;
use std::time::Duration;

use sealnote_key_release::evidence::TeeKind;
use sealnote_key_release::http::{HttpError, MAX_BODY, Service};
use sealnote_key_release::kbs::{KbsError, MAX_NONCE_LEN, Step, WITHIN};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::machines::{Liar, NoTee, Snp, Tdx};
use crate::stub::{AUTHORITY, Answer, Kbs, MARK, refusal};
use crate::{KEY, release};

/// Why there is no key from a KBS whose answers are tampered with, and up to which step it was asked.
async fn refused(
    tamper: impl Fn(Step, Answer) -> Answer + Send + Sync + 'static,
) -> (KbsError, Option<Step>) {
    let kbs = Kbs::start(&KEY, None, tamper).await;
    let error = release(&kbs.service(), &Tdx::new()).await.unwrap_err();
    says_what_to_do(&error);
    (error, kbs.seen().steps.last().copied())
}

/// `answer` instead of what the stub says at this step.
async fn refused_with(at: Step, answer: Answer) -> KbsError {
    let (error, last) = refused(move |step, honest| match step == at {
        true => answer.clone(),
        false => honest,
    })
    .await;
    assert_eq!(last, Some(at), "nothing is sent after a refusal");
    error
}

fn says_what_to_do(error: &KbsError) {
    let text = error.to_string();
    assert!(!text.contains(MARK), "{text}");
    let has_id = text.starts_with('K') || matches!(error, KbsError::Http(_));
    assert!(has_id && text.len() > 40, "{text}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let version = "KBS Client Protocol Version Mismatch: expect =0.5.0 while the request is 0.4.0";
    type Is = fn(&KbsError) -> bool;
    let cases: [(Step, Answer, Is); 9] = [
        (Step::Auth, refusal(401, "AttestationError", version), |e| {
            matches!(e, KbsError::Version)
        }),
        (Step::Auth, refusal(401, "AttestationError", "-"), |e| {
            matches!(e, KbsError::NoChallenge { status: 401 })
        }),
        (Step::Attest, refusal(401, "AttestationError", "-"), |e| {
            matches!(e, KbsError::NotAttested { status: 401 })
        }),
        (Step::Resource, refusal(403, "PolicyDeny", "-"), |e| {
            matches!(e, KbsError::Denied)
        }),
        (Step::Resource, refusal(404, "PluginNotFound", "-"), |e| {
            matches!(e, KbsError::NoResource)
        }),
        (
            Step::Resource,
            refusal(401, "PluginInternalError", "-"),
            |e| matches!(e, KbsError::NoResource),
        ),
        (Step::Resource, refusal(401, "TokenNotFound", "-"), |e| {
            matches!(e, KbsError::NoSession)
        }),
        (Step::Resource, refusal(500, "-", "-"), |e| {
            matches!(
                e,
                KbsError::Status {
                    step: Step::Resource,
                    status: 500
                }
            )
        }),
        (Step::Attest, refusal(403, "-", "-"), |e| {
            matches!(
                e,
                KbsError::Status {
                    step: Step::Attest,
                    status: 403
                }
            )
        }),
    ];
    for (step, answer, is) in cases {
        let error = refused_with(step, answer).await;
        assert!(is(&error), "{error:?}");
    }
}

/// Nor is another answer of success than 200 one, and no redirection is followed.
#[tokio::test]
async fn success_is_200() {
    for at in [Step::Auth, Step::Attest, Step::Resource] {
        for status in [201, 204, 302, 307] {
            let (error, last) = refused(move |step, mut answer| {
                if step == at {
                    answer.status = status;
                    answer.headers.push("location: /kbs/v0/auth".to_owned());
                    if status == 204 {
                        answer.body.clear();
                    }
                }
                answer
            })
            .await;
            assert!(
                matches!(error, KbsError::Status { step, status: said } if step == at && said == status),
                "{error:?}"
            );
            assert_eq!(last, Some(at));
        }
    }
}

#[tokio::test]
async fn a_challenge_has_a_nonce_that_can_be_used() {
    let long = "n".repeat(MAX_NONCE_LEN + 1);
    for nonce in [
        json!(""),
        json!(long),
        json!("a\nb"),
        json!("é"),
        json!(7),
        json!(null),
    ] {
        let (error, last) = refused(move |step, answer| match step {
            Step::Auth => answer.with_member("nonce", nonce.clone()),
            _ => answer,
        })
        .await;
        assert!(matches!(error, KbsError::Challenge), "{error:?}");
        assert_eq!(last, Some(Step::Auth));
    }
    for body in [
        "",
        "[]",
        "{}",
        r#"{"nonce":"a","nonce":"a","extra-params":""}"#,
    ] {
        let (error, _) = refused(move |step, mut answer| {
            if step == Step::Auth {
                answer.body = body.as_bytes().to_vec();
            }
            answer
        })
        .await;
        assert!(matches!(error, KbsError::Challenge), "{error:?}");
    }
}

#[tokio::test]
async fn what_was_not_offered_is_not_taken() {
    for extra_params in [
        json!("sha384"),
        json!(7),
        json!([]),
        json!({"selected-hash-algorithm": "sha512"}),
        json!({"selected-hash-algorithm": "sha256"}),
        json!({"selected-hash-algorithm": null}),
        json!({"selected-hash-algorithm": "sha384", "another": ""}),
        json!({"another": "sha384"}),
    ] {
        let (error, last) = refused(move |step, answer| match step {
            Step::Auth => answer.with_member("extra-params", extra_params.clone()),
            _ => answer,
        })
        .await;
        assert!(matches!(error, KbsError::ExtraParams), "{error:?}");
        assert_eq!(last, Some(Step::Auth));
    }
}

#[tokio::test]
async fn a_session_has_one_cookie() {
    let cookie = |value: &str| format!("set-cookie: kbs-session-id={value}; Path=/");
    for (at, headers) in [
        (Step::Auth, vec![]),
        (Step::Auth, vec!["set-cookie: another=1".to_owned()]),
        (Step::Auth, vec!["set-cookie: kbs-session-id".to_owned()]),
        (Step::Auth, vec!["set-cookie: kbs-session-id2=1".to_owned()]),
        (Step::Auth, vec![cookie("")]),
        (Step::Auth, vec![cookie("a b")]),
        (Step::Auth, vec![cookie("\"a\"")]),
        (Step::Auth, vec![cookie("a,b")]),
        (Step::Auth, vec![cookie("é")]),
        (Step::Auth, vec![cookie(&"a".repeat(257))]),
        (Step::Auth, vec![cookie("a"), cookie("a")]),
        (Step::Attest, vec![cookie("another")]),
    ] {
        let (error, last) = refused(move |step, mut answer| {
            if step == at {
                answer.headers = headers.clone();
            }
            answer
        })
        .await;
        assert!(matches!(error, KbsError::Cookie), "{error:?}");
        assert_eq!(last, Some(at));
    }
}

/// What a middleman kept of one run fits no other: the KBS takes neither nonce nor cookie again.
#[tokio::test]
async fn an_earlier_challenge_is_not_attested_again() {
    type Splice = fn(&Answer, Answer) -> Answer;
    let nonce: Splice = |first, answer| {
        let first: Value = serde_json::from_slice(&first.body).unwrap();
        answer.with_member("nonce", first["nonce"].clone())
    };
    let cookie: Splice = |first, answer| Answer {
        headers: first.headers.clone(),
        ..answer
    };
    let both: Splice = |first, _| first.clone();
    for (splice, complaint) in [
        (nonce, "another session's nonce"),
        (cookie, "a cookie used twice"),
        (both, "a cookie used twice"),
    ] {
        let first: Mutex<Option<Answer>> = Mutex::default();
        let kbs = Kbs::start(&KEY, None, move |step, answer| match step {
            Step::Auth => {
                let mut first = first.lock().unwrap();
                splice(first.get_or_insert(answer.clone()), answer)
            }
            _ => answer,
        });
        let (kbs, machine) = (kbs.await, Tdx::new());
        assert!(release(&kbs.service(), &machine).await.is_ok());
        let error = release(&kbs.service(), &machine).await.unwrap_err();
        assert!(
            matches!(error, KbsError::NotAttested { status: 401 }),
            "{error:?}"
        );
        assert_eq!(kbs.seen().complaints, [complaint]);
        let [first, second] = &kbs.seen().attestations[..] else {
            panic!("two runs attest twice");
        };
        let key = |attestation: &Value| attestation["runtime-data"]["tee-pubkey"].clone();
        assert_ne!(key(first), key(second));
    }
}

#[tokio::test]
async fn a_resource_is_the_key_itself() {
    for len in [0, 16, 31, 33, 64] {
        let kbs = Kbs::honest(&vec![7; len], None).await;
        let error = release(&kbs.service(), &Tdx::new()).await.unwrap_err();
        says_what_to_do(&error);
        assert!(
            matches!(error, KbsError::Key(wrong) if wrong.len == len),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_is_short() {
    for at in [Step::Auth, Step::Attest, Step::Resource] {
        let (error, last) = refused(move |step, mut answer| {
            if step == at {
                answer.body = vec![b' '; MAX_BODY + 1];
            }
            answer
        })
        .await;
        assert!(
            matches!(error, KbsError::Http(HttpError::Body { .. })),
            "{error:?}"
        );
        assert_eq!(last, Some(at));
    }
}

#[tokio::test]
async fn a_kbs_may_be_away() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let via = format!("tcp:{}", gone.local_addr().unwrap());
    drop(gone);
    let service = Service::in_the_clear(AUTHORITY, via.parse().unwrap()).unwrap();
    let error = release(&service, &Tdx::new()).await.unwrap_err();
    says_what_to_do(&error);
    assert!(
        matches!(error, KbsError::Http(HttpError::NoWay { .. })),
        "{error:?}"
    );
}

/// Nobody answers, and the clock goes on by itself.
#[tokio::test(start_paused = true)]
async fn a_kbs_may_be_slow() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let via = format!("tcp:{}", silent.local_addr().unwrap());
    let service = Service::in_the_clear(AUTHORITY, via.parse().unwrap()).unwrap();
    let error = release(&service, &Tdx::new()).await.unwrap_err();
    says_what_to_do(&error);
    assert!(
        matches!(error, KbsError::Http(HttpError::Timeout { within, .. }) if within == WITHIN),
        "{error:?}"
    );
    assert!(
        WITHIN >= Duration::from_secs(30),
        "endorsements are fetched over a network"
    );
}

/// Before anything is sent, or before evidence is.
#[tokio::test]
async fn a_machine_may_have_no_evidence_for_a_kbs() {
    let kbs = Kbs::honest(&KEY, None).await;
    let error = release(&kbs.service(), &NoTee).await.unwrap_err();
    says_what_to_do(&error);
    assert!(matches!(error, KbsError::Evidence(_)), "{error:?}");
    assert_eq!(kbs.seen().steps, []);

    let (snp, tdx) = (Snp::genoa(), Tdx::new());
    for liar in [
        Liar {
            says: TeeKind::Tdx,
            gives: &snp,
            over: None,
        },
        Liar {
            says: TeeKind::SevSnp,
            gives: &tdx,
            over: None,
        },
    ] {
        let kbs = Kbs::honest(&KEY, None).await;
        let error = release(&kbs.service(), &liar).await.unwrap_err();
        says_what_to_do(&error);
        assert!(matches!(error, KbsError::Kind), "{error:?}");
        assert_eq!(kbs.seen().steps, [Step::Auth]);
    }

    let mut old = Snp::genoa();
    old.machine.report_version = 2;
    let kbs = Kbs::honest(&KEY, None).await;
    let error = release(&kbs.service(), &old).await.unwrap_err();
    says_what_to_do(&error);
    assert!(matches!(error, KbsError::Report(_)), "{error:?}");
    assert_eq!(kbs.seen().steps, [Step::Auth]);
}

#[tokio::test]
async fn another_resource_is_another_one() {
    let kbs = Kbs::honest(&KEY, None).await;
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let machine = Tdx::new();
    let other = ["sealnote", "model-key", "default.2"].map(str::to_owned);
    let error = sealnote_key_release::kbs::release(&other, &kbs.service(), &machine, rng).await;
    assert!(matches!(error, Err(KbsError::NoResource)));
    let no_path = ["a b", "c", "d"].map(str::to_owned);
    let error = sealnote_key_release::kbs::release(&no_path, &kbs.service(), &machine, rng).await;
    assert!(matches!(error, Err(KbsError::Resource)));
}
