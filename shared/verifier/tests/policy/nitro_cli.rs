//! What nitro-cli prints as a policy, and what people add to it.

use sealnote_verifier::Policy;
use sealnote_verifier::nitro::Measurement;

use crate::common::{Fixture, pcr, pcr_hex};
use crate::{refused, zero};

/// What `nitro-cli build-enclave` prints.
const BUILD_ENCLAVE: &str = r#"{
  "Measurements": {
    "HashAlgorithm": "Sha384 { ... }",
    "PCR0": "$0",
    "PCR1": "$1",
    "PCR2": "$2"
  }
}"#;

/// What `nitro-cli describe-eif` prints of a signed image, the metadata shortened.
const DESCRIBE_EIF: &str = r#"{
  "EifVersion": 4,
  "Measurements": {
    "HashAlgorithm": "Sha384 { ... }",
    "PCR0": "$0",
    "PCR1": "$1",
    "PCR2": "$2",
    "PCR8": "$8"
  },
  "IsSigned": true,
  "CheckCRC": true,
  "ImageName": "sealnote",
  "ImageVersion": "1.0",
  "Metadata": {
    "BuildTime": "2026-11-20T10:00:00.000000+00:00",
    "BuildTool": "nitro-cli",
    "BuildToolVersion": "1.4.0",
    "OperatingSystem": "Linux",
    "KernelVersion": "4.14.256",
    "DockerInfo": {"Architecture": "amd64", "Config": {"Env": null}}
  },
  "SigningCertificate": {"IssuerName": {"CN": "example"}, "Algorithm": "ecdsa-with-SHA384"}
}"#;

/// Puts the fixture's measurements in.
fn filled(json: &str) -> String {
    [0, 1, 2, 8]
        .into_iter()
        .fold(json.to_owned(), |json, index| {
            json.replace(&format!("${index}"), &pcr_hex(index))
        })
}

