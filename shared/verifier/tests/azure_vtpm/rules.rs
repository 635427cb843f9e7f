//! Rules that cannot be used, and why.

use sealnote_verifier::azure_vtpm::rules::{RulesFile, SetFile};
use sealnote_verifier::azure_vtpm::{Rules, Tee};
use serde_json::{Value, json};

use super::fixture::Attempt;

type Case = (&'static str, fn(&mut Value));

/// Part of the error, and what is wrong.
#[rustfmt::skip] // A line each, so that they can be read as a table.
const REFUSED: &[Case] = &[
    ("measurements is empty", |r| r["measurements"] = json!([])),
    ("missing field `measurements`", |r| { r.as_object_mut().unwrap().remove("measurements"); }),
    ("unknown field `ak_certificate`", |r| r["ak_certificate"] = json!("required")),
    ("unknown field `pcr4`", |r| set(r, "pcr4", json!("11".repeat(32)))),
    ("null", |r| r["sev-snp"] = json!(null)),
    ("seconds since 1970, is due", |r| set(r, "not_after", json!(null))),
    ("a list stands where an object", |r| r["measurements"] = json!([["guest", "sev-snp", {}]])),
    ("measurements[0].label is empty", |r| set(r, "label", json!(" "))),
    ("measurements[0].not_after is neither", |r| set(r, "not_after", json!("tomorrow"))),
    ("a set under sev-snp has a least_suite", |r| r["sev-snp"]["measurements"][0]["least_suite"] = json!(1)),
    ("measurements[0].least_suite is 0", |r| set(r, "least_suite", json!(0))),
    ("unknown variant `sgx`", |r| set(r, "tee", json!("sgx"))),
    ("missing field `tee`", |r| { r["measurements"][0].as_object_mut().unwrap().remove("tee"); }),
    ("missing field `pcrs`", |r| { r["measurements"][0].as_object_mut().unwrap().remove("pcrs"); }),
    ("an object of registers", |r| set(r, "pcrs", json!([]))),
    ("does not have register 4", |r| set(r, "pcrs", json!({}))),
    ("does not have register 4", |r| { r["measurements"][0]["pcrs"].as_object_mut().unwrap().remove("4"); }),
    ("does not have register 4", |r| pcr(r, "4", json!("zero"))),
    ("none of \"0\" to \"23\"", |r| pcr(r, "24", json!("11".repeat(32)))),
    ("none of \"0\" to \"23\"", |r| pcr(r, "04", json!("11".repeat(32)))),
    ("none of \"0\" to \"23\"", |r| pcr(r, "+4", json!("11".repeat(32)))),
    ("measurements[0].pcrs.4 is all zero", |r| pcr(r, "4", json!("00".repeat(32)))),
    ("measurements[0].pcrs.4 has 96 characters", |r| pcr(r, "4", json!("11".repeat(48)))),
    ("measurements[0].pcrs.4 has characters that are not hex", |r| pcr(r, "4", json!("xx".repeat(32)))),
    ("invalid type: null", |r| pcr(r, "4", json!(null))),
    ("the label \"guest\"", |r| { let mut other = r["measurements"][0].clone(); other["pcrs"]["4"] = json!("11".repeat(32)); r["measurements"].as_array_mut().unwrap().push(other); }),
    ("\"other\" has the same values", |r| { let mut other = r["measurements"][0].clone(); other["label"] = json!("other"); r["measurements"].as_array_mut().unwrap().push(other); }),
    ("there are no rules for it", |r| { r.as_object_mut().unwrap().remove("sev-snp"); }),
    ("a measurement set is of tdx, and there are no rules for it", |r| { let mut other = r["measurements"][0].clone(); other["label"] = json!("other"); other["tee"] = json!("tdx"); r["measurements"].as_array_mut().unwrap().push(other); }),
    ("there are rules for sev-snp, and no measurement set is of it", |r| set(r, "tee", json!("tdx"))),
    ("sev-snp.vmpl is 1", |r| r["sev-snp"]["vmpl"] = json!(1)),
    ("azure-vtpm: sev-snp: measurements is empty", |r| r["sev-snp"]["measurements"] = json!([])),
    ("unknown field `anything`", |r| r["sev-snp"]["anything"] = json!(1)),
];

fn set(rules: &mut Value, field: &str, value: Value) {
    rules["measurements"][0][field] = value;
}

fn pcr(rules: &mut Value, register: &str, value: Value) {
    rules["measurements"][0]["pcrs"][register] = value;
}

fn load(json: &str) -> Result<Rules, String> {
    let file: RulesFile = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Rules::load(file).map_err(|error| error.to_string())
}

#[test]
fn rules_that_cannot_be_used_are_refused() {
    let good = Attempt::new().rules;
    load(&good.to_string()).expect("rules that load");
    for (index, (expected, edit)) in REFUSED.iter().enumerate() {
        let mut rules = good.clone();
        edit(&mut rules);
        let error = load(&rules.to_string()).expect_err(expected);
        assert!(
            error.contains(expected),
            "{index}: {expected:?} is not in {error:?}"
        );
    }
}

/// JSON allows it, and readers differ in what they make of it.
#[test]
fn a_register_stands_once() {
    let text = Attempt::new().rules.to_string();
    let twice = text.replacen(
        r#""pcrs":{"#,
        &format!(r#""pcrs":{{"4":"{}","#, "11".repeat(32)),
        1,
    );
    assert!(twice != text);
    let error = load(&twice).expect_err("twice");
    assert!(error.contains("register 4 stands twice"), "{error}");
}

#[test]
fn a_file_is_written_as_it_is_read() {
    let mut rules = Attempt::new().rules;
    set(&mut rules, "not_after", json!("2027-03-01T00:00:00Z"));
    set(&mut rules, "least_suite", json!(2));
    let file: RulesFile = serde_json::from_value(rules.clone()).expect("the shape");
    assert_eq!(
        serde_json::to_value(&file).expect("JSON")["measurements"],
        rules["measurements"]
    );
    let loaded = Rules::load(file).expect("rules that load");
    let [set] = loaded.measurement_sets() else {
        panic!("one set");
    };
    assert_eq!(
        (set.label(), set.tee(), set.least_suite()),
        ("guest", Tee::SevSnp, Some(2))
    );
    assert_eq!(set.pcrs().len(), 12);
    assert!(loaded.sev_snp().is_some());

    let text = rules["measurements"][0].to_string();
    assert!(SetFile::from_json(text.as_bytes()).is_ok());
    let error = SetFile::from_json((text + "x").as_bytes());
    assert!(error.is_err());
}
