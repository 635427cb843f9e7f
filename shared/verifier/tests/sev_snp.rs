//! Every step of the checklist for SEV-SNP, with cases that fail it and some that pass, under self-made roots.

#[path = "sev_snp/cases.rs"]
mod cases;
#[path = "sev_snp/fixture.rs"]
mod fixture;
#[path = "sev_snp/own_policy.rs"]
mod own_policy;
#[path = "sev_snp/rules.rs"]
mod rules;
#[path = "sev_snp/session.rs"]
mod session;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use fixture::{Base, Fixture};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_software_attester::nitro::SoftwareRoot;
use sealnote_verifier::sev_snp::{self, RootKind, checks};
use sealnote_verifier::{Check, DevelopmentRootError, Kind, TrustRoots};
use x509_cert::der::asn1::ObjectIdentifier;

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

#[test]
fn what_the_fixture_makes_passes_every_check() {
    for base in Base::ALL {
        let checked = FIXTURE.attempt(base).check();
        let report = checked.unwrap_or_else(|error| panic!("{base:?}: {error}"));
        assert_eq!(report.passed(), checks::ALL, "{base:?}");
        assert_eq!(report.root(), RootKind::Software);
        assert_eq!(report.product(), base.product());
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
    let failed: BTreeSet<&str> = cases::CASES
        .iter()
        .map(|(_, expected, ..)| *expected)
        .collect();
    for check in checks::ALL {
        assert!(failed.contains(check.id()), "{check}");
    }
}

/// A step is recorded when it passes, so what ran before the step that failed is a prefix of the list; and a step that
/// is not asked for is not recorded.
#[test]
fn only_what_ran_is_recorded() {
    let mut attempt = FIXTURE.attempt(Base::Genoa);
    attempt.report_data = None;
    attempt.rules["crl"] = serde_json::json!("none");
    attempt.crl = None;
    let report = attempt.check().expect("neither is asked for");
    let expected: Vec<Check> = checks::ALL
        .into_iter()
        .filter(|check| !matches!(*check, checks::B1 | checks::S10))
        .collect();
    assert_eq!(report.passed(), expected);
}

/// One bit of every byte, signed and signature alike.
#[test]
fn flipped_bits_are_refused() {
    let attempt = FIXTURE.attempt(Base::Turin);
    let (report, endorsements, policy) =
        (attempt.signed(), attempt.endorsements(), attempt.policy());
    let now = sealnote_verifier::UnixTime::from_seconds(attempt.at);
    for (at, bit) in (0..report.len()).zip((0..8).cycle()) {
        let mut flipped = report.clone();
        flipped[at] ^= 1 << bit;
        let checked = policy.check_report(&flipped, &endorsements, None, &attempt.roots, now);
        let found = checked.expect_err("a flipped bit").check().id();
        let expected = ["S2", "S3", "S4", "S5", "S11"];
        assert!(expected.contains(&found), "bit {bit} of byte {at}: {found}");
    }
}

#[test]
fn flipped_bits_of_endorsements_are_refused() {
    let attempt = FIXTURE.attempt(Base::Genoa);
    let (report, endorsements, policy) =
        (attempt.signed(), attempt.endorsements(), attempt.policy());
    let now = sealnote_verifier::UnixTime::from_seconds(attempt.at);
    for (at, bit) in (0..endorsements.len()).step_by(5).zip((0..8).cycle()) {
        let mut flipped = endorsements.clone();
        flipped[at] ^= 1 << bit;
        let checked = policy.check_report(&report, &flipped, None, &attempt.roots, now);
        let found = checked.expect_err("a flipped bit").check().id();
        let expected = ["S6", "S7", "S8", "S9", "S10", "S11"];
        assert!(expected.contains(&found), "bit {bit} of byte {at}: {found}");
    }
    for len in (0..endorsements.len()).step_by(31) {
        let checked = policy.check_report(&report, &endorsements[..len], None, &attempt.roots, now);
        assert_eq!(
            checked.expect_err("truncated").check(),
            checks::S6,
            "{len} bytes"
        );
    }
}

/// A development root's key tells its kind.
#[test]
fn a_development_root_is_of_one_kind() {
    let add = |pem: &str| TrustRoots::vendors().danger_add_development_root(pem);
    let now = fixture::system_time(fixture::NOW);
    let of_nitro = SoftwareRoot::generate(now, &mut UnwrapErr(SysRng)).expect("a root");
    let of_nitro = of_nitro.certificate_pem().expect("PEM");
    assert_eq!(add(&of_nitro), Ok(Kind::Nitro));
    assert_eq!(add(&FIXTURE.ark_pem(|_| ())), Ok(Kind::SevSnp));

    let other_name = FIXTURE.ark_pem(|ark| ark.subject = fixture::name("ARK-Rome"));
    let rejected = add(&other_name);
    assert_eq!(rejected, Err(sev_snp::RootError::Name.into()));
    let other_key = FIXTURE.ark_pem(|ark| {
        ark.public_key.algorithm.oid = ObjectIdentifier::new_unwrap("1.3.101.112");
    });
    assert_eq!(add(&other_key), Err(DevelopmentRootError::Key));
    for text in [
        "",
        &of_nitro.repeat(2),
        &of_nitro.replace("CERTIFICATE", "X"),
    ] {
        assert_eq!(add(text), Err(DevelopmentRootError::NotPem));
    }
}

#[test]
fn the_checks_are_those_of_protocol_md_in_their_order() {
    let (_, table) = include_str!("../../../PROTOCOL.md")
        .split_once("| kind 2 |")
        .expect("the table");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let ids = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim);
    let ours = sealnote_verifier::sev_snp::checks::ALL.map(|check| check.id());
    assert_eq!(ids.collect::<Vec<_>>(), ours);
}
