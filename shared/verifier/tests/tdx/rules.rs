//! Rules that load, and rules that do not: each error names its field.

use sealnote_verifier::UnixTime;
use sealnote_verifier::tdx::TcbStatus;
use sealnote_verifier::tdx::rules::{DEFAULT_COLLATERAL_MAX_AGE_SECONDS, PlatformRule};
use serde_json::{Value, json};

use super::own_policy::load;

fn whole() -> Value {
    json!({
        "measurements": [{
            "label": "release",
            "not_after": "2027-03-01T00:00:00Z",
            "least_suite": 2,
            "mrtd": "Ab".repeat(48),
            "rtmr0": "10".repeat(48),
            "rtmr1": "11".repeat(48),
            "rtmr2": "12".repeat(48),
            "rtmr3": "zero",
            "mr_config_id": "zero",
            "mr_owner": "zero",
            "mr_owner_config": "zero",
            "xfam": "E702060000000000",
            "mr_seam": ["5e".repeat(48)],
        }],
        "least_tcb_evaluation_data_number": 18,
        "reject_advisories": "none",
        "fmspcs": ["50806f000000", "90C06F000000"],
        "ppids": "any",
    })
}

#[test]
fn what_is_left_out_is_strict() {
    let rules = load(&whole()).expect("rules");
    assert_eq!(rules.statuses().accepted(), [TcbStatus::UpToDate]);
    assert_eq!(rules.statuses().out_of_date_until(), None);
    let max_age = rules.collateral_max_age_seconds();
    assert_eq!(max_age, DEFAULT_COLLATERAL_MAX_AGE_SECONDS);
    assert_eq!(rules.least_tcb_evaluation_data_number(), 18);
    assert!(rules.rejected_advisories().is_empty());
    assert_eq!(*rules.ppids(), PlatformRule::Any);
    assert!(rules.fmspcs().accepts(&[0x90, 0xc0, 0x6f, 0, 0, 0]));
    assert!(!rules.fmspcs().accepts(&[0x91, 0xc0, 0x6f, 0, 0, 0]));
    let [set] = rules.measurement_sets() else {
        panic!("one set");
    };
    assert_eq!(set.mrtd(), &[0xab; 48]);
    assert_eq!(set.rtmrs(), &[[0x10; 48], [0x11; 48], [0x12; 48], [0; 48]]);
    assert_eq!(set.xfam(), &[0xe7, 2, 6, 0, 0, 0, 0, 0]);
    assert_eq!(set.least_suite(), Some(2));
    assert_eq!(
        set.not_after(),
        "2027-03-01T00:00:00Z".parse::<UnixTime>().ok()
    );
}

/// Without any one field that has no strict meaning of its own, there are no rules.
#[test]
fn nothing_that_matters_can_be_left_out() {
    let of_set = [
        "label",
        "mrtd",
        "rtmr0",
        "rtmr1",
        "rtmr2",
        "rtmr3",
        "mr_config_id",
        "mr_owner",
        "mr_owner_config",
        "xfam",
        "mr_seam",
    ];
    let of_rules = [
        "measurements",
        "least_tcb_evaluation_data_number",
        "reject_advisories",
        "fmspcs",
        "ppids",
    ];
    let paths = of_set.map(|field| ("/measurements/0", field));
    let paths = paths.into_iter().chain(of_rules.map(|field| ("", field)));
    for (parent, field) in paths {
        let mut rules = whole();
        let parent = rules.pointer_mut(parent).expect("it is there");
        parent
            .as_object_mut()
            .and_then(|parent| parent.remove(field))
            .expect("it is there");
        let error = load(&rules).expect_err(field);
        assert!(error.contains(field), "{field}: {error}");
    }
    let optional = [
        ("", "accept_status"),
        ("", "out_of_date_until"),
        ("", "collateral_max_age_seconds"),
    ];
    let of_set = [
        ("/measurements/0", "not_after"),
        ("/measurements/0", "least_suite"),
    ];
    for (parent, field) in optional.into_iter().chain(of_set) {
        let mut rules = whole();
        rules.pointer_mut(parent).expect("it is there")[field] = Value::Null;
        // A script's empty variable is no answer.
        assert!(load(&rules).is_err(), "{field}: null");
    }
}

