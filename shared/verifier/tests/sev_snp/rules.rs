//! Rules that load, and rules that do not: each error names its field.

use sealnote_verifier::Policy;
use sealnote_verifier::sev_snp::rules::{ChipRule, CrlRule, DEFAULT_CRL_MAX_AGE_SECONDS};
use sealnote_verifier::sev_snp::{Product, Rules};
use serde_json::{Value, json};

use super::own_policy;

fn whole() -> Value {
    json!({
        "measurements": [{
            "label": "release",
            "not_after": "2027-03-01T00:00:00Z",
            "least_suite": 2,
            "measurement": "Ab".repeat(48),
            "host_data": "zero",
            "id_key_digest": "cd".repeat(48),
            "author_key_digest": "zero",
        }],
        "products": {
            "genoa": {
                "least_tcb": {"bootloader": 10, "tee": 0, "snp": 23, "microcode": 84},
                "least_firmware": "1.55.40",
                "least_mitigations": 0,
            },
            "turin": {
                "least_tcb": {"fmc": 1, "bootloader": 1, "tee": 1, "snp": 4, "microcode": 81},
                "least_firmware": "1.55.65",
                "least_mitigations": 63,
            },
        },
        "endorsement": "vcek",
        "guest_policy": {"abi": "0.31", "smt_allowed": true},
        "platform_bits": ["ecc", "alias_check_complete"],
        "chip_ids": "any",
    })
}

#[test]
fn what_is_left_out_is_strict() {
    let policy = Policy::from_json(own_policy::policy(&whole())).expect("rules");
    let rules: &Rules = policy.sev_snp().expect("rules");
    let max_age_seconds = DEFAULT_CRL_MAX_AGE_SECONDS;
    assert_eq!(rules.crl(), CrlRule::Required { max_age_seconds });
    assert_eq!(rules.vmpl(), 0);
    assert_eq!(rules.guest_policy(), 0x3_001f);
    assert_eq!(rules.platform_bits(), 0x24);
    assert_eq!(*rules.chips(), ChipRule::Any);
    assert_eq!(rules.floors(Product::Milan), None);
    assert_eq!(
        rules
            .floors(Product::Turin)
            .map(|floors| floors.mitigations),
        Some(63)
    );
    assert_eq!(rules.measurement_sets()[0].measurement(), &[0xab; 48]);
    assert_eq!(policy.least_suites().collect::<Vec<_>>(), [Some(2)]);
}

/// Without any one field that has no strict meaning of its own, there is no policy.
#[test]
fn nothing_that_matters_can_be_left_out() {
    let paths = [
        "/measurements",
        "/measurements/0/label",
        "/measurements/0/measurement",
        "/measurements/0/host_data",
        "/measurements/0/id_key_digest",
        "/measurements/0/author_key_digest",
        "/products",
        "/products/genoa/least_tcb",
        "/products/genoa/least_firmware",
        "/products/genoa/least_mitigations",
        "/products/genoa/least_tcb/bootloader",
        "/products/genoa/least_tcb/tee",
        "/products/genoa/least_tcb/snp",
        "/products/genoa/least_tcb/microcode",
        "/products/turin/least_tcb/fmc",
        "/endorsement",
        "/guest_policy",
        "/guest_policy/abi",
        "/platform_bits",
        "/chip_ids",
    ];
    for path in paths {
        let (parent, field) = path.rsplit_once('/').expect("a path");
        let mut rules = whole();
        let parent = rules.pointer_mut(parent).and_then(Value::as_object_mut);
        parent
            .and_then(|parent| parent.remove(field))
            .expect("it is there");
        names(&rules, field);
        let mut rules = whole();
        *rules.pointer_mut(path).expect("it is there") = Value::Null;
        // As if it were not there: a script's empty variable is no answer.
        assert!(
            Policy::from_json(own_policy::policy(&rules)).is_err(),
            "{path}: null"
        );
    }
}

