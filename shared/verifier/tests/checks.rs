//! Every step of the checklist, with a case that fails it and one that passes, on self-made chains.

mod common;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use common::{Attempt, Fixture};
use sealnote_verifier::Check;

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

/// A deviation and the identifier of the check that it fails, or `"accepted"`.
type Case = (&'static str, &'static str, fn(&Fixture) -> Attempt);

#[path = "checks/appraisal.rs"]
mod appraisal;
#[path = "checks/chain.rs"]
mod chain;
#[path = "checks/envelope.rs"]
mod envelope;
#[path = "checks/payload.rs"]
mod payload;

fn all_cases() -> impl Iterator<Item = &'static Case> {
    [
        envelope::CASES,
        payload::CASES,
        chain::CASES,
        appraisal::CASES,
    ]
    .into_iter()
    .flatten()
}

fn run(cases: &[Case]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, expected, make)| {
            let (found, message) = match make(&FIXTURE).check() {
                Ok(_) => ("accepted", String::from("nothing is wrong")),
                Err(rejection) => (rejection.check().id(), rejection.to_string()),
            };
            let is_one_line = message.len() > 12 && !message.contains('\n');
            (found != *expected || !is_one_line)
                .then(|| format!("{name}: expected {expected}, found {found}: {message}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn envelope_cases() {
    run(envelope::CASES);
}

#[test]
fn payload_cases() {
    run(payload::CASES);
}

#[test]
fn chain_cases() {
    run(chain::CASES);
}

#[test]
fn appraisal_cases() {
    run(appraisal::CASES);
}

#[test]
fn every_check_has_a_failing_case() {
    let failed: BTreeSet<&str> = all_cases().map(|(_, expected, _)| *expected).collect();
    for check in Check::ALL {
        // A19 is no step, and X8 belongs to the session.
        let absent = matches!(check, Check::A19 | Check::X8);
        assert_eq!(failed.contains(check.id()), !absent, "{check}");
    }
}

#[test]
fn every_check_passes_on_the_fixture() {
    let verified = FIXTURE.attempt().check().expect("the fixture is accepted");
    let expected: Vec<Check> = Check::ALL
        .into_iter()
        .filter(|check| !matches!(check, Check::A19 | Check::X8))
        .collect();
    assert_eq!(verified.passed(), expected);

    let saved = FIXTURE
        .attempt()
        .nonce(None)
        .check()
        .expect("a nonce is not asked for");
    assert!(!saved.passed().contains(&Check::X7));
}
