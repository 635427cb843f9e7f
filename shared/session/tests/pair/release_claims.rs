//! Claims of a key release, weighed by the key's owner.

use sealnote_model::{ModelDigest, Precision};
use sealnote_protocol::claims::{Claims, ClaimsError, binding};
use sealnote_protocol::handshake::{Answer, EvidenceKind, Hello};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::suite::{KeyMaterial, Suite, rsa_oaep};
use sealnote_protocol::task::{KeyReleaseClaims, ModelClaims, Task};
use sealnote_session::{BindingError, Challenge, Evidence, Rejection, VerifiedEvidence};
use sealnote_verifier::Policy;

use crate::binding::{encapsulation_key, spki};
use crate::release::{claims, key_id};
use crate::world::{Tape, WORLD, claims_limits, model, model_digest, now, policy};

/// What the owner makes of these claims, under a genuine document that binds them.
fn weigh<T: Task>(
    policy: &Policy,
    claims: &[u8],
    public_key: Option<&[u8]>,
) -> Result<VerifiedEvidence<T>, Rejection> {
    let challenge = Challenge::new(policy, &mut Tape::new()).unwrap();
    let nonce = Hello::from_frame(challenge.hello()).unwrap().challenge;
    let document = WORLD.attest_fields(Some(&nonce), Some(&binding(claims)), public_key);
    let answer = Answer::new(EvidenceKind(1), document, claims.to_vec()).to_frame();
    let evidence = Evidence::from_frame(answer).unwrap();
    evidence.verify(challenge, policy, &WORLD.roots, now())
}

fn xwing() -> KeyMaterial {
    KeyMaterial::new([(Suite::XWing, &encapsulation_key()[..])])
}

/// Claims of a key release, whatever they say.
fn encoded(task: KeyReleaseClaims) -> Vec<u8> {
    let claims = Claims::new(xwing(), [3; 32], task, Limits::of_key_release());
    claims.unwrap().encode()
}

#[test]
fn claims_of_one_task_open_no_session_of_the_other() {
    let of_release = encoded(claims());
    assert!(weigh::<KeyReleaseClaims>(&WORLD.policy, &of_release, None).is_ok());
    let error = weigh::<ModelClaims>(&WORLD.policy, &of_release, None).unwrap_err();
    let (actual, due) = ("key release", "sequence classification");
    let another = |actual, due| BindingError::Claims(ClaimsError::AnotherTask { actual, due });
    assert_eq!(error, another(actual, due).into());

    let of_notes = Claims::new(xwing(), [3; 32], model(), claims_limits());
    let of_notes = of_notes.unwrap().encode();
    assert!(weigh::<ModelClaims>(&WORLD.policy, &of_notes, None).is_ok());
    let error = weigh::<KeyReleaseClaims>(&WORLD.policy, &of_notes, None).unwrap_err();
    assert_eq!(error, another(due, actual).into());
    assert_eq!(error.check().id(), "B2");
}

/// Neither an enclave makes such claims, nor an owner takes them.
#[test]
fn claims_out_of_range() {
    let good = encoded(claims());
    let limits = Limits::of_key_release();
    let changes: [fn(&mut Limits); 4] = [
        |limits| limits.notes = 2,
        |limits| limits.note_bytes -= 1,
        |limits| limits.request_bytes = 32 * 1024,
        |limits| limits.in_flight = 2,
    ];
    for change in changes {
        let mut other = limits;
        change(&mut other);
        let made = Claims::new(xwing(), [3; 32], claims(), other);
        let error = ClaimsError::Range("limits of a key release");
        assert_eq!(made.unwrap_err(), error);
    }
    // As they travel: the claims' bytes with another value of the same length.
    let replaced = |from: &[u8], to: &[u8]| {
        let mut at = good.windows(from.len()).enumerate();
        let (at, _) = at.find(|(_, window)| *window == from).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + from.len()].copy_from_slice(to);
        weigh::<KeyReleaseClaims>(&WORLD.policy, &bytes, None).map(|_| ())
    };
    let range = |what| Err(BindingError::Claims(ClaimsError::Range(what)).into());
    let of = limits.request_bytes.to_be_bytes();
    let (sixty_four, thirty_two) = ([&[3, 0x1a][..], &of].concat(), [3, 0x1a, 0, 2, 0, 0]);
    assert_eq!(replaced(&sixty_four, &sixty_four), Ok(()));
    assert_eq!(
        replaced(&sixty_four, &thirty_two),
        range("limits of a key release")
    );
    for id in [
        "ward/icd10 v2",
        "/ard/icd10-v2",
        "ward//cd10-v2",
        "../../cd10-v2",
    ] {
        assert_eq!(
            replaced(b"ward/icd10-v2", id.as_bytes()),
            range("key id"),
            "{id}"
        );
    }
}

#[test]
fn suite_1_carries_no_key_whatever_the_policy_accepts() {
    let spki = spki();
    let digest = rsa_oaep::material(&spki);
    let accepts = policy(r#""least_suite": 1,"#);
    let only = KeyMaterial::new([(Suite::RsaOaep, &digest[..])]);
    let claims_with = |keys| {
        let claims = Claims::new(keys, [3; 32], claims(), Limits::of_key_release());
        claims.unwrap().encode()
    };
    let error = weigh::<KeyReleaseClaims>(&accepts, &claims_with(only), Some(&spki)).unwrap_err();
    let least = Suite::XWing;
    assert_eq!(error, BindingError::Suite { least }.into());
    assert_eq!(error.check().id(), "P2");
    let both = KeyMaterial::new([
        (Suite::RsaOaep, &digest[..]),
        (Suite::XWing, &encapsulation_key()[..]),
    ]);
    let verified = weigh::<KeyReleaseClaims>(&accepts, &claims_with(both), Some(&spki));
    assert_eq!(verified.unwrap().suite(), Suite::XWing);
}

#[test]
fn the_owners_policy_is_weighed_whole() {
    let other = ModelDigest([0xd2; 48]);
    let listed = policy(&format!(r#""model_digests": ["{}"],"#, model_digest()));
    assert!(weigh::<KeyReleaseClaims>(&listed, &encoded(claims()), None).is_ok());
    let of_other = encoded(KeyReleaseClaims::new(other, &key_id()));
    let error = weigh::<KeyReleaseClaims>(&listed, &of_other, None).unwrap_err();
    assert_eq!(error, BindingError::Model { actual: other }.into());
    assert_eq!(error.check().id(), "P3");

    // It computes nothing yet, so it claims no precision.
    let precise = policy(r#""precision": "int8","#);
    let error = weigh::<KeyReleaseClaims>(&precise, &encoded(claims()), None).unwrap_err();
    let expected = Precision::Int8;
    assert_eq!(error, BindingError::NoPrecision { expected }.into());
    assert_eq!(error.check().id(), "P4");
    // A key in the document that no claim names.
    let error = weigh::<KeyReleaseClaims>(&WORLD.policy, &encoded(claims()), Some(&spki()));
    assert_eq!(error.unwrap_err().check().id(), "B3");
}
