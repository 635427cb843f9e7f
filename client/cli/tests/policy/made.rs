//! `add` of a set that is made of evidence, or of what `inspect` prints of it.

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

use super::added::{AZURE, AZURE_VTPM, GOOGLE, INTEL, KINDS, TDX, sets, sev_snp, stored};
use super::{Case, folder, loaded, policy, printed, refusal, sealnote, write};

pub const CASES: &[Case] = &[
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
];

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
