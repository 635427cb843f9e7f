//! Evidence of a session: the map around the report, and what it is bound to.

use sealnote_evidence::{Evidence, MapError};
use sealnote_verifier::sev_snp::wire::Endorsements;
use sealnote_verifier::{Binding, Facts, Kind, P1, Policy, RawEvidence, Rejection};
use sha2::{Digest, Sha512};

use super::FIXTURE;
use super::fixture::{Attempt, Base, NOW};

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
    let mut bytes = b"sealnote/2 evidence\x00\x00\x02".to_vec();
    bytes.extend([1; 32]);
    bytes.extend([2; 48]);
    bytes.extend([0, 0, 0, key.len() as u8]);
    bytes.extend(key);
    Sha512::digest(bytes).into()
}

/// Evidence whose report is bound to `bound`, beside `key`.
fn evidence(attempt: &mut Attempt<'_>, bound: &[u8], key: Option<&[u8]>) -> Vec<u8> {
    attempt.set(0x50, &report_data(bound));
    let report = attempt.signed();
    let evidence = Evidence {
        report: &report,
        public_key: key,
        ..Evidence::default()
    };
    evidence.encode()
}

fn appraise(
    attempt: &Attempt<'_>,
    evidence: &[u8],
    binding: &Binding,
) -> Result<Facts, &'static str> {
    let endorsements = attempt.endorsements();
    let evidence = RawEvidence {
        kind: Kind::SevSnp,
        bytes: evidence,
        endorsements: Some(&endorsements),
    };
    let now = sealnote_verifier::UnixTime::from_seconds(NOW);
    let policy = attempt.policy();
    let result = policy.appraise(evidence, binding, &attempt.roots, now);
    result
        .map(|result| result.into_log().0)
        .map_err(|rejection| rejection.check().id())
}

#[test]
fn evidence_is_bound_to_protocol_challenge_claims_and_key() {
    let mut attempt = FIXTURE.attempt(Base::Genoa);
    attempt.rules["measurements"][0]["least_suite"] = serde_json::json!(2);
    for key in [None, Some(KEY)] {
        let bytes = evidence(&mut attempt, key.unwrap_or_default(), key);
        let facts = appraise(&attempt, &bytes, &binding()).expect("it is bound");
        assert_eq!(facts.kind(), Kind::SevSnp);
        assert_eq!(facts.public_key(), key);
        assert_eq!(facts.measurement_set(), "fixture");
        assert_eq!(facts.least_suite(), Some(2));
        assert!(facts.is_development());
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
    let mut attempt = FIXTURE.attempt(Base::Genoa);
    for (bound, beside) in [(KEY, None), (&b""[..], Some(KEY)), (KEY, Some(&KEY[1..]))] {
        let bytes = evidence(&mut attempt, bound, beside);
        assert_eq!(appraise(&attempt, &bytes, &binding()).err(), Some("B1"));
    }
}

#[test]
fn evidence_is_one_strict_map() {
    let mut attempt = FIXTURE.attempt(Base::Genoa);
    let good = evidence(&mut attempt, KEY, Some(KEY));
    assert!(appraise(&attempt, &good, &binding()).is_ok());
    let edits: [fn(&mut Vec<u8>); 8] = [
        |bytes| bytes.push(0),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.clear(),
        |bytes| bytes[0] = 0xa1,
        |bytes| bytes[0] = 0xa3,
        |bytes| bytes[1] = 2,
        |bytes| {
            bytes[0] = 0xbf;
            bytes.push(0xff);
        },
        |bytes| bytes.extend([0; 4096]),
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let mut bytes = good.clone();
        edit(&mut bytes);
        assert_eq!(
            appraise(&attempt, &bytes, &binding()).err(),
            Some("S1"),
            "edit {index}"
        );
    }
    // The report by itself, which is what a device gives.
    let report = attempt.signed();
    assert_eq!(appraise(&attempt, &report, &binding()).err(), Some("S1"));
}

#[test]
fn a_map_is_read_as_it_is_written() {
    let endorsements = Endorsements {
        leaf: b"leaf",
        intermediate: b"ASK",
        crl: None,
    };
    assert_eq!(
        Endorsements::decode(&endorsements.encode()),
        Ok(endorsements)
    );
    // {1: "", 2: "", 4: ""}; and a count that is a lie.
    let other = [0xa3, 1, 0x40, 2, 0x40, 4, 0x40];
    assert_eq!(Endorsements::decode(&other), Err(MapError::Keys));
    let lie = [0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(Endorsements::decode(&lie), Err(MapError::Encoding));
}

#[test]
fn a_kind_needs_its_own_rules_and_endorsements() {
    let mut attempt = FIXTURE.attempt(Base::Genoa);
    let bytes = evidence(&mut attempt, b"", None);
    let endorsements = attempt.endorsements();
    let of_nitro = format!(
        r#"{{"Measurements": {{"PCR0": "{0}", "PCR1": "{0}", "PCR2": "{0}"}}}}"#,
        "11".repeat(48)
    );
    let of_nitro = Policy::from_json(of_nitro).expect("a policy");
    let of_snp = attempt.policy();
    let now = sealnote_verifier::UnixTime::from_seconds(NOW);
    let appraise = |policy: &Policy, kind, endorsements| {
        let evidence = RawEvidence {
            kind,
            bytes: &bytes,
            endorsements,
        };
        let result = policy.appraise(evidence, &binding(), &attempt.roots, now);
        let rejection = result.expect_err("it must not pass");
        assert_eq!(rejection.check(), P1);
        rejection
    };
    assert_eq!(
        appraise(&of_snp, Kind::SevSnp, None),
        Rejection::NoEndorsements(Kind::SevSnp)
    );
    assert_eq!(
        appraise(&of_snp, Kind::Nitro, None),
        Rejection::Kind(Kind::Nitro)
    );
    assert_eq!(
        appraise(&of_nitro, Kind::SevSnp, Some(&endorsements)),
        Rejection::Kind(Kind::SevSnp)
    );
}

/// On AWS every guest has the firmware's measurement.
#[test]
fn a_report_of_aws_is_no_sessions_evidence() {
    let mut attempt = FIXTURE.attempt(Base::Vlek);
    let evidence = evidence(&mut attempt, &[], None);
    assert_eq!(appraise(&attempt, &evidence, &binding()).err(), Some("S21"));
}