#[test]
fn what_does_not_load() {
    let zero = json!("00".repeat(48));
    let cases = [
        ("/measurements", json!([]), "measurements is empty"),
        (
            "/measurements/0/label",
            json!(" "),
            "measurements[0].label is empty",
        ),
        (
            "/measurements/0/mrtd",
            zero.clone(),
            "measurements[0].mrtd is all zero",
        ),
        (
            "/measurements/0/mrtd",
            json!("zero"),
            "measurements[0].mrtd has 4",
        ),
        (
            "/measurements/0/mrtd",
            json!("zz".repeat(48)),
            "not hex digits",
        ),
        ("/measurements/0/rtmr0", zero.clone(), "rtmr0 is all zero"),
        ("/measurements/0/rtmr3", json!("any"), "rtmr3 has 3"),
        (
            "/measurements/0/mr_config_id",
            zero.clone(),
            "mr_config_id is all zero",
        ),
        ("/measurements/0/mr_owner", json!(""), "mr_owner has 0"),
        (
            "/measurements/0/mr_owner_config",
            json!("11".repeat(32)),
            "mr_owner_config has 64",
        ),
        (
            "/measurements/0/xfam",
            json!("zero"),
            "xfam has 4 characters, not 16",
        ),
        (
            "/measurements/0/mr_seam",
            json!([]),
            "measurements[0].mr_seam is empty",
        ),
        (
            "/measurements/0/mr_seam",
            json!([zero]),
            "measurements[0].mr_seam[0] is all zero",
        ),
        (
            "/measurements/0/mr_seam",
            json!(["ab".repeat(48), "AB".repeat(48)]),
            "mr_seam has the same entry twice",
        ),
        (
            "/measurements/0/not_after",
            json!("tomorrow"),
            "measurements[0].not_after is neither",
        ),
        (
            "/measurements/0/least_suite",
            json!(0),
            "measurements[0].least_suite is 0",
        ),
        ("/measurements/0/more", json!(1), "unknown field `more`"),
        ("/accept_status", json!([]), "accept_status is empty"),
        (
            "/accept_status",
            json!(["Revoked"]),
            "accept_status[0] is \"Revoked\"",
        ),
        (
            "/accept_status",
            json!(["UpToDate", "uptodate"]),
            "accept_status has the same entry twice",
        ),
        (
            "/accept_status",
            json!(["any"]),
            "accept_status[0] is unknown",
        ),
        (
            "/accept_status",
            json!(["OutOfDate"]),
            "out_of_date_until is due",
        ),
        (
            "/accept_status",
            json!(["TDRelaunchAdvised"]),
            "out_of_date_until is due",
        ),
        ("/out_of_date_until", json!(1), "out_of_date_until is due"),
        (
            "/least_tcb_evaluation_data_number",
            json!(0),
            "least_tcb_evaluation_data_number is 0",
        ),
        (
            "/reject_advisories",
            json!([]),
            "reject_advisories is empty",
        ),
        (
            "/reject_advisories",
            json!("any"),
            "reject_advisories is unknown",
        ),
        (
            "/reject_advisories",
            json!(["intel-sa-00001"]),
            "reject_advisories[0] is unknown",
        ),
        (
            "/reject_advisories",
            json!(["INTEL-SA-1036"]),
            "reject_advisories[0] is unknown",
        ),
        (
            "/collateral_max_age_seconds",
            json!(0),
            "collateral_max_age_seconds is empty",
        ),
        ("/fmspcs", json!("none"), "fmspcs is unknown"),
        (
            "/fmspcs",
            json!(["50806f"]),
            "fmspcs[0] has 6 characters, not 12",
        ),
        ("/ppids", json!([]), "ppids is empty"),
        ("/ppids", json!(["00".repeat(16)]), "ppids[0] is all zero"),
        ("/more", json!(1), "unknown field `more`"),
    ];
    for (path, value, message) in cases {
        let (parent, field) = path.rsplit_once('/').expect("a path");
        let mut rules = whole();
        rules.pointer_mut(parent).expect("it is there")[field] = value;
        names(&rules, message);
    }
    let mut rules = whole();
    let twice = rules["measurements"][0].clone();
    push(&mut rules, twice);
    names(&rules, "two measurement sets have the label");
    let mut rules = whole();
    (rules["accept_status"], rules["out_of_date_until"]) = (json!(["OutOfDate"]), json!("soon"));
    names(&rules, "out_of_date_until is neither");
}

/// The first would stand for the second, which may end earlier or ask for more.
#[test]
fn no_quote_matches_two_sets() {
    let mut rules = whole();
    let mut other = rules["measurements"][0].clone();
    other["label"] = json!("other");
    other["not_after"] = json!(1);
    other["mr_seam"] = json!(["77".repeat(48), "5E".repeat(48)]);
    push(&mut rules, other);
    names(&rules, "measurements (\"other\") has the same entry twice");
}

fn push(rules: &mut Value, set: Value) {
    rules["measurements"]
        .as_array_mut()
        .expect("a list")
        .push(set);
}

fn names(rules: &Value, message: &str) {
    let error = load(rules).expect_err(message);
    assert!(
        error.contains(message),
        "expected {message:?}, found {error:?}"
    );
}
