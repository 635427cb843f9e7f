//! Policies: what loads, what does not, and that what loaded is enforced.

mod common;
#[path = "policy/nitro_cli.rs"]
mod nitro_cli;
#[path = "policy/shape.rs"]
mod shape;
#[path = "policy/version2.rs"]
mod version2;

use common::{Fixture, NOW_SECONDS, pcr_hex, policy_json};
use sealnote_model::Precision;
use sealnote_verifier::nitro;
use sealnote_verifier::policy::PolicyError;
use sealnote_verifier::{Policy, Rejection, UnixTime};

fn zero() -> String {
    "0".repeat(96)
}

#[test]
fn our_file_loads_whole() {
    let more = format!(
        r#""model_digests": ["{}"], "precision": "f32", "least_suite": 1, "max_age_seconds": 60,
           "pins": {{"pcr3": ["{}"], "pcr4": ["{}", "{}"], "pcr8": ["{}"], "pcr16": ["{}"]}},"#,
        "ab".repeat(48),
        pcr_hex(3),
        pcr_hex(4),
        pcr_hex(5),
        pcr_hex(8),
        pcr_hex(16)
    );
    let set = format!(
        r#""pcr8": "{}", "not_after": "2027-03-01T00:00:00Z","#,
        pcr_hex(8)
    );
    let policy = Policy::from_json(policy_json(&set, &more)).expect("the whole file");
    let set = &policy.nitro().unwrap().measurement_sets()[0];
    assert_eq!(set.label(), "fixture");
    assert_eq!(set.not_after(), Some(UnixTime::from_seconds(1_803_859_200)));
    assert_eq!(policy.session().model_digests().map(<[_]>::len), Some(1));
    assert_eq!(policy.nitro().unwrap().pin(4).len(), 2);
    assert!(policy.nitro().unwrap().pin(5).is_empty());
    assert!(policy.nitro().unwrap().has_machine_pin());
    assert_eq!(policy.nitro().unwrap().max_age_seconds(), 60);
    assert_eq!(policy.session().precision(), Some(Precision::F32));
}

