//! Reports of the software attester under roots of its own: with the right keys at hand, a changed report is signed
//! anew, and more is compared than signatures.

use anyhow::Result;
use sealnote_verifier::UnixTime;
use sealnote_verifier::sev_snp::REPORT_LEN;
use sealnote_verifier::sev_snp::wire::Endorsements;

use crate::cases::CASES;
use crate::fixture::{Attempt, Base, Fixture};
use crate::oracle::Oracle;
use crate::tally::Tally;

/// The part of a report that is signed.
const SIGNED_LEN: usize = 0x2a0;

/// Compares the verifier's own cases, and one bit of every byte.
pub fn compare(tally: &mut Tally) -> Result<()> {
    let fixture = Fixture::new();
    // All three generations' roots have one key, and names are nothing to the oracle.
    let oracle = Oracle::with_root(&fixture.ark_pem(|_| ()))?;
    for base in Base::ALL {
        if !attempt(
            "made: as it is",
            base,
            &fixture.attempt(base),
            &oracle,
            tally,
        ) {
            tally.fault(format!("{base:?} as it is made is not accepted by both"));
        }
    }
    for (name, _, base, edit) in CASES {
        let mut edited = fixture.attempt(*base);
        edit(&mut edited);
        attempt(
            "made: the verifier's own cases",
            name,
            &edited,
            &oracle,
            tally,
        );
    }
    for base in Base::ALL {
        flips(base, &fixture, &oracle, tally);
    }
    Ok(())
}

/// Flips a bit before the report is signed, or in the signature.
fn flips(base: Base, fixture: &Fixture, oracle: &Oracle, tally: &mut Tally) {
    let original = fixture.attempt(base);
    let (endorsements, policy) = (original.endorsements(), original.policy());
    let now = UnixTime::from_seconds(original.at);
    for (at, bit) in (0..REPORT_LEN).zip((0..8).cycle()) {
        let (group, report) = if at < SIGNED_LEN {
            let mut flipped = fixture.attempt(base);
            let byte = flipped.report.as_bytes()[at] ^ (1 << bit);
            flipped.set(at, &[byte]);
            ("made: flipped bits, signed anew", flipped.signed())
        } else {
            let mut report = original.signed();
            report[at] ^= 1 << bit;
            ("made: flipped bits of the signature", report)
        };
        let ours = policy.check_report(&report, &endorsements, None, &original.roots, now);
        let theirs = oracle.accepts(&report, &original.leaf, &original.intermediate);
        tally.add(
            group,
            format_args!("{base:?}, bit {bit} of byte {at:#x}"),
            &report,
            &ours,
            theirs,
        );
    }
}

/// Compares one attempt, and returns whether both accepted. A map that cannot be read holds nothing for the oracle.
fn attempt(
    group: &'static str,
    name: impl std::fmt::Debug,
    attempt: &Attempt<'_>,
    oracle: &Oracle,
    tally: &mut Tally,
) -> bool {
    let (report, endorsements) = (attempt.signed(), attempt.endorsements());
    let theirs = Endorsements::decode(&endorsements)
        .is_ok_and(|read| oracle.accepts(&report, read.leaf, read.intermediate));
    tally.add(
        group,
        format_args!("{name:?}"),
        &report,
        &attempt.check(),
        theirs,
    )
}
