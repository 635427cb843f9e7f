//! Genuine evidence of the kinds other than Nitro: a policy of what `inspect` reads, and what `verify` then says.

use std::path::PathBuf;

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::{Value, json};

use crate::common::programs::{Finished, Program, run};

/// Evidence that passes under a policy of its own values, and what does not.
struct Case {
    kind: &'static str,
    evidence: &'static str,
    endorsements: &'static [&'static str],
    /// When it passes.
    at: &'static str,
    /// The rules of a policy, from what `inspect` says.
    rules: fn(&Value) -> Value,
    /// What it is bound to, in hex.
    bound_to: &'static str,
    /// Further flags, and the check that fails with them, or the exit code's 2.
    refused: &'static [(&'static [&'static str], &'static str)],
}

const CASES: [Case; 5] = [
    Case {
        kind: "sev-snp",
        evidence: "snp/ms-genoa-report.bin",
        endorsements: &["snp/ms-genoa-ask.pem", "snp/ms-genoa-vcek.pem"],
        at: "1770340000",
        rules: |facts| sev_snp(facts, "genoa", (10, 0, 23, 84), "1.55.40"),
        bound_to: "",
        refused: &[
            (&["--at", "2040000000"], "S9"),
            (
                &[
                    "--endorsements",
                    "snp/ms-milan-vcek.pem",
                    "snp/ms-milan-ask.pem",
                ],
                "S11",
            ),
            (&["--endorsements", "snp/ms-genoa-ask.pem"], "usage"),
            (&["--endorsements", "snp/README.md"], "usage"),
            (&["--event-log", "snp/README.md"], "usage"),
        ],
    },
    Case {
        kind: "sev-snp",
        evidence: "snp/coco-test-report.bin",
        endorsements: &[
            "snp/coco-test-vcek.der",
            "snp/amd-milan-ask.der",
            "snp/amd-milan-ark.der",
        ],
        at: "1674670000",
        rules: |facts| sev_snp(facts, "milan", (3, 0, 8, 115), "1.51.3"),
        bound_to: "",
        refused: &[
            (&["--at", "2040000000"], "S9"),
            (
                &[
                    "--endorsements",
                    "snp/coco-test-vcek-invalid-legacy.der",
                    "snp/amd-milan-ask.der",
                ],
                "S7",
            ),
        ],
    },
    Case {
        kind: "tdx",
        evidence: "tdx/phala-tdx_quote",
        endorsements: &["tdx/phala-tdx_quote_collateral.json"],
        at: "1751000000",
        rules: |facts| tdx(facts),
        bound_to: "",
        refused: &[
            (&["--at", "1761000000"], "T3"),
            (
                &[
                    "--endorsements",
                    "tdx/coco-tdx_quote_5_collateral.built.json",
                ],
                "T3",
            ),
            (&["--evidence", "tdx/phala-sgx_quote"], "T1"),
            (&["--event-log", "tdx/gotdx-ccel-ccel_data.dat"], "T22"),
        ],
    },
    Case {
        kind: "azure-vtpm",
        evidence: "azure/snp-evidence-v1.json",
        // The VCEK is in the evidence's file.
        endorsements: &["snp/amd-milan-ask.der"],
        at: "1738170000",
        rules: |facts| {
            let hardware = sev_snp(facts, "milan", (4, 0, 24, 219), "1.55.29");
            let pcrs = facts["pcrs"].as_object().unwrap().clone();
            let pcrs = pcrs
                .into_iter()
                .map(|(register, value)| (register, hex_or_zero(&value)));
            json!({
                "measurements": [{
                    "label": "own", "tee": "sev-snp", "pcrs": pcrs.collect::<serde_json::Map<_, _>>(),
                }],
                "sev-snp": hardware,
            })
        },
        bound_to: "6368616c6c656e6765",
        refused: &[
            (&["--at", "2040000000"], "S9"),
            (&["--evidence", "azure/tdx-evidence-v1.json"], "usage"),
        ],
    },
    Case {
        kind: "token",
        evidence: "tokens/confidential-space.jwt",
        endorsements: &["tokens/confidential-space-root.pem"],
        at: "",
        rules: token,
        bound_to: "",
        refused: &[
            (&["--at", "2040000000"], "J5"),
            (&["--endorsements", "tokens/README.md"], "J5"),
        ],
    },
];

