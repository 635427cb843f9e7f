//! Every step of the checklist for Azure's vTPM, with cases that fail it and some that pass, under self-made roots.

#[path = "azure_vtpm/cases.rs"]
mod cases;
#[path = "azure_vtpm/file.rs"]
mod file;
#[path = "azure_vtpm/fixture.rs"]
mod fixture;
#[path = "azure_vtpm/on_tdx.rs"]
mod on_tdx;
#[path = "sev_snp/own_policy.rs"]
#[allow(dead_code, reason = "the tests of SEV-SNP use the rest")]
mod own_policy;
#[path = "azure_vtpm/own_rules.rs"]
mod own_rules;
#[path = "tdx/own_policy.rs"]
#[allow(dead_code, reason = "the tests of TDX use the rest")]
mod own_tdx_policy;
#[path = "azure_vtpm/rules.rs"]
mod rules;
#[path = "azure_vtpm/session.rs"]
mod session;
#[path = "sev_snp/fixture.rs"]
#[allow(dead_code, reason = "the tests of SEV-SNP use the rest")]
mod sev_snp_fixture;
#[path = "azure_vtpm/swtpm.rs"]
mod swtpm;

use std::collections::BTreeSet;

use fixture::{Attempt, DUE, Gathered, VAR_DATA};
use sealnote_verifier::azure_vtpm::{Hardware, Tee, checks, inspect};
use sealnote_verifier::{Check, sev_snp};

#[test]
fn what_the_fixture_makes_passes_every_check() {
    let mut attempt = Attempt::new();
    let gathered = attempt.gathered();
    let vtpm = attempt.check_gathered(&gathered);
    let vtpm = vtpm.unwrap_or_else(|error| panic!("{}: {error}", error.check()));
    // Those of the report run within V3, but for its binding, which is V2 here.
    let of_report = sev_snp::checks::ALL;
    let of_report = of_report
        .into_iter()
        .filter(|check| *check != sev_snp::checks::B1);
    let [v1, rest @ ..] = checks::ALL;
    let due: Vec<Check> = [v1].into_iter().chain(of_report).chain(rest).collect();
    assert_eq!(vtpm.passed(), due);
    assert_eq!(vtpm.measurement_set(), "guest");
    assert_eq!(vtpm.paravisor(), "fixture");
    assert_eq!(vtpm.public_key(), None);
    assert_eq!(vtpm.pcrs()[&4], [0xa4; 32]);
    let Hardware::SevSnp(report) = vtpm.hardware() else {
        panic!("it is SEV-SNP's");
    };
    assert_eq!(report.fields().measurement, [0x90; 48]);

    let parts = gathered.parts();
    let read = inspect(&parts).expect("it can be read");
    assert_eq!(
        (read.tee(), read.qualifying_data()),
        (Tee::SevSnp, &DUE[..])
    );
    assert_eq!(
        (read.pcrs(), read.report()),
        (vtpm.pcrs(), &gathered.hcl_report[32..1216])
    );
}

#[test]
fn each_deviation_fails_exactly_its_check() {
    let mut wrong = Vec::new();
    for (name, expected, edit) in cases::CASES {
        let mut attempt = Attempt::new();
        edit(&mut attempt);
        let (found, message) = match attempt.check() {
            Ok(_) => ("accepted", String::from("nothing is wrong")),
            Err(rejection) => (rejection.check().id(), rejection.to_string()),
        };
        if found != *expected || message.len() <= 12 || message.contains('\n') {
            wrong.push(format!(
                "{name}: expected {expected}, found {found}: {message}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_has_a_failing_case() {
    let cases = cases::CASES.iter();
    let failed: BTreeSet<&str> = cases.map(|(_, expected, _)| *expected).collect();
    for check in checks::ALL {
        assert!(failed.contains(check.id()), "{check}");
    }
}

#[test]
fn what_is_not_asked_for_is_not_recorded() {
    let mut attempt = Attempt::new();
    attempt.due = None;
    let vtpm = attempt.check().expect("it is bound to nothing");
    let passed = vtpm.passed();
    assert!(!passed.contains(&checks::V7) && !passed.contains(&checks::B1));
    assert!(passed.contains(&checks::V8));
}

/// One bit of every byte of every part, and of the hardware's report in every fifth.
#[test]
fn flipped_bits_are_refused() {
    let mut attempt = Attempt::new();
    let gathered = attempt.gathered();
    type Part = fn(&mut Gathered) -> &mut Vec<u8>;
    let report = 32..1216;
    let parts: [(Part, &[&str]); 4] = [
        (
            |g| &mut g.hcl_report,
            &["V1", "S2", "S3", "S4", "S5", "S11", "V2"],
        ),
        (|g| &mut g.quote, &["V6"]),
        (|g| &mut g.signature, &["V6"]),
        (|g| &mut g.pcrs, &["V8"]),
    ];
    for (part, expected) in parts {
        let len = part(&mut gathered.clone()).len();
        for (at, bit) in (0..len).zip((0..8).cycle()) {
            if expected.len() > 1 && report.contains(&at) && at % 5 != 0 {
                continue;
            }
            let mut flipped = gathered.clone();
            part(&mut flipped)[at] ^= 1 << bit;
            let checked = attempt.check_gathered(&flipped);
            let found = checked.expect_err("a flipped bit").check().id();
            assert!(expected.contains(&found), "bit {bit} of byte {at}: {found}");
        }
    }
}

/// Nothing that is cut is read beyond its end, and nothing that is cut passes.
#[test]
fn truncated_parts_are_refused() {
    let mut attempt = Attempt::new();
    let gathered = attempt.gathered();
    let end = VAR_DATA + attempt.var_data.len();
    for len in (0..end).step_by(7) {
        let mut cut = gathered.clone();
        cut.hcl_report.truncate(len);
        let checked = attempt.check_gathered(&cut);
        assert_eq!(checked.expect_err("cut").check(), checks::V1, "{len} bytes");
    }
    for len in 0..gathered.quote.len() {
        attempt.message.truncate(gathered.quote.len() - len - 1);
        let checked = attempt.check();
        assert_eq!(
            checked.expect_err("cut").check(),
            checks::V6,
            "{len} bytes less"
        );
    }
}

#[test]
fn the_checks_are_those_of_protocol_md_in_their_order() {
    let (_, table) = include_str!("../../../PROTOCOL.md")
        .split_once("| kind 4 |")
        .expect("the table");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let ids = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim);
    let ours = sealnote_verifier::azure_vtpm::checks::ALL.map(|check| check.id());
    assert_eq!(ids.collect::<Vec<_>>(), ours);
}
