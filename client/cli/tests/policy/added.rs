//! `add` of sets of every kind from a file with the set. From evidence: `made`.

use std::path::Path;

use serde_json::{Value, json};

use super::contents::ROLE;
use super::{Case, digest, folder, loaded, policy, printed, refusal, write};

pub const CASES: &[Case] = &[
    (
        "a_set_of_sev_snp_is_added_where_there_are_rules",
        None,
        a_set_of_sev_snp_is_added_where_there_are_rules,
    ),
    (
        "a_set_of_each_kind_is_added_where_there_are_rules",
        None,
        a_set_of_each_kind_is_added_where_there_are_rules,
    ),
    (
        "what_no_set_can_say_is_not_added",
        None,
        what_no_set_can_say_is_not_added,
    ),
    (
        "flags_that_would_be_passed_over_are_refused",
        None,
        flags_that_would_be_passed_over_are_refused,
    ),
];

pub const TDX: &str = include_str!("../../../../docs/policies/2026-11-tdx.json");
pub const AZURE_VTPM: &str = include_str!("../../../../docs/policies/2026-11-azure-vtpm.json");
const TOKEN: &str = include_str!("../../../../docs/policies/2026-11-token.json");

pub const GOOGLE: &str = "https://confidentialcomputing.googleapis.com";
pub const AZURE: &str = "https://sharedweu.weu.attest.azure.net";
pub const INTEL: &str = "https://portal.trustauthority.intel.com";

/// A policy for SEV-SNP, with one set.
pub fn sev_snp(more: &str) -> String {
    format!(
        r#"{{"version": 2, "evidence": {{"sev-snp": {{
            "measurements": [{}],
            "products": {{"genoa": {{"least_tcb": {{"bootloader": 10, "tee": 0, "snp": 23, "microcode": 84}},
                "least_firmware": "1.55.40", "least_mitigations": 0}}}},
            "endorsement": "vcek", "guest_policy": {{"abi": "0.31", "smt_allowed": true}},
            "platform_bits": ["ecc", "alias_check_complete"], "chip_ids": "any"{more}}}}}}}"#,
        sev_snp_set(1)
    )
}

fn sev_snp_set(byte: u8) -> String {
    format!(
        r#"{{"label": "guest {byte}", "measurement": "{}", "host_data": "zero", "id_key_digest": "zero",
            "author_key_digest": "zero"}}"#,
        digest(byte)
    )
}

fn a_set_of_sev_snp_is_added_where_there_are_rules() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "p.json", sev_snp(""));
    write(folder, "guest.json", sev_snp_set(2));
    write(folder, "first.json", sev_snp_set(1));
    printed(&policy(folder, &["add", "p.json", "guest.json"]), 0);
    let sets = |name| {
        loaded(folder, name)
            .sev_snp()
            .unwrap()
            .measurement_sets()
            .to_vec()
    };
    assert_eq!(sets("p.json")[1].label(), "guest 2");
    assert_eq!(sets("p.json")[1].measurement(), &[2; 48]);
    let error = refusal(
        &policy(folder, &["add", "p.json", "first.json", "--label", "x"]),
        2,
    );
    assert!(error.contains("the same entry twice"), "{error}");
    printed(&policy(folder, &["remove", "p.json", "guest 1"]), 0);
    assert_eq!(sets("p.json").len(), 1);
    // An enclave of Nitro beside the guests.
    printed(
        &policy(folder, &["add", "p.json", "old.json", "--pin-role", ROLE]),
        0,
    );
    assert!(loaded(folder, "p.json").nitro().unwrap().has_machine_pin());
    printed(&policy(folder, &["new", "old.json", "-o", "nitro.json"]), 0);
    for arguments in [
        &["add", "nitro.json", "guest.json"][..],
        &["new", "guest.json", "-o", "x.json"],
    ] {
        let error = refusal(&policy(folder, arguments), 2);
        assert!(error.contains("docs/policies.md"), "{error}");
    }
}

/// The sets of a policy.
pub fn sets(json: &str, pointer: &str) -> Vec<Value> {
    let json: Value = serde_json::from_str(json).unwrap();
    json.pointer(pointer).unwrap().as_array().unwrap().clone()
}