pub fn trials() -> Vec<Trial> {
    let is_there = super::folder().with_file_name("snp").is_dir();
    let cases = CASES.iter().map(|case| match is_there {
        true => Trial::test(case.evidence, || check(case)),
        false => Trial::ignorable_test(case.evidence, || {
            Ok(Completion::ignored_with("the folder of vectors is absent"))
        }),
    });
    cases.collect()
}

fn check(case: &Case) -> Result<(), Failed> {
    let inspected = run(
        Program::Client,
        &[
            "inspect",
            "--json",
            "--kind",
            case.kind,
            &path(case.evidence),
        ],
    );
    assert_eq!(inspected.code, Some(0), "{}", inspected.stderr);
    let facts: Value = serde_json::from_str(&inspected.stdout)?;
    assert_eq!(
        (&facts["verified"], &facts["kind"]),
        (&json!(false), &json!(case.kind))
    );

    let dir = tempfile::tempdir()?;
    let policy = dir.path().join("policy.json");
    let rules = (case.rules)(&facts);
    std::fs::write(
        &policy,
        json!({"version": 2, "evidence": {case.kind: rules}}).to_string(),
    )?;
    let policy = policy.display().to_string();
    let at = match case.at {
        "" => facts["claims"]["iat"].to_string(),
        at => at.to_owned(),
    };
    let verify = |bound_to: &str, further: &[&str]| -> Finished {
        let mut arguments = vec![
            "verify".into(),
            "--json".into(),
            "--policy".into(),
            policy.clone(),
        ];
        let flag = |name: &str, values: &[&str]| {
            let values = match further.iter().position(|flag| *flag == name) {
                Some(at) => further[at + 1..]
                    .iter()
                    .take_while(|value| !value.starts_with("--"))
                    .copied()
                    .collect(),
                None => values.to_vec(),
            };
            let values = values.iter().map(|value| match value.contains('/') {
                true => path(value),
                false => (*value).to_owned(),
            });
            std::iter::once(name.to_owned())
                .chain(values)
                .collect::<Vec<_>>()
        };
        arguments.extend(flag("--kind", &[case.kind]));
        arguments.extend(flag("--evidence", &[case.evidence]));
        arguments.extend(flag("--endorsements", case.endorsements));
        arguments.extend(flag("--at", &[&at]));
        if !bound_to.is_empty() {
            let bound_to = if bound_to == "empty" { "" } else { bound_to };
            arguments.extend(flag("--report-data", &[bound_to]));
        }
        for name in ["--event-log", "--ear-out"] {
            if further.contains(&name) {
                arguments.extend(flag(name, &[]));
            }
        }
        run(Program::Client, &arguments)
    };

    let accepted = verify("none", &[]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
    assert!(
        accepted.stderr.contains("was not checked"),
        "{}",
        accepted.stderr
    );
    let report: Value = serde_json::from_str(&accepted.stdout)?;
    assert_eq!(
        (&report["ok"], &report["check"], &report["kind"]),
        (&json!(true), &Value::Null, &json!(case.kind))
    );
    assert!(report["measurement"].is_string());

    // The same as a result for others, accepted or not.
    let ear = dir.path().join("ear.json").display().to_string();
    for (at, status) in [(case.at, "warning"), ("1", "contraindicated")] {
        if !at.is_empty() {
            verify("none", &["--at", at, "--ear-out", &ear]);
            let ear: Value = serde_json::from_slice(&std::fs::read(&ear)?)?;
            assert!(ear.to_string().contains(status), "{ear:#}");
        }
    }

    // What it must be bound to is said, and compared whole.
    assert_eq!(verify("", &[]).code, Some(2));
    assert_eq!(verify("empty", &[]).code, Some(2));
    assert_eq!(
        verify("00", &[]).code,
        Some(if case.kind == "azure-vtpm" { 3 } else { 2 })
    );
    let own = match (case.bound_to, facts["report_data"].as_str()) {
        ("", report_data) => report_data,
        (bound_to, _) => Some(bound_to),
    };
    if let Some(own) = own {
        assert_eq!(verify(own, &[]).code, Some(0));
        let mut other = own.to_owned();
        let last = if other.ends_with('0') { "1" } else { "0" };
        other.replace_range(own.len() - 1.., last);
        refused(&verify(&other, &[]), "B1")?;
    }
    for (further, check) in case.refused {
        let finished = verify("none", further);
        match *check {
            "usage" => assert_eq!(finished.code, Some(2), "{further:?}: {}", finished.stderr),
            check => refused(&finished, check)?,
        }
    }
    Ok(())
}

fn refused(finished: &Finished, check: &str) -> Result<(), Failed> {
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout)?;
    assert_eq!(
        (&report["ok"], &report["check"]),
        (&json!(false), &json!(check)),
        "{report:#}"
    );
    Ok(())
}

