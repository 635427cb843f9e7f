//! Sessions over evidence of other kinds than Nitro's: the same scores, and nothing of one kind, session or machine that
//! passes for another's.

#[path = "kinds/azure_vtpm.rs"]
mod azure_vtpm;
#[path = "kinds/swtpm.rs"]
mod swtpm;
#[path = "kinds/tdx.rs"]
mod tdx;

use sealnote_client::Client;
use sealnote_enclave::attester::software::{Software, SoftwareKind};
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::{Answer, EvidenceKind};
use sealnote_tests::relay::{Act, Relay, Seen};
use sealnote_tests::rig::{Rig, Setup, Submitted, client, submit_all};
use sealnote_verifier::{Policy, TrustRoots};
use serde_json::{Value, json};

use super::evidence::other_claims;
use crate::common::{anywhere, reference_notes, short_notes, single};

const NITRO: EvidenceKind = EvidenceKind(1);
const SEV_SNP: EvidenceKind = EvidenceKind(2);
const TDX: EvidenceKind = EvidenceKind(3);
const AZURE_VTPM: EvidenceKind = EvidenceKind(4);

/// What an answer carries, to be put into another.
#[derive(Clone)]
struct Carried {
    evidence: Vec<u8>,
    endorsements: Option<Vec<u8>>,
}

async fn rig(kind: SoftwareKind) -> Rig {
    let software = Software::start(kind, &single().engine.info().digest).unwrap();
    let setup = Setup {
        attester: Some(software),
        ..Setup::default()
    };
    Rig::start(single(), setup).await.unwrap()
}

/// Trusts all of them, and has the rules of all.
fn of_all(rigs: &[&Rig]) -> (Policy, TrustRoots) {
    let mut roots = TrustRoots::vendors();
    for rig in rigs {
        roots.danger_add_development_root(rig.root_pem()).unwrap();
    }
    let mut policy = json!({"version": 2, "evidence": {}});
    for rig in rigs {
        // That of Nitro is as nitro-cli prints it.
        let nitro = &rig.policy()["Measurements"];
        let rules = match nitro.is_null() {
            true => rig.policy()["evidence"].clone(),
            false => json!({"nitro": {"measurements": [{
                "label": "software attester",
                "pcr0": nitro["PCR0"], "pcr1": nitro["PCR1"], "pcr2": nitro["PCR2"],
            }]}}),
        };
        let rules = rules.as_object().unwrap().clone();
        policy["evidence"].as_object_mut().unwrap().extend(rules);
    }
    (Policy::from_json(policy.to_string()).unwrap(), roots)
}

fn bits(submitted: &Submitted) -> Vec<Vec<u32>> {
    assert!(matches!(submitted.end, Ok(None)), "{:?}", submitted.end);
    let outcomes = submitted.outcomes.iter();
    let scores = outcomes.map(|outcome| &outcome.as_ref().unwrap().as_ref().unwrap().scores);
    scores
        .map(|scores| scores.iter().map(|score| score.to_bits()).collect())
        .collect()
}

/// What this rig answers to a hello of another session.
async fn recorded(rig: &Rig) -> Carried {
    let at = anywhere();
    let recorder = Relay::start(&at, rig.server.clone(), |_| Act::Pass);
    let recorder = recorder.await.unwrap();
    let client = rig.client_at(&recorder.endpoint).unwrap().build();
    client.verify().await.unwrap();
    let seen = recorder.seen();
    let mut answers = seen.iter();
    let answer = answers.rfind(|frame| frame.kind == FrameType::Answer);
    let answer = answer.unwrap().frame().unwrap();
    let answer = Answer::from_frame(&answer).unwrap();
    Carried {
        evidence: answer.evidence,
        endorsements: answer.endorsements,
    }
}