pub fn stored(folder: &Path, pointer: &str) -> Vec<Value> {
    let json = std::fs::read_to_string(folder.join("p.json")).unwrap();
    sets(&json, pointer)
}

/// Of each kind a policy, where its sets are, the value in a set that is changed to make another, and the issuer.
pub const KINDS: [(&str, &str, &str, Option<&str>); 5] = [
    (TDX, "/evidence/tdx/measurements", "/rtmr3", None),
    (
        AZURE_VTPM,
        "/evidence/azure-vtpm/measurements",
        "/pcrs/9",
        None,
    ),
    (
        TOKEN,
        "/evidence/token/issuers/0/measurements",
        "/container/args/0",
        Some(GOOGLE),
    ),
    (
        TOKEN,
        "/evidence/token/issuers/1/measurements",
        "/sev_snp/host_data",
        Some(AZURE),
    ),
    (
        TOKEN,
        "/evidence/token/issuers/2/measurements",
        "/tdx/rtmr3",
        Some(INTEL),
    ),
];

fn another(set: &Value, at: &str) -> Value {
    let mut set = set.clone();
    set["label"] = "next".into();
    let value = set.pointer_mut(at).unwrap();
    let text = value.as_str().unwrap();
    *value = match text.strip_prefix('/') {
        Some(path) => format!("/next/{path}").into(),
        None if text == "zero" => "5e".repeat(32).into(),
        None => "5e".repeat(text.len() / 2).into(),
    };
    set
}

fn add<'a>(issuer: Option<&'a str>, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["add", "p.json", "set.json"];
    arguments.extend(issuer.iter().flat_map(|issuer| ["--issuer", issuer]));
    arguments.extend(more);
    arguments
}

fn a_set_of_each_kind_is_added_where_there_are_rules() {
    for (json, at, value, issuer) in KINDS {
        let folder = folder();
        let folder = folder.path();
        write(folder, "p.json", json);
        let known = sets(json, at);
        let next = another(&known[0], value);
        write(folder, "set.json", next.to_string());
        let said = printed(&policy(folder, &add(issuer, &["--least-suite", "1"])), 0);
        assert_eq!(said, "p.json: written, serial 2, accepts \"next\" too\n");
        loaded(folder, "p.json");
        let mut due = next.clone();
        due["least_suite"] = 1.into();
        assert_eq!(stored(folder, at), [known.clone(), vec![due]].concat());
        printed(&policy(folder, &["remove", "p.json", "next"]), 0);
        assert_eq!(stored(folder, at), known);

        // Label and end may be other ones; the values may not be there yet.
        let named = add(
            issuer,
            &["--label", "x", "--not-after", "2027-04-01T00:00:00Z"],
        );
        printed(&policy(folder, &named), 0);
        let last = stored(folder, at).pop().unwrap();
        assert_eq!(last["label"], "x");
        assert_eq!(last["not_after"], "2027-04-01T00:00:00Z");
        assert_eq!(last.pointer(value), next.pointer(value));
        let error = refusal(&policy(folder, &add(issuer, &["--label", "y"])), 2);
        assert!(error.contains("no policy can be made: "), "{error}");
        let error = refusal(&policy(folder, &add(issuer, &["--label", "x"])), 2);
        assert!(error.contains("has a set \"x\" already"), "{error}");

        // Which machines are accepted is for somebody to decide.
        printed(&policy(folder, &["new", "old.json", "-o", "nitro.json"]), 0);
        std::fs::rename(folder.join("nitro.json"), folder.join("p.json")).unwrap();
        let error = refusal(&policy(folder, &add(issuer, &[])), 2);
        assert!(error.contains("the policy says nothing of "), "{error}");
        let error = refusal(&policy(folder, &["new", "set.json", "-o", "x.json"]), 2);
        assert!(error.contains("docs/policies.md"), "{error}");
    }
}

