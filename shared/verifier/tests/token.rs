//! Every step of the checklist for tokens, with cases that fail it and some that pass, under keys made for the test.

#[path = "token/cases.rs"]
mod cases;
#[path = "token/claims.rs"]
mod claims;
#[path = "token/fixture.rs"]
mod fixture;
#[path = "token/rules.rs"]
mod rules;
#[path = "token/session.rs"]
mod session;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use fixture::{Base, Fixture};
use sealnote_verifier::Check;
use sealnote_verifier::token::checks::{self, B1, J4, J5, J10, J14};

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

fn all_but(skipped: &[Check]) -> Vec<Check> {
    let all = checks::ALL.into_iter();
    all.filter(|check| !skipped.contains(check)).collect()
}

#[test]
fn what_the_fixture_makes_passes_every_check() {
    for base in Base::ALL {
        let checked = FIXTURE.attempt(base).check();
        let token = checked.unwrap_or_else(|error| panic!("{base:?}: {error}"));
        // Keys come from a set or from a root, and Google has no policy.
        let skipped = match base {
            Base::Google => [J4, J14].as_slice(),
            _ => &[J5],
        };
        assert_eq!(token.passed(), all_but(skipped), "{base:?}");
        assert_eq!(token.profile().name(), base.profile());
    }
}

#[test]
fn each_deviation_fails_exactly_its_check() {
    let mut wrong = Vec::new();
    for (name, expected, base, edit) in cases::CASES {
        let mut attempt = FIXTURE.attempt(*base);
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
    let failed: BTreeSet<&str> = cases.map(|(_, expected, ..)| *expected).collect();
    for check in checks::ALL {
        assert!(failed.contains(check.id()), "{check}");
    }
}

/// What is not asked for is not recorded.
#[test]
fn only_what_ran_is_recorded() {
    let mut attempt = FIXTURE.attempt(Base::Intel);
    attempt.binding = None;
    attempt.rule()["policy_hash"] = "none".into();
    let token = attempt.check().expect("neither is asked for");
    assert_eq!(token.passed(), all_but(&[J5, J10, B1, J14]));
}

/// One bit of every byte, signed and signature alike.
#[test]
fn flipped_bits_are_refused() {
    for base in [Base::AzureSevSnp, Base::IntelV1] {
        let attempt = FIXTURE.attempt(base);
        let (token, rules) = (attempt.signed(), attempt.rules());
        let now = sealnote_verifier::UnixTime::from_seconds(attempt.at);
        for (at, bit) in (0..token.len()).zip((0..8).cycle()) {
            let mut flipped = token.clone();
            flipped[at] ^= 1 << bit;
            let checked = rules.check_token(&flipped, &attempt.keys, None, now);
            let found = checked.expect_err("a flipped bit").check().id();
            let expected = ["J1", "J7", "J2", "J3", "J4", "J6"];
            assert!(expected.contains(&found), "bit {bit} of byte {at}: {found}");
        }
    }
}

/// Whoever carries the keys can change nothing: they are pinned to the byte.
#[test]
fn flipped_bits_of_the_keys_are_refused() {
    for (base, expected) in [(Base::Google, "J5"), (Base::AzureTdx, "J4")] {
        let attempt = FIXTURE.attempt(base);
        let (token, rules) = (attempt.signed(), attempt.rules());
        let now = sealnote_verifier::UnixTime::from_seconds(attempt.at);
        for at in (0..attempt.keys.len()).step_by(7) {
            let mut keys = attempt.keys.clone();
            keys[at] ^= 1;
            let checked = rules.check_token(&token, &keys, None, now);
            assert_eq!(checked.expect_err("other keys").check().id(), expected);
        }
    }
}

#[test]
fn the_checks_are_those_of_protocol_md_in_their_order() {
    let (_, table) = include_str!("../../../PROTOCOL.md")
        .split_once("| kind 5 |")
        .expect("the table");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let ids = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim);
    let ours = sealnote_verifier::token::checks::ALL.map(|check| check.id());
    assert_eq!(ids.collect::<Vec<_>>(), ours);
}
