//! Version 2: evidence by kind, sessions beside it.

use sealnote_model::{ModelDigest, Precision};
use sealnote_verifier::nitro::rules::{RulesFile, SetFile};
use sealnote_verifier::policy::{PolicyFile, SessionFile};
use sealnote_verifier::{Policy, PolicyError};

use super::common::{Fixture, pcr_hex, policy_json};
use super::refused;

/// A file with `more` in the set, in `nitro`, in `evidence`, in `session` and at the top, each with a comma behind it.
fn file([set, nitro, evidence, session, top]: [&str; 5]) -> String {
    format!(
        r#"{{"version": 2, {top} "evidence": {{{evidence} "nitro": {{{nitro} "measurements": [
            {{"label": "fixture", {set} "pcr0": "{}", "pcr1": "{}", "pcr2": "{}"}}]}}}},
            "session": {{{session} "precision": "f32"}}}}"#,
        pcr_hex(0),
        pcr_hex(1),
        pcr_hex(2)
    )
}

#[test]
fn the_same_in_version_1_is_the_same_policy() {
    let pins = format!(r#""pins": {{"pcr3": ["{}"]}},"#, pcr_hex(3));
    let digests = format!(
        r#""model_digests": ["{}"], "least_suite": 1,"#,
        "ab".repeat(48)
    );
    let age = r#""max_age_seconds": 60,"#;
    let new = file([
        r#""not_after": 1795000000,"#,
        &format!("{pins} {age}"),
        "",
        &digests,
        "",
    ]);
    let new = Policy::from_json(new).expect("version 2");
    let old = policy_json(
        r#""not_after": 1795000000,"#,
        &format!(r#"{pins} {age} {digests} "precision": "f32","#),
    );
    assert_eq!(Policy::from_json(old).expect("version 1"), new);
    assert_eq!(new.session().precision(), Some(Precision::F32));
    assert_eq!(
        new.session().model_digests(),
        Some(&[ModelDigest([0xab; 48])][..])
    );
    assert_eq!(new.nitro().expect("rules").max_age_seconds(), 60);
    assert_ne!(Policy::from_json(file([""; 5])).expect("less"), new);
}

#[test]
fn what_is_written_is_read_as_it_was() {
    let read: PolicyFile = serde_json::from_str(&file([
        r#""not_after": "2027-03-01T00:00:00Z", "least_suite": 1,"#,
        r#""max_age_seconds": 60,"#,
        "",
        r#""least_suite": 2,"#,
        "",
    ]))
    .expect("a file");
    let written = read.to_json();
    assert!(!written.contains("null"), "{written}");
    let policy = Policy::from_file(read).expect("a policy");
    assert_eq!(Policy::from_json(written).expect("the same"), policy);

    let set = SetFile {
        label: String::from("made here"),
        pcr0: Some(pcr_hex(0)),
        pcr1: Some(pcr_hex(1)),
        pcr2: Some(pcr_hex(2)),
        ..SetFile::default()
    };
    let rules = RulesFile {
        measurements: vec![set],
        pins: None,
        max_age_seconds: None,
    };
    let made = PolicyFile::new(rules.into(), SessionFile::default()).to_json();
    let verified = Fixture::new().attempt().policy(made).check();
    assert_eq!(verified.expect("accepted").measurement_set(), "made here");
}

/// A set that does not say has that of the session rules.
#[test]
fn a_set_has_its_own_least_suite() {
    let least = |set: &str, session: &str| {
        let policy = Policy::from_json(file([set, "", "", session, ""])).expect("a policy");
        policy.least_suites().collect::<Vec<_>>()
    };
    assert_eq!(least("", ""), [None]);
    assert_eq!(least("", r#""least_suite": 1,"#), [Some(1)]);
    assert_eq!(
        least(r#""least_suite": 3,"#, r#""least_suite": 1,"#),
        [Some(3)]
    );
    assert_eq!(least(r#""least_suite": 1,"#, ""), [Some(1)]);
}

#[test]
fn what_does_not_load() {
    let unknown = r#""another": 1,"#;
    refused([
        ("unknown in a set", "Json", file([unknown, "", "", "", ""])),
        ("unknown in nitro", "Json", file(["", unknown, "", "", ""])),
        ("an unknown kind", "Json", file(["", "", unknown, "", ""])),
        (
            "unknown in the session",
            "Json",
            file(["", "", "", unknown, ""]),
        ),
        (
            "unknown at the top",
            "Json",
            file(["", "", "", "", unknown]),
        ),
        (
            "no evidence",
            "NoEvidence",
            r#"{"version": 2, "evidence": {}}"#.into(),
        ),
        ("no evidence at all", "Json", r#"{"version": 2}"#.into()),
        (
            "nitro null",
            "Json",
            r#"{"version": 2, "evidence": {"nitro": null}}"#.into(),
        ),
        (
            "no set",
            "NoMeasurements",
            r#"{"version": 2, "evidence": {"nitro": {"measurements": []}}}"#.into(),
        ),
        (
            "a session null",
            "Json",
            file([""; 5]).replace(r#"{ "precision": "f32"}"#, "null"),
        ),
        (
            "a set of suite 0",
            "Suite",
            file([r#""least_suite": 0,"#, "", "", "", ""]),
        ),
        (
            "a set of suite 65536",
            "Suite",
            file([r#""least_suite": 65536,"#, "", "", "", ""]),
        ),
        (
            "a key twice",
            "Json",
            file(["", "", "", r#""precision": "f32","#, ""]),
        ),
        (
            "nitro-cli's JSON within",
            "MixedShapes",
            file(["", "", "", "", r#""Measurements": {},"#]),
        ),
    ]);
}

#[test]
fn an_error_says_where() {
    let cases = [
        (
            r#""pcr8": 5,"#,
            "evidence.nitro.measurements[0].pcr8: invalid type: integer `5`, expected a string",
        ),
        (
            r#""pcr9": "00","#,
            "evidence.nitro.measurements[0].pcr9: unknown field `pcr9`, expected one of",
        ),
    ];
    for (set, expected) in cases {
        let error = Policy::from_json(file([set, "", "", "", ""])).expect_err("an error");
        assert!(matches!(error, PolicyError::Json(_)));
        assert!(error.to_string().contains(expected), "{error}");
    }
}
