//! An attestation document. Whatever is not well-formed is refused alike by whoever reads it, twice the same; what is
//! refused for its signature alone is signed and checked again; and what is accepted has the measurements, nonce and time
//! that were asked for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minicbor::Decoder;
use sealnote_fuzz::fixture::{FIXTURE, Fixture};
use sealnote_fuzz::within;
use sealnote_protocol::suite::rsa_oaep;
use sealnote_verifier::{Check, UnixTime, inspect};

fuzz_target!(|document: &[u8]| {
    let fixture = &*FIXTURE;
    let outcome = check(fixture, document, fixture.now);
    // An item of one byte is held in 16, in a list that grows by doubling, of keys and values.
    let inspected = match within(16 * 1024 + 96 * document.len(), || inspect(document)) {
        Ok(inspected) => inspected,
        Err(error) => return assert_eq!(outcome, Some(error.check())),
    };
    if let Some(key) = inspected.public_key() {
        // The key of suite 1 is refused or taken; it is bound to the document, which is not looked at here.
        let _ = rsa_oaep::PublicKey::from_spki(key);
    }
    // A genuine document is one at its own time.
    check(
        fixture,
        document,
        UnixTime::from_millis(inspected.timestamp_ms()),
    );
    if outcome == Some(Check::A21) && inspected.certificate() == fixture.document.certificate {
        let payload = payload(document).expect("the payload of what could be inspected");
        let outcome = check(fixture, &fixture.signed(payload), fixture.now);
        let after = [Check::X6, Check::X9, Check::X7, Check::X5];
        assert!(
            outcome.is_none_or(|check| after.contains(&check)),
            "{outcome:?}"
        );
    }
});

/// The check that fails; `None` if all pass.
fn check(fixture: &Fixture, document: &[u8], now: UnixTime) -> Option<Check> {
    let rejection = match fixture.check(document, now) {
        Ok(verified) => {
            let asked = &fixture.document;
            for register in [0, 1, 2, 3, 4, 8] {
                let value = verified.pcrs()[&register];
                assert_eq!(value.as_bytes()[..], asked.pcrs[&register], "PCR{register}");
            }
            assert_eq!(verified.nonce(), Some(&fixture.nonce[..]));
            let age = now.as_millis().abs_diff(verified.timestamp_ms());
            assert!(age <= 300_000);
            return None;
        }
        Err(rejection) => rejection,
    };
    assert_eq!(
        fixture.check(document, now).err().as_ref(),
        Some(&rejection)
    );
    // Facts are told, in one line.
    assert!(!rejection.to_string().contains('\n'));
    Some(rejection.check())
}

/// The payload of an array of four, tagged or not.
fn payload(document: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(document);
    if document.first() == Some(&0xd2) {
        decoder.tag().ok()?;
    }
    decoder.array().ok()?;
    decoder.bytes().ok()?;
    decoder.map().ok()?;
    decoder.bytes().ok()
}
