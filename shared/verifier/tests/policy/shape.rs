//! JSON that is no policy: the error says where, and what is wrong there, in words of the file.

use sealnote_verifier::{Policy, PolicyError};

use super::common::{pcr_hex, policy_json};

/// What is said of the file.
fn said(json: &str) -> String {
    match Policy::from_json(json).expect_err(json) {
        PolicyError::Json(error) => error.to_string(),
        other => panic!("{other}"),
    }
}

fn version2(nitro: &str) -> String {
    format!(r#"{{"version": 2, "evidence": {{"nitro": {nitro}}}}}"#)
}

#[test]
fn a_byte_order_mark_is_taken_off() {
    let json = policy_json("", "");
    let marked = format!("\u{feff}{json}");
    assert_eq!(Policy::from_json(marked), Policy::from_json(&json));
    assert!(Policy::from_json(json).is_ok());
    // One, and only in front.
    assert_eq!(
        said("\u{feff}\u{feff}{}"),
        "expected value at line 1 column 1"
    );
}

#[test]
fn a_comment_is_named_with_its_place() {
    for (json, place) in [
        ("// mine\n{}", "line 1 column 1"),
        ("{\n  /* mine */ \"version\": 2}", "line 2 column 3"),
        ("{\"version\": 2, // 3\n}", "line 1 column 16"),
        ("{\"version\": 2} // mine", "line 1 column 16"),
        (
            r#"{"version": 2, "a//": "\"//", // mine"#,
            "line 1 column 31",
        ),
    ] {
        let says = format!("JSON has no comments; take out the one at {place}");
        assert_eq!(said(json), says, "{json}");
    }
    // A text may have what would be a comment elsewhere.
    let label = r#""label": "https://fixture /* 1 */","#;
    let json = policy_json("", "").replace(r#""label": "fixture","#, label);
    assert!(json.contains("https"));
    assert!(Policy::from_json(json).is_ok());
    let error = said(r#"{"version": 2, "//": "mine", "evidence": {}}"#);
    assert!(error.contains("unknown field `//`"), "{error}");
}

#[test]
fn other_faults_are_named_in_words_of_the_file() {
    let set = format!(
        r#""label": "a", "pcr0": "{0}", "pcr1": "{0}", "pcr2": "{0}""#,
        pcr_hex(0)
    );
    for (json, says) in [
        (String::new(), "the file is empty"),
        (" \n".into(), "the file is empty"),
        (
            "{\"version\": 2,}".into(),
            "trailing comma at line 1 column 15",
        ),
        (
            "[]".into(),
            "a list stands where an object in braces is due",
        ),
        (
            "7".into(),
            "invalid type: integer `7`, expected an object in braces",
        ),
        (
            version2("[]"),
            "at evidence.nitro: a list stands where an object in braces is due",
        ),
        (
            version2(r#"{"measurements": {}}"#),
            "at evidence.nitro.measurements: invalid type: map, expected a sequence",
        ),
        (
            version2(r#"{"measurements": ["a"]}"#),
            "at evidence.nitro.measurements[0]: invalid type: string \"a\", expected an object in braces",
        ),
        (
            version2(&format!(r#"{{"measurements": [{{{set}}}], "pins": []}}"#)),
            "at evidence.nitro.pins: a list stands where an object in braces is due",
        ),
        (
            version2(&format!(
                r#"{{"measurements": [{{"not_after": true, {set}}}]}}"#
            )),
            "at evidence.nitro.measurements[0].not_after: a time such as \"2027-03-01T00:00:00Z\", or seconds since \
             1970, is due",
        ),
    ] {
        let error = said(&json);
        assert!(error.starts_with(says), "{json}\n{error}\n{says}");
        assert!(!error.contains("struct"), "{error}");
    }
}

#[test]
fn a_serial_is_a_number_from_0() {
    let with = |serial: &str| {
        let set = format!(
            r#"{{"label": "a", "pcr0": "{0}", "pcr1": "{0}", "pcr2": "{0}"}}"#,
            pcr_hex(0)
        );
        format!(
            r#"{{"version": 2, "serial": {serial}, "evidence": {{"nitro": {{"measurements": [{set}]}}}}}}"#
        )
    };
    let serial = |text: &str| Policy::from_json(with(text)).map(|policy| policy.serial());
    assert_eq!(serial("0"), Ok(Some(0)));
    assert_eq!(serial("18446744073709551615"), Ok(Some(u64::MAX)));
    for wrong in ["-1", "1.0", "\"1\"", "null", "18446744073709551616"] {
        let error = said(&with(wrong));
        assert!(error.starts_with("at serial: invalid "), "{error}");
    }
    // Version 1 has none, and nitro-cli's JSON neither.
    assert!(said(&policy_json("", r#""serial": 1,"#)).contains("unknown field `serial`"));
    let nitro_cli = format!(
        r#"{{"serial": 1, "Measurements": {{"PCR0": "{0}", "PCR1": "{0}", "PCR2": "{0}"}}}}"#,
        pcr_hex(0)
    );
    assert_eq!(
        Policy::from_json(nitro_cli),
        Err(PolicyError::MixedShapes { key: "serial" })
    );
}
