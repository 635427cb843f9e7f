//! X8: the document is bound to the claims, the key and the session, or nothing is sealed.

use sealnote_model::Precision;
use sealnote_protocol::claims::{Claims, binding};
use sealnote_protocol::handshake::{Answer, EvidenceKind, Hello, Key};
use sealnote_protocol::session::SessionError;
use sealnote_protocol::suite::rsa_oaep::{self, KeyError};
use sealnote_protocol::suite::{self, KeyMaterial, Suite, xwing};

use sealnote_session::{BindingError, CHECKS, Challenge, Evidence, Rejection, VerifiedEvidence};
use sealnote_verifier::nitro::appraisal::AppraisalError;
use sealnote_verifier::nitro::checks;
use sealnote_verifier::{Facts, P1, Policy};

use crate::pair::{Pair, honest};
use crate::rogue::parse;
use crate::wire::{Fault, Step};
use crate::world::{Tape, WORLD, claims_limits, model, model_digest, now, policy};

/// Checks claims that a genuine document is bound to.
pub fn verify(
    policy: &Policy,
    claims: &[u8],
    public_key: Option<&[u8]>,
) -> Result<VerifiedEvidence, Rejection> {
    let challenge = Challenge::new(policy, &mut Tape::new()).unwrap();
    let nonce = Hello::from_frame(challenge.hello()).unwrap().challenge;
    let document = WORLD.attest_fields(Some(&nonce), Some(&binding(claims)), public_key);
    let answer = Answer::new(EvidenceKind(1), document, claims.to_vec()).to_frame();
    let evidence = Evidence::from_frame(answer).unwrap();
    evidence.verify(challenge, policy, &WORLD.roots, now())
}

/// The enclave's public key.
pub fn spki() -> Vec<u8> {
    let challenge = Challenge::new(&WORLD.policy, &mut Tape::new()).unwrap();
    let awaiting = WORLD
        .enclave
        .clone()
        .hello(challenge.hello(), &mut Tape::new());
    awaiting.unwrap().binding().public_key.clone().unwrap()
}

/// Claims of both suites: this key, and an encapsulation key whose other half nobody has.
pub fn claims_for(spki: &[u8]) -> Vec<u8> {
    claims_of(Some(spki), &encapsulation_key())
}

fn claims_of(rsa_oaep: Option<&[u8]>, xwing: &[u8]) -> Vec<u8> {
    let rsa_oaep = rsa_oaep.map(rsa_oaep::material);
    let suites = [
        rsa_oaep
            .as_ref()
            .map(|digest| (Suite::RsaOaep, &digest[..])),
        Some((Suite::XWing, xwing)),
    ];
    let keys = KeyMaterial::new(suites.into_iter().flatten());
    let task = model();
    Claims::new(keys, [3; 32], task, claims_limits())
        .unwrap()
        .encode()
}

pub fn encapsulation_key() -> Vec<u8> {
    let key = xwing::DecapsulationKey::generate(&mut Tape::new());
    key.encapsulation_key().to_vec()
}

fn key_error(error: KeyError) -> Rejection {
    BindingError::Key(error.into()).into()
}

#[test]
fn what_is_bound_is_accepted() {
    let spki = spki();
    let evidence = verify(&WORLD.policy, &claims_for(&spki), Some(&spki)).unwrap();
    assert_eq!(evidence.suite(), Suite::XWing);
    assert_eq!(evidence.claims().model().digest(), model_digest());
    // That the kind is accepted, all that the document has passed, and what the claims say.
    let Facts::Nitro(document) = evidence.facts() else {
        panic!("another kind");
    };
    assert_eq!(
        evidence.passed(),
        [&[P1], document.passed(), &CHECKS].concat()
    );
    assert_eq!(document.passed().last(), Some(&checks::X8));
    assert!(document.passed().contains(&checks::X7));
}

/// What has passed is recorded where it passes, so the test above says that these ran, in this order.
#[test]
fn the_checks_of_the_claims_are_those_of_protocol_md() {
    let (_, table) = include_str!("../../../../PROTOCOL.md")
        .split_once("| claims and session |")
        .expect("the table");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let ids: Vec<&str> = rows
        .filter_map(|row| row.split('|').nth(1))
        .map(str::trim)
        .collect();
    assert_eq!(CHECKS.map(|check| check.id())[..], ids);
}

