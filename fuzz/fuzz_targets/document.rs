//! An attestation document. What is not well-formed is refused alike, for the same reason, by whoever reads it; what is
//! refused for its signature alone is signed and checked again; and what is accepted has the measurements, nonce and time
//! that were asked for.
//!
//! Input: a document; or a payload alone (a map), since an envelope states the length of its payload, which a change of it
//! would seldom keep.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::fixture::{FIXTURE, Fixture, payload, unsigned};
use sealnote_fuzz::within;
use sealnote_protocol::suite::rsa_oaep;
use sealnote_verifier::nitro::{self, checks, inspect};
use sealnote_verifier::{Rejection, UnixTime};

fuzz_target!(|bytes: &[u8]| {
    match bytes.first() {
        Some(first) if first >> 5 == CBOR_MAP => check_all(&unsigned(bytes)),
        _ => check_all(bytes),
    }
});

/// A map's major type, in the upper three bits of its first byte.
const CBOR_MAP: u8 = 5;

fn check_all(document: &[u8]) {
    let fixture = &*FIXTURE;
    let outcome = check(fixture, document, fixture.now);
    // An item of one byte is held in 16, in a list that grows by doubling, of keys and values.
    let inspected = match within(16 * 1024 + 96 * document.len(), || inspect(document)) {
        Ok(inspected) => inspected,
        Err(error) => {
            let rejection = nitro::Rejection::from(error).into();
            return assert_eq!(outcome, Some(rejection));
        }
    };
    if let Some(key) = inspected.public_key() {
        // The key of suite 1 is refused or taken; it is bound to the document, which is not looked at here.
        let _ = rsa_oaep::PublicKey::from_spki(key);
    }
    // A genuine document is one at its own time.
    let made = UnixTime::from_millis(inspected.timestamp_ms());
    if inspected.certificate() != fixture.document.certificate {
        check(fixture, document, made);
    } else if outcome.is_some_and(|outcome| outcome.check() == checks::A21) {
        let payload = payload(document).expect("the payload of what could be inspected");
        let outcome = check(fixture, &fixture.signed(payload), fixture.now);
        let check = outcome.map(|outcome| outcome.check());
        let after = [checks::X6, checks::X9, checks::X7, checks::X5];
        assert!(
            check.is_none_or(|check| after.contains(&check)),
            "{check:?}"
        );
    }
}

/// Why it is refused; `None` if it is accepted, and is what was asked for.
fn check(fixture: &Fixture, document: &[u8], now: UnixTime) -> Option<Rejection> {
    match fixture.check(document, now) {
        Ok(verified) => {
            let asked = &fixture.document;
            for register in [0, 1, 2, 3, 4, 8] {
                let value = verified.pcrs()[&register];
                assert_eq!(value.as_bytes()[..], asked.pcrs[&register], "PCR{register}");
            }
            assert_eq!(verified.nonce(), Some(&fixture.nonce[..]));
            assert!(now.as_millis().abs_diff(verified.timestamp_ms()) <= 300_000);
            None
        }
        Err(rejection) => {
            // Facts are told, in one line.
            assert!(!rejection.to_string().contains('\n'));
            Some(rejection)
        }
    }
}
