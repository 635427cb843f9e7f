//! `add` of sets of every kind: from a file with the set, from evidence, and from what `inspect` prints of it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_software_attester::{azure_vtpm, sev_snp as snp, tdx};
use sealnote_verifier::azure_vtpm::Parts;
use sealnote_verifier::{Policy, TrustRoots, UnixTime};
use serde_json::{Value, json};

use super::contents::ROLE;
use super::{Case, digest, folder, loaded, policy, printed, refusal, sealnote, write};

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
        "a_quote_is_accepted_by_the_set_that_was_made_of_it",
        None,
        a_quote_is_accepted_by_the_set_that_was_made_of_it,
    ),
    (
        "a_report_makes_the_set_that_it_says",
        None,
        a_report_makes_the_set_that_it_says,
    ),
    (
        "a_tpm_quote_makes_the_set_that_it_says",
        None,
        a_tpm_quote_makes_the_set_that_it_says,
    ),
    (
        "a_token_makes_a_set_of_its_issuer",
        None,
        a_token_makes_a_set_of_its_issuer,
    ),
    (
        "flags_that_would_be_passed_over_are_refused",
        None,
        flags_that_would_be_passed_over_are_refused,
    ),
];

const TDX: &str = include_str!("../../../../docs/policies/2026-11-tdx.json");
const AZURE_VTPM: &str = include_str!("../../../../docs/policies/2026-11-azure-vtpm.json");
const TOKEN: &str = include_str!("../../../../docs/policies/2026-11-token.json");

const GOOGLE: &str = "https://confidentialcomputing.googleapis.com";
const AZURE: &str = "https://sharedweu.weu.attest.azure.net";
const INTEL: &str = "https://portal.trustauthority.intel.com";

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
fn sets(json: &str, pointer: &str) -> Vec<Value> {
    let json: Value = serde_json::from_str(json).unwrap();
    json.pointer(pointer).unwrap().as_array().unwrap().clone()
}

fn stored(folder: &Path, pointer: &str) -> Vec<Value> {
    let json = std::fs::read_to_string(folder.join("p.json")).unwrap();
    sets(&json, pointer)
}