/// Every byte of the claims counts, and nothing can be put before or behind them.
#[test]
fn claims_changed_on_the_way() {
    let len = claims_for(&spki()).len();
    type Change = Box<dyn Fn(&mut Vec<u8>)>;
    let mut changes: Vec<Change> = (0..len)
        .step_by(5)
        .map(|byte| Box::new(move |claims: &mut Vec<u8>| claims[byte] ^= 0x10) as Change)
        .collect();
    changes.push(Box::new(|claims| claims.truncate(claims.len() - 1)));
    changes.push(Box::new(|claims| claims.push(0)));
    changes.push(Box::new(|claims| claims.insert(0, 0xa0)));
    changes.push(Box::new(|claims| *claims = claims_for(&spki())));
    for (number, change) in changes.into_iter().enumerate() {
        let pair = tampered(|answer| change(&mut answer.claims));
        let expected = Fault::from(AppraisalError::UserData);
        assert_eq!(
            pair.faults(),
            (Some(&Fault::Cut), Some(&expected)),
            "change {number}"
        );
    }
}

#[test]
fn a_document_that_lacks_the_binding() {
    let mut pair = Pair::new().attesting(|request| {
        WORLD.attest_fields(
            Some(&request.challenge),
            None,
            request.public_key.as_deref(),
        )
    });
    pair.run(&mut honest);
    assert_eq!(
        pair.client.fault,
        Some(AppraisalError::UserDataMissing.into())
    );

    let spki = spki();
    let error = verify(&WORLD.policy, &claims_for(&spki), None).unwrap_err();
    assert_eq!(error, key_error(KeyError::Missing));
    assert_eq!(error.check().id(), "B3");

    for user_data in [&[][..], &[0; 48], &binding(&claims_for(&spki))[..47]] {
        let user_data = user_data.to_vec();
        let mut pair = Pair::new().attesting(move |request| {
            WORLD.attest_fields(
                Some(&request.challenge),
                Some(&user_data),
                request.public_key.as_deref(),
            )
        });
        pair.run(&mut honest);
        assert_eq!(pair.client.fault, Some(AppraisalError::UserData.into()));
    }
}

#[test]
fn swapped_public_keys() {
    let (ours, theirs) = (spki(), der::spki(&der::modulus(384), &[1, 0, 1]));
    assert_eq!(ours.len(), theirs.len());
    assert!(verify(&WORLD.policy, &claims_for(&theirs), Some(&theirs)).is_ok());
    for (claimed, attested) in [(&ours, &theirs), (&theirs, &ours)] {
        let error = verify(&WORLD.policy, &claims_for(claimed), Some(attested)).unwrap_err();
        assert_eq!(error, key_error(KeyError::NotClaimed));
    }
}

#[test]
fn keys_that_suite_1_does_not_allow() {
    let good = der::spki(&der::modulus(384), &[1, 0, 1]);
    let modulus = der::modulus(384);
    let mut narrow = modulus.clone();
    narrow[0] = 0x7f;
    let mut even = modulus.clone();
    even[383] &= 0xfe;
    let mut without_null = good.clone();
    // 30 82 01 a2 | 30 0d 06 09 … 05 00: the parameters away, both lengths two less.
    without_null.drain(17..19);
    without_null[3] -= 2;
    without_null[5] -= 2;
    let wide = [vec![1], modulus.clone()].concat();
    let mut p256 = vec![
        0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1,
    ];
    p256.extend([6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42, 0, 4]);
    p256.extend([1; 64]);
    let cases = [
        (
            "2048 bits",
            der::spki(&der::modulus(256), &[1, 0, 1]),
            KeyError::Modulus(2048),
        ),
        (
            "3071 bits",
            der::spki(&narrow, &[1, 0, 1]),
            KeyError::Modulus(3071),
        ),
        (
            "3073 bits",
            der::spki(&wide, &[1, 0, 1]),
            KeyError::Modulus(3073),
        ),
        (
            "4096 bits",
            der::spki(&der::modulus(512), &[1, 0, 1]),
            KeyError::Modulus(4096),
        ),
        ("e = 3", der::spki(&modulus, &[3]), KeyError::Exponent),
        (
            "e = 65539",
            der::spki(&modulus, &[1, 0, 3]),
            KeyError::Exponent,
        ),
        (
            "an even modulus",
            der::spki(&even, &[1, 0, 1]),
            KeyError::Encoding,
        ),
        (
            "a byte behind",
            [good.clone(), vec![0]].concat(),
            KeyError::Encoding,
        ),
        (
            "a byte missing",
            good[..good.len() - 1].to_vec(),
            KeyError::Encoding,
        ),
        (
            "e with a leading zero",
            der::spki_raw(&modulus, &[0, 1, 0, 1]),
            KeyError::Encoding,
        ),
        ("no parameters", without_null, KeyError::Encoding),
        ("another curve", p256, KeyError::Encoding),
        (
            "the bare RSAPublicKey",
            good[24..].to_vec(),
            KeyError::Encoding,
        ),
        ("no DER", vec![0; 422], KeyError::Encoding),
    ];
    for (name, key, expected) in cases {
        let error = verify(&WORLD.policy, &claims_for(&key), Some(&key)).unwrap_err();
        assert_eq!(error, key_error(expected), "{name}");
    }
}

