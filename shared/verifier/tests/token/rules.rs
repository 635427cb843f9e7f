//! Rules that cannot be used, and the error of each.

use sealnote_verifier::token::Rules;
use sealnote_verifier::token::rules::{RulesError, RulesFile, ValueFault};
use serde_json::{Value, json};

use super::claims::{hex, issuer_rules};
use super::fixture::Base;

fn with(base: Base, edit: impl FnOnce(&mut Value)) -> Value {
    let mut rules = issuer_rules(base);
    rules["keys"] = match base {
        Base::Google => json!({"root": [hex("11", 32)]}),
        _ => json!({"jwks": [hex("11", 32), hex("22", 32)]}),
    };
    let mut file = json!({ "issuers": [rules] });
    edit(&mut file);
    file
}

fn load(file: Value) -> Result<Rules, RulesError> {
    let file: RulesFile = serde_json::from_value(file).expect("the shape");
    Rules::load(file)
}

fn is_due(field: &str, error: &RulesError) -> bool {
    matches!(error, RulesError::Due { field: found, .. } if found == field)
}

fn is_unused(field: &str, error: &RulesError) -> bool {
    matches!(error, RulesError::Unused { field: found, .. } if found == field)
}

#[test]
fn one_issuer_of_each_profile_can_be_named() {
    let issuers = [Base::Google, Base::AzureTdx, Base::Intel].map(|base| {
        let mut file = with(base, |_| ());
        let mut rules = file["issuers"][0].take();
        rules["measurements"][0]["label"] = base.profile().into();
        rules
    });
    let rules = load(json!({ "issuers": issuers })).expect("three issuers");
    let labels: Vec<&str> = rules.measurement_sets().map(|set| set.label()).collect();
    assert_eq!(labels, ["google", "azure", "intel"]);
}

#[test]
fn a_field_of_another_name_or_null_is_refused() {
    for (at, name) in [
        ("", "issuer"),
        ("/issuers/0", "audiences"),
        ("/issuers/0/keys", "jku"),
        ("/issuers/0/measurements/0", "mrtd"),
        ("/issuers/0/measurements/0/tdx", "mrseam"),
    ] {
        let file = with(Base::Intel, |file| {
            file.pointer_mut(at).expect("an object")[name] = json!("x");
        });
        assert!(serde_json::from_value::<RulesFile>(file).is_err(), "{name}");
    }
    for name in ["audience", "policy_hash", "tcb_status", "least_svn"] {
        let file = with(Base::Intel, |file| file["issuers"][0][name] = Value::Null);
        assert!(serde_json::from_value::<RulesFile>(file).is_err(), "{name}");
    }
}

#[test]
fn what_is_left_out_accepts_no_more() {
    let without = |base, name: &'static str| {
        let file = with(base, |file| {
            let rules = file["issuers"][0].as_object_mut().expect("an object");
            rules.remove(name).expect("a field to be removed");
        });
        load(file).expect_err("a field is due")
    };
    for (base, name) in [
        (Base::Google, "audience"),
        (Base::Google, "tcb_status"),
        (Base::AzureTdx, "policy_hash"),
        (Base::AzureTdx, "tcb_status"),
        (Base::AzureSevSnp, "least_svn"),
        (Base::Intel, "policy_hash"),
    ] {
        let error = without(base, name);
        assert!(is_due(&format!("issuers[0].{name}"), &error), "{error}");
    }
    for name in ["profile", "issuer", "keys", "measurements"] {
        let mut file = with(Base::Intel, |_| ());
        file["issuers"][0]
            .as_object_mut()
            .expect("an object")
            .remove(name);
        assert!(serde_json::from_value::<RulesFile>(file).is_err(), "{name}");
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    let word =
        |name: &'static str, value: Value| move |file: &mut Value| file["issuers"][0][name] = value;
    let floor = json!({"bootloader": 1, "tee": 1, "snp": 1, "microcode": 1});
    for (name, file) in [
        (
            "policy_hash",
            with(Base::Google, word("policy_hash", json!("none"))),
        ),
        (
            "tcb_status",
            with(Base::AzureSevSnp, word("tcb_status", json!(["UpToDate"]))),
        ),
        ("least_svn", with(Base::AzureTdx, word("least_svn", floor))),
        (
            "keys.root",
            with(Base::Intel, word("keys", json!({"root": [hex("11", 32)]}))),
        ),
        (
            "measurements[0].container.env.HOSTNAME",
            with(Base::Google, |file| {
                file["issuers"][0]["measurements"][0]["container"]["env"]["HOSTNAME"] = "x".into();
            }),
        ),
    ] {
        let error = load(file).expect_err(name);
        let ends = [format!("issuers[0].{name}"), name.to_owned()];
        assert!(ends.iter().any(|field| is_unused(field, &error)), "{error}");
    }
}