/// Of each kind a policy, where its sets are, the value in a set that is changed to make another, and the issuer.
const KINDS: [(&str, &str, &str, Option<&str>); 5] = [
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

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// Adds what evidence says, by itself and by what is printed of it, which must come to the same.
fn add_evidence(folder: &Path, kind: &str, evidence: &[u8]) {
    write(folder, "evidence.bin", evidence);
    let before = std::fs::read(folder.join("p.json")).unwrap();
    let inspect = ["inspect", "--kind", kind, "evidence.bin", "--json"];
    let inspected = printed(&sealnote(folder, &inspect), 0);
    write(folder, "inspected.json", inspected);
    let arguments = ["add", "p.json", "inspected.json", "--label", "found"];
    printed(&policy(folder, &arguments), 0);
    let by_inspect = std::fs::read(folder.join("p.json")).unwrap();
    write(folder, "p.json", before);
    let arguments = [
        "add",
        "p.json",
        "evidence.bin",
        "--kind",
        kind,
        "--label",
        "found",
    ];
    let said = printed(&policy(folder, &arguments), 0);
    let warning = said.lines().nth(1).unwrap();
    assert!(warning.starts_with("warning: these are the values that the evidence says"));
    assert_eq!(std::fs::read(folder.join("p.json")).unwrap(), by_inspect);
}

fn a_quote_is_accepted_by_the_set_that_was_made_of_it() {
    let folder = folder();
    let folder = folder.path();
    let set = &sets(TDX, KINDS[0].1)[0];
    let rules = json!({
        "measurements": [set], "least_tcb_evaluation_data_number": 17, "reject_advisories": "none", "fmspcs": "any",
        "ppids": "any",
    });
    let file = json!({"version": 2, "evidence": {"tdx": rules}});
    write(folder, "p.json", file.to_string());
    let rng = &mut UnwrapErr(SysRng);
    let platform = tdx::Platform::default();
    let mut machine = tdx::Machine::new(tdx::Form::V4, &platform, now(), rng).unwrap();
    machine.set(tdx::MRTD, &[0xd7; 48]);
    machine.measure(0, [0xa0; 48]);
    let mut roots = TrustRoots::vendors();
    let root = machine.root_pem().unwrap();
    roots.danger_add_tdx_software_root(&root).unwrap();
    let collateral = machine.collateral().unwrap().to_string();
    let accepted_as = |policy: &Policy, quote: &[u8]| {
        let now = UnixTime::from_seconds(1_795_000_000);
        let verified = policy.check_quote(quote, collateral.as_bytes(), None, None, &roots, now);
        verified.map(|quote| quote.measurement_set().to_owned())
    };
    let quote = machine.quote().unwrap();
    let before = loaded(folder, "p.json");
    assert!(accepted_as(&before, &quote).is_err());
    add_evidence(folder, "tdx", &quote);
    let after = loaded(folder, "p.json");
    assert_eq!(accepted_as(&after, &quote).unwrap(), "found");
    // What was never extended is zero, and said so.
    let found = stored(folder, KINDS[0].1).pop().unwrap();
    assert_eq!(found["rtmr3"], "zero");
    machine.measure(3, [0xa3; 48]);
    assert!(accepted_as(&after, &machine.quote().unwrap()).is_err());
}

fn a_report_makes_the_set_that_it_says() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "p.json", sev_snp(""));
    let guest = snp::Guest {
        host_data: [0x41; 32],
        ..snp::Guest::measured([0x42; 48])
    };
    let report = snp::Report::new(&snp::Machine::genoa([1; 64]), &guest, &[0; 64]);
    add_evidence(folder, "sev-snp", report.as_bytes());
    let policy = loaded(folder, "p.json");
    let set = &policy.sev_snp().unwrap().measurement_sets()[1];
    assert_eq!(set.label(), "found");
    assert_eq!(set.measurement(), &[0x42; 48]);
    assert_eq!(set.host_data(), &[0x41; 32]);
    assert_eq!(set.id_key_digest(), &[0; 48]);
    // A launch measurement that is zero is of no guest.
    let nothing = snp::Guest::measured([0; 48]);
    let report = snp::Report::new(&snp::Machine::genoa([1; 64]), &nothing, &[0; 64]);
    write(folder, "zero.bin", report.as_bytes());
    let arguments = ["add", "p.json", "zero.bin", "--kind", "sev-snp"];
    let error = refusal(&super::policy(folder, &arguments), 2);
    assert!(error.contains("all zero"), "{error}");
}

fn a_tpm_quote_makes_the_set_that_it_says() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "p.json", AZURE_VTPM);
    let evidence = |pcrs: &azure_vtpm::Pcrs| {
        let machine = snp::Machine::genoa([1; 64]);
        let guest = snp::Guest::measured([0x42; 48]);
        let report = snp::Report::new(&machine, &guest, &[0; 64]);
        let var_data = azure_vtpm::var_data(&[json!({
            "kid": "HCLAkPub", "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([0xab; 256]),
        })]);
        let parts = Parts {
            td_quote: &[],
            hcl_report: &azure_vtpm::hcl_report(report.as_bytes(), &var_data),
            quote: &azure_vtpm::message(&[0x51; 32], pcrs),
            signature: &[0x52; 256],
            pcrs: &azure_vtpm::values(pcrs),
        };
        parts.encode(None)
    };
    let mut pcrs: azure_vtpm::Pcrs = (0..10).map(|register| (register, [register; 32])).collect();
    add_evidence(folder, "azure-vtpm", &evidence(&pcrs));
    let found = stored(folder, KINDS[1].1).pop().unwrap();
    let mut due = json!({"label": "found", "tee": "sev-snp", "pcrs": {}});
    for (register, value) in &pcrs {
        due["pcrs"][register.to_string()] = match register {
            0 => "zero".into(),
            _ => hex::encode(value).into(),
        };
    }
    assert_eq!(found, due);
    // What the firmware booted must be known.
    pcrs.insert(4, [0; 32]);
    write(folder, "zero.bin", evidence(&pcrs));
    let arguments = ["add", "p.json", "zero.bin", "--kind", "azure-vtpm"];
    let error = refusal(&policy(folder, &arguments), 2);
    assert!(error.contains("pcrs"), "{error}");
}