#[test]
fn keys_that_suite_2_does_not_allow() {
    let good = encapsulation_key();
    let mut unreduced = good.clone();
    // The first coefficient, 12 bits, is 4095: not below 3329.
    unreduced[0] = 0xff;
    unreduced[1] |= 0x0f;
    let cases = [
        (
            "a byte short",
            good[1..].to_vec(),
            xwing::KeyError::Length(1215),
        ),
        (
            "a byte more",
            [&good[..], &[0]].concat(),
            xwing::KeyError::Length(1217),
        ),
        (
            "no reduced coefficient",
            unreduced,
            xwing::KeyError::Modulus,
        ),
    ];
    let spki = spki();
    for (name, key, expected) in cases {
        // Whichever suite the session would take.
        for least in [1, 2] {
            let policy = policy(&format!(r#""least_suite": {least},"#));
            let claims = claims_of(Some(&spki), &key);
            let error = verify(&policy, &claims, Some(&spki)).unwrap_err();
            let expected = suite::KeyError::XWing(expected);
            assert_eq!(error, BindingError::Key(expected).into(), "{name}");
        }
    }
}

/// The key of suite 1 is in the document if and only if it is claimed.
#[test]
fn an_image_without_suite_1() {
    let (spki, key) = (spki(), encapsulation_key());
    let without = claims_of(None, &key);
    let evidence = verify(&WORLD.policy, &without, None).unwrap();
    assert_eq!(evidence.suite(), Suite::XWing);
    let error = verify(&WORLD.policy, &without, Some(&spki)).unwrap_err();
    assert_eq!(error, key_error(KeyError::Unclaimed));
    let error = verify(&WORLD.policy, &claims_for(&spki), None).unwrap_err();
    assert_eq!(error, key_error(KeyError::Missing));
}

#[test]
fn the_model_is_one_of_the_policys() {
    let spki = spki();
    let hex = |byte: u8| hex::encode([byte; 48]);
    let check = |digests: &str| {
        let policy = policy(&format!(r#""model_digests": [{digests}],"#));
        verify(&policy, &claims_for(&spki), Some(&spki)).map(|_| ())
    };
    let other = format!(r#""{}""#, hex(0xd2));
    let both = format!(r#"{other}, "{}""#, hex(0xd1));
    let actual = model_digest();
    assert_eq!(check(&other), Err(BindingError::Model { actual }.into()));
    assert_eq!(check(&both), Ok(()));
}

#[test]
fn the_precision_is_the_policys() {
    let spki = spki();
    let check = |name: &str| {
        let policy = policy(&format!(r#""precision": "{name}","#));
        verify(&policy, &claims_for(&spki), Some(&spki)).map(|_| ())
    };
    let (actual, expected) = (Precision::Int8, Precision::F32);
    let error = BindingError::Precision { actual, expected };
    assert_eq!(check("f32"), Err(error.into()));
    assert_eq!(check("int8"), Ok(()));
}

/// A hello that was changed on the way gives other transcripts, or no session at all.
#[test]
fn a_hello_with_other_suites() {
    let transcript = || Fault::Session(SessionError::NotAuthentic);
    let cases: [(&[u16], Fault, Fault); 9] = [
        // A suite put in: the weaker one, and an unassigned one.
        (&[1, 2], Fault::Cut, transcript()),
        (&[2, 65535], Fault::Cut, transcript()),
        // Stripped of the only one, for the weaker one: the claims have it all the same, and the client
        // takes it.
        (&[1], Fault::Suite(2), Fault::Refused),
        (&[3], Fault::NoSuite, Fault::Refused),
        (&[], Fault::Message, Fault::Refused),
        (&[0, 2], Fault::Message, Fault::Refused),
        (&[2, 2], Fault::Message, Fault::Refused),
        (&[2, 1], Fault::Message, Fault::Refused),
        (
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17],
            Fault::Message,
            Fault::Refused,
        ),
    ];
    for (suites, enclave, client) in cases {
        let mut pair = Pair::new();
        pair.run(&mut |step: Step, frame: Vec<u8>| {
            if step != Step::Hello {
                return vec![frame];
            }
            let mut hello = Hello::from_frame(&parse(frame)).unwrap();
            hello.suites = suites.to_vec();
            vec![hello.to_frame().into_bytes()]
        });
        assert_eq!(pair.faults(), (Some(&enclave), Some(&client)), "{suites:?}");
        assert!(!pair.client.confirmed);
    }
}

#[test]
fn a_key_message_with_another_suite() {
    for suite in [0u16, 1, 3, 23, 24, 256, 65535] {
        let mut pair = Pair::new();
        pair.run(&mut |step: Step, frame: Vec<u8>| {
            if step != Step::Key {
                return vec![frame];
            }
            let key = Key::from_frame(&parse(frame)).unwrap();
            let mut payload = minicbor::Encoder::new(vec![]);
            payload.map(2).unwrap().u8(1).unwrap().u16(suite).unwrap();
            payload.u8(2).unwrap().bytes(&key.encapsulated).unwrap();
            let payload = payload.into_writer();
            let frame = sealnote_protocol::frame::Frame::new(
                sealnote_protocol::frame::FrameType::Key,
                &payload,
            );
            vec![frame.into_bytes()]
        });
        assert_eq!(
            pair.faults(),
            (Some(&Fault::Suite(suite)), Some(&Fault::Refused))
        );
    }
}

/// Runs with an answer that was changed on the way.
fn tampered(change: impl Fn(&mut Answer)) -> Pair {
    let mut pair = Pair::new();
    pair.run(&mut |step: Step, frame: Vec<u8>| {
        if step != Step::Answer {
            return vec![frame];
        }
        let mut answer = Answer::from_frame(&parse(frame)).unwrap();
        change(&mut answer);
        vec![answer.to_frame().into_bytes()]
    });
    pair
}

/// SubjectPublicKeyInfo by hand.
mod der {
    /// An odd number of this many bytes, its highest bit set.
    pub fn modulus(bytes: usize) -> Vec<u8> {
        let mut modulus: Vec<u8> = (0..bytes).map(|n| (n * 7 + 1) as u8).collect();
        modulus[0] |= 0x80;
        modulus[bytes - 1] |= 1;
        modulus
    }

    pub fn spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let key = [integer(modulus), integer(exponent)].concat();
        spki_of(&tlv(0x30, &key))
    }

    /// The exponent's bytes as they are given.
    pub fn spki_raw(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let key = [integer(modulus), tlv(2, exponent)].concat();
        spki_of(&tlv(0x30, &key))
    }

    fn spki_of(key: &[u8]) -> Vec<u8> {
        let rsa_encryption = [
            0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
        ];
        let bits = tlv(3, &[&[0], key].concat());
        tlv(0x30, &[&rsa_encryption[..], &bits].concat())
    }

    fn integer(value: &[u8]) -> Vec<u8> {
        match value[0] & 0x80 {
            0 => tlv(2, value),
            _ => tlv(2, &[&[0], value].concat()),
        }
    }

    fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
        let len = match value.len() {
            len @ ..128 => vec![len as u8],
            len @ ..256 => vec![0x81, len as u8],
            len => vec![0x82, (len >> 8) as u8, len as u8],
        };
        [&[tag][..], &len, value].concat()
    }
}
