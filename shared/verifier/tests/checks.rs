//! Every step of the checklist, with a case that fails it and one that passes, on self-made chains.

mod common;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use common::{Attempt, Fixture};
use sealnote_verifier::Check;
use sealnote_verifier::nitro::checks;

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
    for check in checks::ALL {
        // A19 is no step, and X8 needs a session's claims: shared/session/tests has its cases.
        let absent = matches!(check, checks::A19 | checks::X8);
        assert_eq!(failed.contains(check.id()), !absent, "{check}");
    }
}

/// The steps of PROTOCOL.md's section on verification, a table each, in the order of their rows.
fn steps_of_protocol_md() -> [Vec<&'static str>; 3] {
    let section = include_str!("../../../PROTOCOL.md")
        .split("\n## ")
        .find(|section| section.starts_with("4. Verification"))
        .expect("section 4");
    ["| structure |", "| chain |", "| policy and binding |"].map(|head| {
        let (_, table) = section.split_once(head).expect(head);
        table
            .lines()
            .skip(2)
            .take_while(|row| row.starts_with('|'))
            .filter_map(|row| row.split('|').nth(1))
            .flat_map(|ids| ids.split(','))
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .collect()
    })
}

#[test]
fn the_checklist_is_that_of_protocol_md() {
    let steps: BTreeSet<&str> = steps_of_protocol_md().concat().into_iter().collect();
    let ours: BTreeSet<&str> = checks::ALL.map(Check::id).into_iter().collect();
    assert_eq!(steps, ours);
}

/// What has passed is recorded where it passes, so this is what ran, and in which order.
#[test]
fn every_check_of_protocol_md_has_run_on_an_accepted_document() {
    let verified = FIXTURE.attempt().check().expect("the fixture is accepted");
    let ran: Vec<&str> = verified.passed().iter().map(|check| check.id()).collect();

    let [structure, mut chain, mut policy] = steps_of_protocol_md();
    // Their last part is that the certificates parse, which is in the second table.
    let structure: BTreeSet<&str> = structure
        .into_iter()
        .filter(|id| !matches!(*id, "A12" | "A13"))
        .collect();
    chain.retain(|id| *id != "A19"); // No step: nothing is consulted.
    policy.retain(|id| *id != "X8"); // Of a session's evidence only.

    // Fields come in any order, so the order of the first table is not that of every document.
    let (of_structure, after) = ran.split_at(structure.len());
    assert_eq!(
        of_structure.iter().copied().collect::<BTreeSet<_>>(),
        structure
    );
    assert_eq!(after, [chain, policy].concat());

    let saved = FIXTURE.attempt().nonce(None).check();
    let saved = saved.expect("a nonce is not asked for");
    let without_nonce: Vec<&str> = ran.into_iter().filter(|id| *id != "X7").collect();
    assert_eq!(
        saved
            .passed()
            .iter()
            .map(|check| check.id())
            .collect::<Vec<_>>(),
        without_nonce
    );
}