#[test]
fn an_azure_policy_is_not_waived_by_a_word() {
    let file = with(Base::AzureTdx, |file| {
        file["issuers"][0]["policy_hash"] = "none".into()
    });
    let rules = load(file).expect("a policy of that name");
    assert_eq!(rules.issuers()[0].policy_hash(), Some("none"));
}

#[test]
fn empty_double_and_zero_values_are_refused() {
    let set = |name: &'static str, value: Value| {
        move |file: &mut Value| file["issuers"][0]["measurements"][0]["tdx"][name] = value
    };
    let field =
        |name: &'static str, value: Value| move |file: &mut Value| file["issuers"][0][name] = value;
    let digest = hex("11", 32);
    let cases: [(&str, Value); 13] = [
        ("is empty", json!({"issuers": []})),
        ("is empty", with(Base::Intel, field("issuer", json!(" ")))),
        (
            "is empty",
            with(Base::Intel, field("measurements", json!([]))),
        ),
        (
            "is empty",
            with(Base::Intel, field("tcb_status", json!([]))),
        ),
        (
            "is empty",
            with(Base::Intel, field("keys", json!({"jwks": []}))),
        ),
        (
            "same entry twice",
            with(
                Base::Intel,
                field("keys", json!({"jwks": [digest, digest]})),
            ),
        ),
        (
            "same entry twice",
            with(
                Base::Intel,
                field("tcb_status", json!(["UpToDate", "UpToDate"])),
            ),
        ),
        (
            "all zero",
            with(Base::Intel, set("rtmr3", json!(hex("00", 48)))),
        ),
        (
            "not 96 hex digits",
            with(Base::Intel, set("mrtd", json!("zero"))),
        ),
        (
            "SEPT_VE_DISABLE",
            with(Base::Intel, set("td_attributes", json!("0100001000000000"))),
        ),
        (
            "SEPT_VE_DISABLE",
            with(Base::Intel, set("td_attributes", json!("0000008000000000"))),
        ),
        (
            "SERVTD_EXT",
            with(Base::Intel, set("td_attributes", json!("0000021000000000"))),
        ),
        (
            "reserved",
            with(Base::Intel, set("td_attributes", json!("0001001000000000"))),
        ),
    ];
    for (message, file) in cases {
        let error = load(file).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    let zero = json!({"bootloader": 0, "tee": 0, "snp": 0, "microcode": 0});
    let file = with(Base::AzureSevSnp, field("least_svn", zero));
    assert!(matches!(load(file), Err(RulesError::NoFloor { .. })));
    let file = with(Base::Intel, set("xfam", json!("not hex digits..")));
    let fault = ValueFault::NotHex;
    assert!(matches!(load(file), Err(RulesError::Value { fault: found, .. }) if found == fault));
}

