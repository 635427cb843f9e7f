//! Evidence of a session: the map around quote and event log, and what it is bound to.

use sealnote_evidence::Evidence;
use sealnote_verifier::tdx::{VerifiedQuote, checks};
use sealnote_verifier::{Binding, UnixTime};
use serde_json::json;
use sha2::{Digest, Sha512};

use super::fixture::{Attempt, NOW};
use super::machine::{Form, REPORT_DATA};
use super::own_policy;

const KEY: &[u8] = b"a SubjectPublicKeyInfo, as far as is known here";

fn binding() -> Binding {
    Binding {
        protocol: "sealnote/2",
        challenge: [1; 32],
        claims: [2; 48],
    }
}

/// As PROTOCOL.md has it, written out by hand.
fn report_data(key: &[u8]) -> [u8; 64] {
    let mut bytes = b"sealnote/2 evidence\x00\x00\x03".to_vec();
    bytes.extend([1; 32]);
    bytes.extend([2; 48]);
    bytes.extend([0, 0, 0, key.len() as u8]);
    bytes.extend(key);
    Sha512::digest(bytes).into()
}

/// Evidence whose quote is bound to `bound`, beside `key`.
fn evidence(attempt: &mut Attempt, bound: &[u8], key: Option<&[u8]>) -> Vec<u8> {
    attempt.machine.set(REPORT_DATA, &report_data(bound));
    let (report, log) = (attempt.quote(), attempt.machine.event_log());
    let evidence = Evidence {
        report: &report,
        public_key: key,
        event_log: attempt.has_log.then_some(&log),
        vtpm: None,
    };
    evidence.encode()
}

fn appraise(
    attempt: &Attempt,
    evidence: &[u8],
    binding: &Binding,
) -> Result<VerifiedQuote, &'static str> {
    let rules = own_policy::load(&attempt.rules).expect("rules");
    let now = UnixTime::from_seconds(NOW);
    let (collateral, roots) = (attempt.collateral(), &attempt.roots);
    let checked = rules.check_evidence(evidence, &collateral, binding, roots, now);
    checked.map_err(|rejection| rejection.check().id())
}

#[test]
fn evidence_is_bound_to_protocol_challenge_claims_and_key() {
    let mut attempt = Attempt::new(Form::V4);
    attempt.rules["measurements"][0]["least_suite"] = json!(2);
    for key in [None, Some(KEY)] {
        let bytes = evidence(&mut attempt, key.unwrap_or_default(), key);
        let quote = appraise(&attempt, &bytes, &binding()).expect("it is bound");
        assert_eq!(quote.public_key(), key);
        assert_eq!(quote.measurement_set(), "fixture");
        assert_eq!(quote.least_suite(), Some(2));
        assert_eq!(quote.passed(), checks::ALL);
        for other in [
            Binding {
                protocol: "sealnote/3",
                ..binding()
            },
            Binding {
                challenge: [3; 32],
                ..binding()
            },
            Binding {
                claims: [3; 48],
                ..binding()
            },
        ] {
            assert_eq!(appraise(&attempt, &bytes, &other).err(), Some("B1"));
        }
    }
}

#[test]
fn another_key_or_none_is_refused() {
    let mut attempt = Attempt::new(Form::V5Td15);
    for (bound, beside) in [(KEY, None), (&b""[..], Some(KEY)), (KEY, Some(&KEY[1..]))] {
        let bytes = evidence(&mut attempt, bound, beside);
        assert_eq!(appraise(&attempt, &bytes, &binding()).err(), Some("B1"));
    }
}

#[test]
fn an_event_log_is_checked_where_there_is_one() {
    let mut attempt = Attempt::new(Form::V4);
    attempt.has_log = false;
    let bytes = evidence(&mut attempt, b"", None);
    let quote = appraise(&attempt, &bytes, &binding()).expect("its registers are pinned");
    assert!(!quote.passed().contains(&checks::T22));
    attempt.has_log = true;
    attempt.machine.events.pop();
    let bytes = evidence(&mut attempt, b"", None);
    assert_eq!(appraise(&attempt, &bytes, &binding()).err(), Some("T22"));
}

#[test]
fn evidence_is_one_strict_map() {
    let mut attempt = Attempt::new(Form::V4);
    let good = evidence(&mut attempt, KEY, Some(KEY));
    assert!(appraise(&attempt, &good, &binding()).is_ok());
    let edits: [fn(&mut Vec<u8>); 9] = [
        |bytes| bytes.extend([0; 96 * 1024]),
        |bytes| bytes.push(0),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.clear(),
        |bytes| bytes[0] = 0xa2,
        |bytes| bytes[0] = 0xa4,
        |bytes| bytes[1] = 2,
        |bytes| {
            bytes[0] = 0xbf;
            bytes.push(0xff);
        },
        // Field 4, of a vTPM.
        |bytes| {
            bytes[0] = 0xa4;
            bytes.extend([4, 0x40]);
        },
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let mut bytes = good.clone();
        edit(&mut bytes);
        let found = appraise(&attempt, &bytes, &binding()).err();
        assert_eq!(found, Some("T1"), "edit {index}");
    }
    // The quote by itself, which is what a device gives.
    let quote = attempt.quote();
    assert_eq!(appraise(&attempt, &quote, &binding()).err(), Some("T1"));
}
