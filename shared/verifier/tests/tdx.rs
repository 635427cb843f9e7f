//! Every step of the checklist for TDX, with cases that fail it and some that pass, under self-made roots.

#[path = "tdx/cases.rs"]
mod cases;
#[path = "tdx/fixture.rs"]
mod fixture;
#[path = "tdx/own_policy.rs"]
mod own_policy;
#[path = "tdx/rules.rs"]
mod rules;
#[path = "tdx/session.rs"]
mod session;

use std::collections::BTreeSet;

use fixture::{Attempt, NOW};
use sealnote_software_attester::tdx::{FMSPC, Form, PPID};
use sealnote_verifier::tdx::{RootKind, TrustRoots, checks};
use sealnote_verifier::{Check, UnixTime};

#[test]
fn what_the_machine_makes_passes_every_check() {
    for form in Form::ALL {
        let checked = Attempt::new(form).check();
        let quote = checked.unwrap_or_else(|error| panic!("{form:?}: {error}"));
        assert_eq!(quote.passed(), checks::ALL, "{form:?}");
        assert_eq!(quote.root(), RootKind::Software);
        assert_eq!(quote.measurement_set(), "fixture");
        assert_eq!(quote.advisory_ids(), ["INTEL-SA-00002"]);
        assert_eq!((quote.fmspc(), quote.ppid()), (&FMSPC, &PPID[..]));
    }
}

#[test]
fn each_deviation_fails_exactly_its_check() {
    let mut wrong = Vec::new();
    for (name, expected, form, edit) in cases::CASES {
        let mut attempt = Attempt::new(*form);
        edit(&mut attempt);
        let (found, message) = match attempt.check() {
            Ok(_) => ("accepted", String::from("nothing is wrong")),
            Err(rejection) => (rejection.check().id(), rejection.to_string()),
        };
        if found != *expected
            || message.len() <= 12
            || message.contains('\n')
            || message.contains("dcap-qvl")
        {
            wrong.push(format!(
                "{name}: expected {expected}, found {found}: {message}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_has_a_failing_case() {
    let failed: BTreeSet<&str> = cases::CASES
        .iter()
        .map(|(_, expected, ..)| *expected)
        .collect();
    for check in checks::ALL {
        assert!(failed.contains(check.id()), "{check}");
    }
}

/// A step is recorded when it passes; one that is not asked for is not recorded.
#[test]
fn only_what_ran_is_recorded() {
    let mut attempt = Attempt::new(Form::V4);
    attempt.report_data = None;
    attempt.has_log = false;
    let quote = attempt.check().expect("neither is asked for");
    let expected: Vec<Check> = checks::ALL
        .into_iter()
        .filter(|check| !matches!(*check, checks::B1 | checks::T22))
        .collect();
    assert_eq!(quote.passed(), expected);
}

/// One bit of every byte of header and body.
#[test]
fn flipped_bits_are_refused() {
    let attempt = Attempt::new(Form::V5Td15);
    let (quote, collateral) = (attempt.quote(), attempt.collateral());
    let rules = own_policy::load(&attempt.rules).expect("rules");
    let now = UnixTime::from_seconds(NOW);
    for (at, bit) in (0..48 + 6 + 648).zip((0..8).cycle()) {
        let mut flipped = quote.clone();
        flipped[at] ^= 1 << bit;
        let checked = rules.check_quote(&flipped, &collateral, None, None, &attempt.roots, now);
        let found = checked.expect_err("a flipped bit").check().id();
        assert!(
            ["T1", "T9"].contains(&found),
            "bit {bit} of byte {at}: {found}"
        );
    }
}

#[test]
fn a_root_is_one_self_signed_ca_of_p256() {
    let mut roots = TrustRoots::intel();
    let machine = fixture::machine(Form::V4);
    let collateral = machine.collateral().expect("collateral");
    let chain = collateral["tcb_info_issuer_chain"].as_str().expect("PEM");
    for wrong in ["", "a root", chain] {
        assert!(roots.danger_add_software_root(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_checks_are_those_of_protocol_md_in_their_order() {
    let (_, table) = include_str!("../../../PROTOCOL.md")
        .split_once("| kind 3 |")
        .expect("the table");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let ids = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim);
    let ours = sealnote_verifier::tdx::checks::ALL.map(|check| check.id());
    assert_eq!(ids.collect::<Vec<_>>(), ours);
}