#[test]
fn what_does_not_load() {
    let file = |set: &str, more: &str| policy_json(set, more);
    let short = "ab".repeat(47);
    let cases: Vec<(&str, &str, String)> = vec![
        ("nothing", "Json", String::new()),
        ("no JSON", "Json", "PCR0: 00".into()),
        ("two values", "Json", format!("{} {{}}", file("", ""))),
        ("a list", "Json", "[]".into()),
        ("an empty object", "Json", "{}".into()),
        ("too large", "TooLarge", " ".repeat(1024 * 1024 + 1)),
        ("too deep", "Json", "[".repeat(100_000)),
        (
            "no measurements",
            "NoMeasurements",
            r#"{"version": 1, "measurements": []}"#.into(),
        ),
        (
            "no version",
            "Json",
            file("", "").replace(r#""version": 1,"#, ""),
        ),
        (
            "version 2 in the shape of version 1",
            "Json",
            file("", "").replace(r#""version": 1"#, r#""version": 2"#),
        ),
        (
            "version 3",
            "Version",
            file("", "").replace(r#""version": 1"#, r#""version": 3"#),
        ),
        ("an unknown key", "Json", file("", r#""pin": {},"#)),
        ("a set's suite", "Json", file(r#""least_suite": 1,"#, "")),
        (
            "an unknown key in a set",
            "Json",
            file(r#""pcr3": "00","#, ""),
        ),
        (
            "an unknown key in the pins",
            "Json",
            file("", r#""pins": {"pcr5": []},"#),
        ),
        ("a key twice", "Json", file("", r#""version": 1,"#)),
        (
            "a register twice",
            "Json",
            file(&format!(r#""pcr0": "{}","#, pcr_hex(3)), ""),
        ),
        (
            "a pin twice",
            "Json",
            file(
                "",
                &format!(
                    r#""pins": {{"pcr3": ["{0}"], "pcr3": ["{0}"]}},"#,
                    pcr_hex(3)
                ),
            ),
        ),
        (
            "no PCR0",
            "Partial",
            file("", "").replace(r#""pcr0""#, r#""pcr8""#),
        ),
        (
            "no PCR1",
            "Partial",
            file("", "").replace(r#""pcr1""#, r#""pcr8""#),
        ),
        (
            "no PCR2",
            "Partial",
            file("", "").replace(r#""pcr2""#, r#""pcr8""#),
        ),
        (
            "PCR0 null",
            "Json",
            file("", "").replace(&format!("\"{}\"", pcr_hex(0)), "null"),
        ),
        ("PCR0 empty", "Value", file("", "").replace(&pcr_hex(0), "")),
        (
            "PCR0 short",
            "Value",
            file("", "").replace(&pcr_hex(0), &short),
        ),
        (
            "PCR0 no hex",
            "Value",
            file("", "").replace(&pcr_hex(0), &"xy".repeat(48)),
        ),
        (
            "PCR0 of 96 bytes that are no ASCII",
            "Value",
            file("", "").replace(&pcr_hex(0), &"é".repeat(48)),
        ),
        (
            "PCR0 with a space",
            "Value",
            file("", "").replace(&pcr_hex(0), &format!(" {}", &pcr_hex(0)[1..])),
        ),
        (
            "PCR0 zero",
            "Value",
            file("", "").replace(&pcr_hex(0), &zero()),
        ),
        (
            "PCR8 zero",
            "Value",
            file(&format!(r#""pcr8": "{}","#, zero()), ""),
        ),
        (
            "no label",
            "Json",
            file("", "").replace(r#""label": "fixture","#, ""),
        ),
        (
            "an empty label",
            "EmptyLabel",
            file("", "").replace("fixture", " "),
        ),
        (
            "a date that is none",
            "NotAfter",
            file(r#""not_after": "tomorrow","#, ""),
        ),
        (
            "a day",
            "NotAfter",
            file(r#""not_after": "2027-03-01","#, ""),
        ),
        (
            "a time zone",
            "NotAfter",
            file(r#""not_after": "2027-03-01T00:00:00+01:00","#, ""),
        ),
        ("a negative time", "Json", file(r#""not_after": -1,"#, "")),
        ("a time null", "Json", file(r#""not_after": null,"#, "")),
        (
            "no model digest in the list",
            "NoModelDigests",
            file("", r#""model_digests": [],"#),
        ),
        (
            "model digests null",
            "Json",
            file("", r#""model_digests": null,"#),
        ),
        (
            "a short model digest",
            "ModelDigest",
            file("", &format!(r#""model_digests": ["{short}"],"#)),
        ),
        (
            "a model digest all zero",
            "ModelDigest",
            file("", &format!(r#""model_digests": ["{}"],"#, zero())),
        ),
        (
            "no pin in the list",
            "EmptyPin",
            file("", r#""pins": {"pcr3": []},"#),
        ),
        ("a pin null", "Json", file("", r#""pins": {"pcr3": null},"#)),
        (
            "a pin of zeros",
            "Value",
            file("", &format!(r#""pins": {{"pcr4": ["{}"]}},"#, zero())),
        ),
        (
            "an unknown precision",
            "Precision",
            file("", r#""precision": "f16","#),
        ),
        (
            "a precision null",
            "Json",
            file("", r#""precision": null,"#),
        ),
        ("suite 0", "Suite", file("", r#""least_suite": 0,"#)),
        (
            "a suite of 2^16 + 1",
            "Suite",
            file("", r#""least_suite": 65537,"#),
        ),
        ("age 0", "MaxAge", file("", r#""max_age_seconds": 0,"#)),
        (
            "a negative age",
            "Json",
            file("", r#""max_age_seconds": -1,"#),
        ),
        (
            "two sets of one label",
            "DuplicateLabel",
            two_sets("fixture", ""),
        ),
    ];
    refused(cases);
    assert!(Policy::from_json([0xff, 0xfe]).is_err(), "not UTF-8");
}

/// Policies that do not load, each with its name and its error.
fn refused(cases: impl IntoIterator<Item = (&'static str, &'static str, String)>) {
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|(name, expected, json)| {
            let found = match Policy::from_json(json) {
                Ok(_) => "it loads".to_owned(),
                Err(error) if variant(&error) == expected => return None,
                Err(error) => format!("{}: {error}", variant(&error)),
            };
            Some(format!("{name}: expected {expected}, found {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn variant(error: &PolicyError) -> String {
    let debug = format!("{error:?}");
    // The errors of the kinds' own rules are within.
    let debug = debug.trim_start_matches("Evidence(");
    let debug = debug.trim_start_matches("Nitro(");
    let end = debug.find([' ', '(', ')']).unwrap_or(debug.len());
    debug[..end].to_owned()
}

/// A set that the fixture's document does not match, then one that it does.
fn two_sets(second_label: &str, second_more: &str) -> String {
    let other = "cd".repeat(48);
    format!(
        r#"{{"version": 1, "measurements": [
            {{"label": "fixture", "pcr0": "{}", "pcr1": "{other}", "pcr2": "{other}"}},
            {{"label": "{second_label}", {second_more} "pcr0": "{}", "pcr1": "{}", "pcr2": "{}"}}]}}"#,
        pcr_hex(0),
        pcr_hex(0),
        pcr_hex(1),
        pcr_hex(2)
    )
}

#[test]
fn any_one_set_matches_as_a_whole() {
    let fixture = Fixture::new();
    let verified = fixture
        .attempt()
        .policy(two_sets("second", ""))
        .check()
        .expect("the second set matches");
    assert_eq!(verified.measurement_set(), "second");

    // PCR0 of both sets, PCR1 of the second, PCR2 of neither.
    let error = fixture
        .document(|document| drop(document.pcrs.insert(2, vec![0xee; 48])))
        .policy(two_sets("second", ""))
        .check()
        .expect_err("no set matches");
    assert_eq!(
        error.to_string(),
        format!(
            "PCR2 is {}, expected {} (\"second\")",
            "ee".repeat(48),
            pcr_hex(2)
        )
    );

    // PCR1 of neither: both are named.
    let error = fixture
        .document(|document| drop(document.pcrs.remove(&1)))
        .policy(two_sets("second", ""))
        .check()
        .expect_err("no set matches");
    let message = error.to_string();
    assert!(
        message.starts_with("PCR1 is missing, expected cdcd"),
        "{message}"
    );
    assert!(message.ends_with(" (\"second\")"), "{message}");
}

#[test]
fn a_set_matches_until_its_end() {
    let fixture = Fixture::new();
    let until = |seconds: u64| {
        fixture
            .attempt()
            .policy(two_sets("second", &format!(r#""not_after": {seconds},"#)))
            .check()
    };
    assert!(until(NOW_SECONDS).is_ok());
    // To the millisecond, like X9 and unlike A16.
    let attempt = fixture.attempt().policy(two_sets(
        "second",
        &format!(r#""not_after": {NOW_SECONDS},"#),
    ));
    let later = UnixTime::from_millis(NOW_SECONDS * 1000 + 1);
    assert_eq!(attempt.at(later).outcome(), "X5");
    let error = until(NOW_SECONDS - 1).expect_err("the set has expired");
    assert_eq!(error.check().id(), "X5");
    assert!(
        matches!(&error, Rejection::Nitro(nitro::Rejection::Appraisal(
            nitro::appraisal::AppraisalError::SetExpired { label, .. })) if label == "second"),
        "{error:?}"
    );

    // The same measurements under a label that still holds.
    let renewed = policy_json(r#""not_after": 1,"#, "").replace(
        "]}",
        &format!(
            r#", {{"label": "renewed", "pcr0": "{}", "pcr1": "{}", "pcr2": "{}"}}]}}"#,
            pcr_hex(0),
            pcr_hex(1),
            pcr_hex(2)
        ),
    );
    let verified = fixture.attempt().policy(renewed).check().expect("renewed");
    assert_eq!(verified.measurement_set(), "renewed");
}

#[test]
fn pins_are_enforced_beside_the_measurements() {
    let fixture = Fixture::new();
    let pinned = |register: u8, values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let pins = format!(r#""pins": {{"pcr{register}": [{}]}},"#, values.join(","));
        fixture.attempt().policy(policy_json("", &pins))
    };
    for register in [3, 4, 8] {
        let right = pcr_hex(register);
        let wrong = pcr_hex(20);
        assert_eq!(
            pinned(register, std::slice::from_ref(&right)).outcome(),
            "accepted"
        );
        assert_eq!(
            pinned(register, &[wrong.clone(), right]).outcome(),
            "accepted"
        );
        assert_eq!(pinned(register, &[wrong]).outcome(), "X5");
    }
    let error = pinned(16, &[pcr_hex(16)])
        .check()
        .expect_err("the document has no PCR16");
    assert_eq!(
        error.to_string(),
        format!("PCR16 is missing, pinned to {}", pcr_hex(16))
    );
    // A pin is no substitute for the image's registers.
    let debug = fixture.document(|document| {
        for register in [0, 1, 2] {
            document.pcrs.insert(register, vec![0; 48]);
        }
    });
    let pins = format!(r#""pins": {{"pcr4": ["{}"]}},"#, pcr_hex(4));
    assert_eq!(debug.policy(policy_json("", &pins)).outcome(), "X6");
}
