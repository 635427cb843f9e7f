//! Evidence of a session: the map around it, and what it is bound to.

use sealnote_evidence::{Evidence, MapError, map};
use sealnote_verifier::azure_vtpm::{Parts, Rejection, VerifiedVtpm};
use sealnote_verifier::{Binding, UnixTime};
use sha2::{Digest, Sha256, Sha512};

use super::fixture::{Attempt, QUALIFYING_DATA};
use super::own_rules;

const KEY: &[u8] = b"a SubjectPublicKeyInfo, as far as is known here";

fn binding() -> Binding {
    Binding {
        protocol: "sealnote/2",
        challenge: [1; 32],
        claims: [2; 48],
    }
}

/// As PROTOCOL.md has it, written out by hand.
fn qualifying_data(key: &[u8]) -> [u8; 32] {
    let mut bytes = b"sealnote/2 evidence\x00\x00\x04".to_vec();
    bytes.extend([1; 32]);
    bytes.extend([2; 48]);
    bytes.extend([0, 0, 0, key.len() as u8]);
    bytes.extend(key);
    Sha256::digest(Sha512::digest(bytes)).into()
}

/// Evidence whose quote is bound to `bound`, beside `key`.
fn evidence(attempt: &mut Attempt, bound: &[u8], key: Option<&[u8]>) -> Vec<u8> {
    attempt.set(QUALIFYING_DATA, &qualifying_data(bound));
    attempt.gathered().parts().encode(key)
}

fn appraise(
    attempt: &Attempt,
    evidence: &[u8],
    binding: &Binding,
) -> Result<VerifiedVtpm, Rejection> {
    own_rules::load(&attempt.rules).check_evidence(
        evidence,
        &attempt.hardware.endorsements(),
        binding,
        attempt.roots(),
        UnixTime::from_seconds(attempt.hardware.at),
    )
}

fn failed(attempt: &Attempt, evidence: &[u8], binding: &Binding) -> &'static str {
    let checked = appraise(attempt, evidence, binding);
    checked.expect_err("it must not pass").check().id()
}

#[test]
fn evidence_is_bound_to_protocol_challenge_claims_and_key() {
    let mut attempt = Attempt::new();
    for key in [None, Some(KEY)] {
        let bytes = evidence(&mut attempt, key.unwrap_or_default(), key);
        let vtpm = appraise(&attempt, &bytes, &binding()).expect("it is bound");
        assert_eq!(vtpm.public_key(), key);
        for other in [
            Binding {
                protocol: "sealnote/3",
                ..binding()
            },
            Binding {
                challenge: [3; 32],
                ..binding()
            },
            Binding {
                claims: [3; 48],
                ..binding()
            },
        ] {
            assert_eq!(failed(&attempt, &bytes, &other), "B1");
        }
    }
}

#[test]
fn another_key_or_none_is_refused() {
    let mut attempt = Attempt::new();
    for (bound, beside) in [(KEY, None), (&b""[..], Some(KEY)), (KEY, Some(&KEY[1..]))] {
        let bytes = evidence(&mut attempt, bound, beside);
        assert_eq!(failed(&attempt, &bytes, &binding()), "B1");
    }
}

#[test]
fn a_binding_that_is_not_hashed_is_refused() {
    let mut attempt = Attempt::new();
    let whole = binding().report_data(4, None);
    attempt
        .message
        .splice(QUALIFYING_DATA..QUALIFYING_DATA + 32, whole);
    attempt.set(QUALIFYING_DATA - 1, &[64]);
    let bytes = attempt.gathered().parts().encode(None);
    assert_eq!(failed(&attempt, &bytes, &binding()), "V7");
}

#[test]
fn evidence_is_one_strict_map() {
    let mut attempt = Attempt::new();
    let good = evidence(&mut attempt, KEY, Some(KEY));
    assert!(appraise(&attempt, &good, &binding()).is_ok());
    let edits: [fn(&mut Vec<u8>); 6] = [
        |bytes| bytes.push(0),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.clear(),
        |bytes| bytes[0] = 0xa2,
        |bytes| bytes[1] = 2,
        |bytes| bytes.extend([0; 16 * 1024]),
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let mut bytes = good.clone();
        edit(&mut bytes);
        assert_eq!(failed(&attempt, &bytes, &binding()), "V1", "edit {index}");
    }
}

#[test]
fn the_vtpm_has_four_parts_and_there_is_no_event_log() {
    let attempt = Attempt::new();
    let vtpm = map::write(&[(1, b"HCL"), (2, b"quote"), (3, b"signature"), (4, b"PCRs")]);
    let three = map::write(&[(1, b"HCL"), (2, b"quote"), (3, b"signature")]);
    let five = map::write(&[(1, b""), (2, b""), (3, b""), (4, b""), (5, b"")]);
    let padded = [&vtpm[..], &[0]].concat();
    let encode = |vtpm, event_log| {
        let evidence = Evidence {
            event_log,
            vtpm,
            ..Evidence::default()
        };
        evidence.encode()
    };
    for (bytes, due) in [
        (encode(None, None), MapError::Keys),
        (encode(Some(&vtpm), Some(b"log")), MapError::Keys),
        (encode(Some(&three), None), MapError::Keys),
        (encode(Some(&five), None), MapError::Keys),
        (encode(Some(&padded), None), MapError::Encoding),
    ] {
        assert_eq!(Parts::decode(&bytes), Err(due));
        assert_eq!(failed(&attempt, &bytes, &binding()), "V1");
    }
    let parts = Parts {
        td_quote: b"",
        hcl_report: b"HCL",
        quote: b"quote",
        signature: b"signature",
        pcrs: b"PCRs",
    };
    assert_eq!(Parts::decode(&encode(Some(&vtpm), None)), Ok((parts, None)));
}