fn token(claims: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": "key"}).to_string();
    let parts = [header, claims.to_string(), "signature".to_owned()];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn a_token_makes_a_set_of_its_issuer() {
    let google = json!({"iss": GOOGLE, "submods": {"container": {
        "image_digest": format!("sha256:{}", "a1".repeat(32)),
        "restart_policy": "Never",
        "args": ["/usr/bin/sealnote-enclave", "--verbose"],
        "env": {"HOSTNAME": "one-of-many", "PATH": "/usr/bin"},
    }}});
    let of_google = json!({"label": "found", "container": {
        "image_digest": format!("sha256:{}", "a1".repeat(32)),
        "args": ["/usr/bin/sealnote-enclave", "--verbose"],
        "env": {"PATH": "/usr/bin"},
    }});
    let azure = json!({"iss": AZURE,
        "x-ms-attestation-type": "sevsnpvm",
        "x-ms-compliance-status": "azure-compliant-uvm",
        "x-ms-ver": "1.0",
        "x-ms-sevsnpvm-vmpl": 0,
        "x-ms-sevsnpvm-launchmeasurement": "b1".repeat(48),
        "x-ms-sevsnpvm-hostdata": "b2".repeat(32),
        "x-ms-sevsnpvm-idkeydigest": "00".repeat(48),
        "x-ms-sevsnpvm-authorkeydigest": "00".repeat(48),
        "x-ms-sevsnpvm-smt-allowed": true,
    });
    let of_azure = json!({"label": "found", "sev_snp": {
        "measurement": "b1".repeat(48),
        "host_data": "b2".repeat(32),
        "id_key_digest": "zero",
        "author_key_digest": "zero",
        "smt_allowed": true,
    }});
    let intel = json!({"iss": INTEL, "ver": "1.0.0", "attester_type": "TDX",
        "tdx_mrtd": "c1".repeat(48),
        "tdx_rtmr0": "d0".repeat(48),
        "tdx_rtmr1": "d1".repeat(48),
        "tdx_rtmr2": "d2".repeat(48),
        "tdx_rtmr3": "00".repeat(48),
        "tdx_mrconfigid": "00".repeat(48),
        "tdx_mrowner": "00".repeat(48),
        "tdx_mrownerconfig": "c6".repeat(48),
        "tdx_td_attributes": "0000001000000000",
        "tdx_xfam": "e718060000000000",
    });
    let of_intel = json!({"label": "found", "tdx": {
        "mrtd": "c1".repeat(48),
        "rtmr0": "d0".repeat(48),
        "rtmr1": "d1".repeat(48),
        "rtmr2": "d2".repeat(48),
        "rtmr3": "zero",
        "mr_config_id": "zero",
        "mr_owner": "zero",
        "mr_owner_config": "c6".repeat(48),
        "td_attributes": "0000001000000000",
        "xfam": "e718060000000000",
    }});
    let folder = folder();
    let folder = folder.path();
    let cases = [(google, of_google), (azure, of_azure), (intel, of_intel)];
    for ((claims, due), (json, at, ..)) in cases.iter().zip(&KINDS[2..]) {
        write(folder, "p.json", json);
        add_evidence(folder, "token", token(claims).as_bytes());
        assert_eq!(stored(folder, at).pop().as_ref(), Some(due));
    }
    let (mut google, (json, ..)) = (cases[0].0.clone(), KINDS[2]);
    let refused = |claims: &Value, more: &[&str], code| {
        write(folder, "p.json", json);
        write(folder, "t.jwt", token(claims));
        let add = [&["add", "p.json", "t.jwt", "--kind", "token"], more].concat();
        refusal(&policy(folder, &add), code)
    };
    let error = refused(&google, &["--issuer", INTEL], 2);
    assert!(error.contains("another issuer"), "{error}");
    google["submods"]["container"]["args"] = Value::Null;
    let error = refused(&google, &[], 3);
    assert!(error.contains("the token's args is not"), "{error}");
    google["iss"] = "https://elsewhere.example".into();
    let error = refused(&google, &[], 2);
    assert!(error.contains("does not trust"), "{error}");
    google["iss"] = Value::Null;
    let error = refused(&google, &[], 2);
    assert!(error.contains("has no iss"), "{error}");
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