#[test]
fn sets_are_of_the_issuers_kind_and_differ() {
    let swap = |base, other| {
        with(base, |file| {
            file["issuers"][0]["measurements"] = issuer_rules(other)["measurements"].clone();
        })
    };
    for file in [
        swap(Base::Google, Base::Intel),
        swap(Base::Intel, Base::AzureSevSnp),
        swap(Base::AzureTdx, Base::Google),
        with(Base::AzureTdx, |file| {
            let both = issuer_rules(Base::AzureSevSnp)["measurements"][0]["sev_snp"].clone();
            file["issuers"][0]["measurements"][0]["sev_snp"] = both;
        }),
    ] {
        let error = load(file).expect_err("another kind");
        assert!(matches!(error, RulesError::Measured { .. }), "{error}");
    }
    let mut twice = with(Base::Intel, |_| ());
    let sets = twice["issuers"][0]["measurements"]
        .as_array_mut()
        .expect("sets");
    sets.push(sets[0].clone());
    sets[1]["label"] = "two".into();
    let error = load(twice.clone()).expect_err("the same values");
    assert!(matches!(error, RulesError::Duplicate { .. }), "{error}");
    twice["issuers"][0]["measurements"][1]["tdx"]["mrtd"] = hex("ee", 48).into();
    assert!(load(twice.clone()).is_ok());
    twice["issuers"][0]["measurements"][1]["label"] = "one".into();
    let error = load(twice).expect_err("the same label");
    assert!(
        matches!(error, RulesError::DuplicateLabel { .. }),
        "{error}"
    );
    let mut issuers = with(Base::Intel, |_| ());
    let list = issuers["issuers"].as_array_mut().expect("issuers");
    list.push(list[0].clone());
    let error = load(issuers).expect_err("the same issuer");
    assert!(
        matches!(error, RulesError::DuplicateIssuer { .. }),
        "{error}"
    );
}

#[test]
fn rtmrs_and_what_the_owner_put_in_may_be_zero_by_the_word() {
    for name in ["rtmr0", "rtmr1", "rtmr2", "rtmr3"].into_iter().chain([
        "mr_config_id",
        "mr_owner",
        "mr_owner_config",
    ]) {
        let file = with(Base::AzureTdx, |file| {
            file["issuers"][0]["measurements"][0]["tdx"][name] = "zero".into();
        });
        load(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn statuses_are_intels_and_one_that_lacks_an_update_has_an_end() {
    let statuses = |base, words: &[&str], until: Option<u64>| {
        load(with(base, |file| {
            let rules = &mut file["issuers"][0];
            rules["tcb_status"] = json!(words);
            if let Some(until) = until {
                rules["out_of_date_until"] = until.into();
            }
        }))
    };
    let is_word = |error: &RulesError| matches!(error, RulesError::Word { .. });
    let is_revoked = |error: &RulesError| matches!(error, RulesError::Revoked { .. });
    let is_until = |error: &RulesError| matches!(error, RulesError::OutOfDateUntil { .. });
    for base in [Base::Google, Base::AzureTdx, Base::Intel] {
        for word in ["uptodate", "Uptodate ", "any"] {
            let error = statuses(base, &["UpToDate", word], None).expect_err(word);
            assert!(is_word(&error), "{error}");
        }
        for until in [None, Some(1_800_000_000)] {
            let error = statuses(base, &["OutOfDate", "Revoked"], until).expect_err("revoked");
            assert!(is_revoked(&error), "{error}");
        }
        for word in [
            "OutOfDate",
            "OutOfDateConfigurationNeeded",
            "TDRelaunchAdvised",
            "TDRelaunchAdvisedConfigurationNeeded",
        ] {
            let error = statuses(base, &["UpToDate", word], None).expect_err(word);
            assert!(is_until(&error), "{error}");
            let rules = statuses(base, &["UpToDate", word], Some(1_800_000_000));
            assert!(rules.is_ok(), "{word}");
        }
        let error = statuses(base, &["UpToDate"], Some(1_800_000_000)).expect_err("no use");
        assert!(is_until(&error), "{error}");
    }
    let file = with(Base::AzureSevSnp, |file| {
        file["issuers"][0]["out_of_date_until"] = 1_800_000_000.into();
    });
    let error = load(file).expect_err("no status");
    assert!(is_unused("issuers[0].out_of_date_until", &error), "{error}");
    let file = with(Base::Intel, |file| {
        file["issuers"][0]["tcb_status"] = json!(["OutOfDate"]);
        file["issuers"][0]["out_of_date_until"] = "soon".into();
    });
    let error = load(file).expect_err("no time");
    assert!(matches!(error, RulesError::Time { .. }), "{error}");
}