fn sev_snp(facts: &Value, product: &str, tcb: (u8, u8, u8, u8), firmware: &str) -> Value {
    let (bootloader, tee, snp, microcode) = tcb;
    json!({
        "measurements": [{
            "label": "own",
            "measurement": facts["measurement"],
            "host_data": hex_or_zero(&facts["host_data"]),
            "id_key_digest": hex_or_zero(&facts["id_key_digest"]),
            "author_key_digest": hex_or_zero(&facts["author_key_digest"]),
        }],
        "products": {product: {
            "least_tcb": {"bootloader": bootloader, "tee": tee, "snp": snp, "microcode": microcode},
            "least_firmware": firmware,
            "least_mitigations": 0,
        }},
        "endorsement": "vcek",
        "crl": "none",
        "guest_policy": {"abi": "0.31", "smt_allowed": true},
        "platform_bits": "none",
        "chip_ids": "any",
    })
}

fn tdx(facts: &Value) -> Value {
    let mut set = json!({"label": "own", "mr_seam": [facts["mr_seam"]], "mrtd": facts["mrtd"], "xfam": facts["xfam"]});
    for name in [
        "rtmr0",
        "rtmr1",
        "rtmr2",
        "rtmr3",
        "mr_config_id",
        "mr_owner",
        "mr_owner_config",
    ] {
        set[name] = hex_or_zero(&facts[name]);
    }
    json!({
        "measurements": [set],
        "least_tcb_evaluation_data_number": 17,
        "reject_advisories": "none",
        "fmspcs": "any",
        "ppids": "any",
    })
}

fn token(facts: &Value) -> Value {
    let claims = &facts["claims"];
    let container = &claims["submods"]["container"];
    let mut env = container["env"].clone();
    env.as_object_mut().unwrap().remove("HOSTNAME");
    let root = std::fs::read(path("tokens/confidential-space-root.pem")).unwrap();
    json!({"issuers": [{
        "profile": "google",
        "issuer": claims["iss"],
        "audience": claims["aud"],
        "keys": {"root": [sealnote_client::EvidenceDigest::of(&root).to_string()]},
        "tcb_status": ["UpToDate"],
        "measurements": [{"label": "own", "container": {
            "image_digest": container["image_digest"], "args": container["args"], "env": env,
        }}],
    }]})
}

fn hex_or_zero(value: &Value) -> Value {
    match value.as_str().unwrap().bytes().all(|digit| digit == b'0') {
        true => json!("zero"),
        false => value.clone(),
    }
}

fn path(name: &str) -> String {
    let folder: PathBuf = super::folder();
    folder.with_file_name("").join(name).display().to_string()
}