fn what_no_set_can_say_is_not_added() {
    let zero = |len| Value::from("0".repeat(len));
    let cases = [
        (0, "/mrtd", zero(96), "all zero"),
        (0, "/rtmr3", zero(96), "all zero"),
        (0, "/rtmr3", "c4c4".into(), "has 4 characters, not 96"),
        (0, "/rtmr3", Value::Null, "invalid type: null"),
        (0, "/mr_owner", "zer0".into(), "has 4 characters, not 96"),
        (0, "/mr_seam", json!([]), "mr_seam"),
        (0, "/mr_seam/0", zero(96), "all zero"),
        (0, "/xfam", zero(16), "all zero"),
        (1, "/pcrs/0", zero(64), "all zero"),
        (1, "/pcrs/4", "zero".into(), "pcrs"),
        (1, "/pcrs", json!({"0": "e0".repeat(32)}), "pcrs"),
        (1, "/tee", "sgx".into(), "unknown variant"),
        (
            2,
            "/container/image_digest",
            "a1".repeat(32).into(),
            "image_digest",
        ),
        (2, "/container/args", json!([]), "args"),
        (3, "/sev_snp/measurement", zero(96), "all zero"),
        (4, "/tdx/rtmr0", zero(96), "all zero"),
        (
            4,
            "/tdx/td_attributes",
            "0100001000000000".into(),
            "td_attributes",
        ),
        // A set of another issuer's.
        (4, "/tdx", Value::Null, "null"),
    ];
    let folder = folder();
    let folder = folder.path();
    for (kind, at, wrong, due) in cases {
        let (json, sets_at, value, issuer) = KINDS[kind];
        write(folder, "p.json", json);
        let mut set = another(&sets(json, sets_at)[0], value);
        *set.pointer_mut(at).unwrap() = wrong;
        write(folder, "set.json", set.to_string());
        let error = refusal(&policy(folder, &add(issuer, &[])), 2);
        assert!(error.contains(due), "{at}: {error}");
        let left = std::fs::read_to_string(folder.join("p.json")).unwrap();
        assert_eq!(left, json, "{at}");
    }
    for (kind, missing) in [(0, "rtmr2"), (1, "tee"), (2, "container")] {
        let (json, sets_at, value, issuer) = KINDS[kind];
        write(folder, "p.json", json);
        let mut set = another(&sets(json, sets_at)[0], value);
        set.as_object_mut().unwrap().remove(missing);
        write(folder, "set.json", set.to_string());
        refusal(&policy(folder, &add(issuer, &[])), 2);
    }
}

fn flags_that_would_be_passed_over_are_refused() {
    let folder = folder();
    let folder = folder.path();
    let (json, at, value, _) = KINDS[0];
    write(folder, "p.json", json);
    let set = another(&sets(json, at)[0], value);
    write(folder, "set.json", set.to_string());
    for (flags, due) in [
        (&["--pin-role", ROLE][..], "registers of Nitro"),
        (&["--issuer", GOOGLE], "--issuer is for the set of a token"),
        (&["--kind", "tdx"], "check T1: the quote is of TEE type"),
        (&["--kind", "sgx"], "the kinds are"),
    ] {
        let run = policy(folder, &add(None, flags));
        let error = String::from_utf8(run.stderr).unwrap();
        assert_ne!(run.status.code(), Some(0));
        assert!(error.contains(due), "{flags:?}: {error}");
    }
    write(folder, "set.json", &set.to_string()[1..]);
    let error = refusal(&policy(folder, &add(None, &[])), 2);
    assert!(error.contains("Evidence needs --kind"), "{error}");
    // A model is of the session, whatever the machine.
    let model = digest(7);
    write(folder, "set.json", set.to_string());
    let arguments = add(None, &["--model-digest", &model]);
    printed(&policy(folder, &arguments), 0);
    let policy = loaded(folder, "p.json");
    assert_eq!(policy.session().model_digests().unwrap().len(), 2);
    // Several issuers: somebody must say whose.
    let (json, at, value, _) = KINDS[2];
    write(folder, "p.json", json);
    let set = another(&sets(json, at)[0], value);
    write(folder, "set.json", set.to_string());
    for (flags, due) in [
        (&[][..], "name one by --issuer"),
        (&["--issuer", "https://elsewhere.example"], "does not trust"),
        (&["--issuer", INTEL], "tdx"),
    ] {
        let error = refusal(&super::policy(folder, &add(None, flags)), 2);
        assert!(error.contains(due), "{flags:?}: {error}");
    }
}