#[tokio::test]
async fn scores_are_those_of_nitro_to_the_bit_under_one_policy_for_all() {
    let (nitro, snp, tdx, vtpm) = (
        rig(SoftwareKind::Nitro).await,
        rig(SoftwareKind::SevSnp).await,
        rig(SoftwareKind::Tdx).await,
        rig(SoftwareKind::AzureVtpm).await,
    );
    let (policy, roots) = of_all(&[&nitro, &snp, &tdx, &vtpm]);
    let notes = reference_notes("tiny-bert-single");
    let mut scores = Vec::new();
    for (rig, kind) in [
        (&nitro, "nitro"),
        (&snp, "sev-snp"),
        (&tdx, "tdx"),
        (&vtpm, "azure-vtpm"),
    ] {
        let client = rig.client_at(&rig.server).unwrap();
        let own = bits(&submit_all(&client.clone().build(), &notes).await);
        let client = client.policy(policy.clone()).roots(roots.clone()).build();
        assert_eq!(bits(&submit_all(&client, &notes).await), own);
        let verified = client.verify().await.unwrap();
        let facts = verified.evidence().facts();
        assert_eq!(facts.kind().name(), kind);
        assert!(facts.is_development());
        scores.push(own);
    }
    assert!(scores.iter().all(|others| *others == scores[0]));
    assert!(!scores[0].is_empty() && scores[0].iter().all(|scores| !scores.is_empty()));
}

type Tamper = Box<dyn Fn(Answer) -> Answer + Send + Sync>;

/// The same claims under other evidence.
fn with(kind: EvidenceKind, carried: Carried) -> Tamper {
    Box::new(move |answer| {
        let carried = carried.clone();
        let mut other = Answer::new(kind, carried.evidence, answer.claims);
        other.endorsements = carried.endorsements;
        other
    })
}

/// The answer as it is.
fn pass() -> Tamper {
    Box::new(|answer| answer)
}

/// The answer's own evidence and endorsements under another kind's number.
fn said_to_be(kind: EvidenceKind) -> Tamper {
    Box::new(move |answer| {
        let mut other = Answer::new(kind, answer.evidence, answer.claims);
        other.endorsements = answer.endorsements;
        other
    })
}

/// The answer's own evidence beside other endorsements.
fn endorsed(endorsements: Option<Vec<u8>>) -> Tamper {
    Box::new(move |mut answer| {
        answer.endorsements.clone_from(&endorsements);
        answer
    })
}

#[tokio::test]
async fn evidence_of_another_kind_session_or_machine_fails_its_check_before_anything_is_sealed() {
    let (nitro, snp, other_snp) = (
        rig(SoftwareKind::Nitro).await,
        rig(SoftwareKind::SevSnp).await,
        rig(SoftwareKind::SevSnp).await,
    );
    // The other machine's root is trusted too, so that its endorsements hold by themselves.
    let (policy, mut roots) = of_all(&[&nitro, &snp]);
    roots
        .danger_add_development_root(other_snp.root_pem())
        .unwrap();
    let trusting = |rig: &Rig| {
        let client = rig.client_at(&rig.server).unwrap();
        client.policy(policy.clone()).roots(roots.clone()).build()
    };
    let of_nitro = recorded(&nitro).await;
    let of_snp = recorded(&snp).await;
    let of_other = recorded(&other_snp).await;
    let endorsed_nitro = Carried {
        endorsements: of_snp.endorsements.clone(),
        ..of_nitro.clone()
    };
    let cases: [(&str, &Rig, Tamper, &str); 13] = [
        (
            "a document as a report",
            &snp,
            with(SEV_SNP, endorsed_nitro.clone()),
            "S1",
        ),
        (
            "a report as a document",
            &nitro,
            with(NITRO, unendorsed(&of_snp)),
            "A1",
        ),
        (
            "a document with endorsements",
            &nitro,
            with(NITRO, endorsed_nitro),
            "P1",
        ),
        (
            "a report of another session",
            &snp,
            with(SEV_SNP, of_snp.clone()),
            "B1",
        ),
        (
            "a document of another session",
            &nitro,
            with(NITRO, of_nitro.clone()),
            "X7",
        ),
        (
            "a report where a document is due",
            &nitro,
            with(SEV_SNP, of_snp.clone()),
            "B1",
        ),
        (
            "a document where a report is due",
            &snp,
            with(NITRO, of_nitro),
            "X7",
        ),
        (
            "another machine's report",
            &snp,
            with(SEV_SNP, of_other.clone()),
            "B1",
        ),
        (
            "another machine's endorsements",
            &snp,
            endorsed(of_other.endorsements),
            "S11",
        ),
        ("no endorsements", &snp, endorsed(None), "P1"),
        (
            "half of the endorsements",
            &snp,
            endorsed(half(&of_snp.endorsements)),
            "S6",
        ),
        ("other claims", &snp, Box::new(other_claims), "B1"),
        ("another key", &snp, Box::new(other_key), "B1"),
    ];
    for (name, rig, tamper, check) in cases {
        refused(name, trusting(rig), tamper, check).await;
    }

    for (name, server, policy, check) in [
        (
            "a report to a policy for documents",
            &snp,
            nitro.policy().clone(),
            "P1",
        ),
        (
            "a document to a policy for reports",
            &nitro,
            snp.policy().clone(),
            "P1",
        ),
        ("another chip", &snp, other_chip(snp.policy()), "S25"),
        (
            "another measurement",
            &snp,
            other_measurement(snp.policy()),
            "S21",
        ),
    ] {
        let policy = Policy::from_json(policy.to_string()).unwrap();
        let client = trusting(server).to_builder().policy(policy).build();
        refused(name, client, pass(), check).await;
    }
    // Another root of the same name, and AMD's alone.
    let other = client(snp.server.clone(), other_snp.root_pem(), snp.policy());
    refused("another root", other.unwrap().build(), pass(), "S7").await;
    let amd = trusting(&snp).to_builder().roots(TrustRoots::vendors());
    refused("no development root", amd.build(), pass(), "S7").await;
}