#[test]
fn nitro_cli_json_loads_verbatim() {
    let policy = Policy::from_json(filled(BUILD_ENCLAVE)).expect("build-enclave");
    assert_eq!(policy.nitro().unwrap().measurement_sets().len(), 1);
    assert_eq!(
        policy.nitro().unwrap().measurement_sets()[0].register(8),
        None
    );
    assert_eq!(
        (
            policy.session().model_digests(),
            policy.session().precision()
        ),
        (None, None)
    );
    assert!(!policy.nitro().unwrap().has_machine_pin());
    assert_eq!(
        (
            policy.session().least_suite(),
            policy.nitro().unwrap().max_age_seconds()
        ),
        (None, 300)
    );

    let policy = Policy::from_json(filled(DESCRIBE_EIF).as_bytes()).expect("describe-eif");
    assert_eq!(
        policy.nitro().unwrap().measurement_sets()[0].register(8),
        Some(Measurement::from([9; 48]))
    );

    for spelling in ["Sha384 { .. }", "Sha512_48 { ... }", "SHA384"] {
        let json = filled(BUILD_ENCLAVE).replace("Sha384 { ... }", spelling);
        Policy::from_json(json).expect(spelling);
    }
    let without = filled(BUILD_ENCLAVE).replace(r#""HashAlgorithm": "Sha384 { ... }","#, "");
    Policy::from_json(without).expect("no algorithm named");
    let upper = filled(BUILD_ENCLAVE).replace(&pcr_hex(0), &"AB".repeat(48));
    Policy::from_json(upper).expect("upper case");
}

/// `build-enclave`'s JSON with one more entry in `Measurements`.
fn with(key: &str, value: &str) -> String {
    filled(BUILD_ENCLAVE).replacen("\"PCR0\"", &format!("\"{key}\": {value}, \"PCR0\""), 1)
}

#[test]
fn every_register_that_is_there_is_checked() {
    let mut fixture = Fixture::new();
    fixture.document.pcrs.insert(16, pcr(16));
    for register in [3, 4, 8, 16] {
        let expecting = |value: &str| {
            let json = with(&format!("PCR{register}"), &format!("{value:?}"));
            fixture.attempt().policy(json).outcome()
        };
        assert_eq!(expecting(&pcr_hex(register)), "accepted", "PCR{register}");
        assert_eq!(expecting(&pcr_hex(20)), "X5", "PCR{register}");
    }
    let policy = Policy::from_json(with("PCR4", &format!("{:?}", pcr_hex(4)))).expect("a pin");
    assert!(policy.nitro().unwrap().has_machine_pin());
}

#[test]
fn what_would_not_be_checked_is_refused() {
    let value = format!("{:?}", pcr_hex(5));
    let error = Policy::from_json(with("PCR5", &value)).expect_err("not checked");
    assert_eq!(
        error.to_string(),
        "\"Measurements\" has \"PCR5\", which is not checked here: take it out, if it need not be \
         checked; PCR0, 1, 2, 3, 4, 8 and 16 are"
    );
    refused([
        ("PCR31", "UnknownMeasurement", with("PCR31", &value)),
        ("PCR32", "UnknownMeasurement", with("PCR32", &value)),
        ("our spelling", "UnknownMeasurement", with("pcr3", &value)),
        ("a number", "UnknownMeasurement", with("PCR5", "5")),
        (
            "any other key",
            "UnknownMeasurement",
            with("Signer", "null"),
        ),
    ]);
}

#[test]
fn what_is_no_measurement_is_refused() {
    let build = |from: &str, to: &str| filled(BUILD_ENCLAVE).replace(from, to);
    let without = |register: u8| {
        let entry = format!("\"PCR{register}\": {:?}", pcr_hex(register));
        build(&entry, "\"HashAlgorithm\": \"SHA384\"").replacen(
            "\"HashAlgorithm\": \"Sha384 { ... }\",",
            "",
            1,
        )
    };
    let short = pcr_hex(8).split_off(2);
    refused([
        ("without PCR0", "Partial", without(0)),
        ("without PCR2", "Partial", without(2)),
        ("PCR0 twice", "Json", build("PCR1", "PCR0")),
        ("PCR3 twice", "Json", with("PCR3", "\"\", \"PCR3\": \"\"")),
        (
            "PCR0 null",
            "Json",
            build(&format!("{:?}", pcr_hex(0)), "null"),
        ),
        ("PCR3 null", "Json", with("PCR3", "null")),
        ("PCR8 null", "Json", with("PCR8", "null")),
        ("PCR3 as a list", "Json", with("PCR3", "[]")),
        ("PCR1 zero", "Value", build(&pcr_hex(1), &zero())),
        ("PCR3 zero", "Value", with("PCR3", &format!("{:?}", zero()))),
        ("PCR16 short", "Value", with("PCR16", &format!("{short:?}"))),
        (
            "PCR8 short",
            "Value",
            filled(DESCRIBE_EIF).replace(&pcr_hex(8), &short),
        ),
        ("SHA-256", "HashAlgorithm", build("Sha384", "Sha256")),
        ("SHA-512", "HashAlgorithm", build("Sha384", "Sha512")),
        (
            "measurements twice",
            "Json",
            r#"{"Measurements": {}, "Measurements": {}}"#.into(),
        ),
        ("nothing in it", "Partial", r#"{"Measurements": {}}"#.into()),
        (
            "pins beside it",
            "MixedShapes",
            filled(BUILD_ENCLAVE).replacen('{', r#"{"pins": {},"#, 1),
        ),
        (
            "rules of ours beside it",
            "MixedShapes",
            filled(BUILD_ENCLAVE).replacen('{', r#"{"nitro": {},"#, 1),
        ),
        (
            "an end beside it",
            "MixedShapes",
            filled(BUILD_ENCLAVE).replacen('{', r#"{"not_after": 1,"#, 1),
        ),
        (
            "our version beside it",
            "MixedShapes",
            filled(BUILD_ENCLAVE).replacen('{', r#"{"version": 1,"#, 1),
        ),
        (
            "a null pin beside it",
            "MixedShapes",
            filled(BUILD_ENCLAVE).replacen('{', r#"{"pins": null,"#, 1),
        ),
    ]);
}