#[test]
fn what_does_not_load() {
    let zero = "00".repeat(48);
    let cases = [
        ("/measurements", json!([]), "measurements is empty"),
        (
            "/measurements/0/label",
            json!(" "),
            "measurements[0].label is empty",
        ),
        (
            "/measurements/0/measurement",
            json!(zero),
            "measurements[0].measurement is all zero",
        ),
        (
            "/measurements/0/measurement",
            json!("zero"),
            "measurements[0].measurement has 4",
        ),
        (
            "/measurements/0/measurement",
            json!("zz".repeat(48)),
            "not hex digits",
        ),
        (
            "/measurements/0/host_data",
            json!("00".repeat(32)),
            "measurements[0].host_data is all zero",
        ),
        (
            "/measurements/0/host_data",
            json!("11".repeat(48)),
            "host_data has 96 characters, not 64",
        ),
        (
            "/measurements/0/id_key_digest",
            json!(zero),
            "id_key_digest is all zero",
        ),
        (
            "/measurements/0/author_key_digest",
            json!(""),
            "author_key_digest has 0",
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
        ("/products", json!({}), "products is empty"),
        ("/products/rome", json!({}), "unknown field `rome`"),
        (
            "/products/genoa/least_tcb/fmc",
            json!(1),
            "products.genoa.least_tcb.fmc is due for turin",
        ),
        (
            "/products/genoa/least_tcb/microcode",
            json!(256),
            "microcode",
        ),
        (
            "/products/genoa/least_tcb",
            json!({"bootloader": 0, "tee": 0, "snp": 0, "microcode": 0}),
            "least_tcb is all zero",
        ),
        (
            "/products/genoa/least_firmware",
            json!("0.0.0"),
            "least_firmware is all zero",
        ),
        (
            "/products/genoa/least_firmware",
            json!("1.55"),
            "least_firmware is no version",
        ),
        (
            "/products/genoa/least_firmware",
            json!("1.55.+40"),
            "least_firmware is no version",
        ),
        (
            "/products/genoa/least_firmware",
            json!("1.55.256"),
            "least_firmware is no version",
        ),
        ("/endorsement", json!("any"), "unknown variant `any`"),
        ("/endorsement", json!("vlek"), "csp_ids"),
        ("/csp_ids", json!(["CN=cloud"]), "csp_ids"),
        ("/crl", json!("optional"), "unknown variant `optional`"),
        (
            "/crl_max_age_seconds",
            json!(0),
            "crl_max_age_seconds is empty",
        ),
        (
            "/guest_policy/abi",
            json!("31"),
            "guest_policy.abi is no version",
        ),
        ("/guest_policy/debug", json!(true), "unknown field `debug`"),
        ("/vmpl", json!(4), "vmpl is 4"),
        ("/platform_bits", json!([]), "platform_bits is empty"),
        ("/platform_bits", json!("any"), "platform_bits is unknown"),
        (
            "/platform_bits",
            json!(["ecc", "smt"]),
            "platform_bits[1] is unknown",
        ),
        (
            "/platform_bits",
            json!(["ecc", "ecc"]),
            "platform_bits has the same entry twice",
        ),
        ("/chip_ids", json!([]), "chip_ids is empty"),
        ("/chip_ids", json!("none"), "chip_ids is unknown"),
        (
            "/chip_ids",
            json!(["00".repeat(64)]),
            "chip_ids[0] is all zero",
        ),
        (
            "/chip_ids",
            json!(["00".repeat(8)]),
            "chip_ids[0] is all zero",
        ),
        (
            "/chip_ids",
            json!(["11"]),
            "chip_ids[0] has 2 characters, not 128",
        ),
        ("/more", json!(1), "unknown field `more`"),
    ];
    for (path, value, message) in cases {
        let (parent, field) = path.rsplit_once('/').expect("a path");
        let mut rules = whole();
        let parent = rules.pointer_mut(parent).expect("it is there");
        parent[field] = value;
        names(&rules, message);
    }
    let mut rules = whole();
    let twice = rules["measurements"][0].clone();
    rules["measurements"]
        .as_array_mut()
        .expect("a list")
        .push(twice);
    names(&rules, "two measurement sets have the label");
    let mut rules = whole();
    (rules["crl"], rules["crl_max_age_seconds"]) = (json!("none"), json!(60));
    names(&rules, "crl_max_age_seconds has no meaning");
    let mut rules = whole();
    (rules["endorsement"], rules["csp_ids"]) = (json!("vlek"), json!([]));
    names(&rules, "csp_ids is empty");
}

fn names(rules: &Value, message: &str) {
    let loaded = Policy::from_json(own_policy::policy(rules));
    let error = loaded.expect_err(message).to_string();
    assert!(
        error.contains(message),
        "expected {message:?}, found {error:?}"
    );
}

/// The first would stand for the second, which may end earlier or ask for more.
#[test]
fn no_two_sets_have_the_same_values() {
    let mut rules = whole();
    let mut other = rules["measurements"][0].clone();
    other["label"] = json!("other");
    other["not_after"] = json!(1);
    let sets = rules["measurements"].as_array_mut().unwrap();
    sets.push(other);
    names(&rules, "measurements (\"other\") has the same entry twice");
}