async fn refused(name: &str, client: Client, tamper: Tamper, check: &str) {
    let to_client = move |frame: &Seen| match frame.kind {
        FrameType::Answer => {
            let answer = Answer::from_frame(&frame.frame().unwrap()).unwrap();
            Act::Replace(tamper(answer).to_frame().into_bytes())
        }
        _ => Act::Pass,
    };
    let at = anywhere();
    let relay = Relay::start(&at, client.server().clone(), to_client);
    let relay = relay.await.unwrap();
    let client = client.to_builder().server(relay.endpoint.clone()).build();
    let submitted = submit_all(&client, &short_notes(3)).await;
    let error = submitted.end.unwrap_err().to_string();
    let expected = format!("evidence rejected, check {check}: ");
    assert!(error.starts_with(&expected), "{name}: {error}");
    assert!(submitted.outcomes.iter().all(Option::is_none), "{name}");
    assert_eq!(relay.from_client(), [FrameType::Hello], "{name}");
}

fn unendorsed(carried: &Carried) -> Carried {
    Carried {
        endorsements: None,
        ..carried.clone()
    }
}

fn half(endorsements: &Option<Vec<u8>>) -> Option<Vec<u8>> {
    let all = endorsements.as_ref().unwrap();
    Some(all[..all.len() / 2].to_vec())
}

/// Another key of suite 1 beside the same report or quote.
fn other_key(mut answer: Answer) -> Answer {
    let mut evidence = sealnote_evidence::Evidence::decode(&answer.evidence, 1 << 16).unwrap();
    let mut key = evidence.public_key.unwrap().to_vec();
    // Inside the modulus: another key, but a well-formed one.
    key[100] ^= 1;
    evidence.public_key = Some(&key);
    answer.evidence = evidence.encode();
    answer
}

fn other_chip(policy: &Value) -> Value {
    let mut policy = policy.clone();
    policy["evidence"]["sev-snp"]["chip_ids"] = json!(["77".repeat(64)]);
    policy
}

fn other_measurement(policy: &Value) -> Value {
    let mut policy = policy.clone();
    policy["evidence"]["sev-snp"]["measurements"][0]["measurement"] = json!("77".repeat(48));
    policy
}
