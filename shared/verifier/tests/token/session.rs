//! Evidence of a session: the map around the token, and what it is bound to.

use sealnote_evidence::{Evidence, MapError};
use sealnote_verifier::token::Rejection;
use sealnote_verifier::{Binding, UnixTime};
use sha2::{Digest, Sha256, Sha512};

use super::FIXTURE;
use super::fixture::{Attempt, Base, NOW};

const KEY: &[u8] = b"a SubjectPublicKeyInfo, as far as is known here";

fn binding() -> Binding {
    Binding {
        protocol: "sealnote/2",
        challenge: [1; 32],
        claims: [2; 48],
    }
}

/// As PROTOCOL.md has it, written out by hand.
fn due(key: &[u8]) -> [u8; 64] {
    let mut bytes = b"sealnote/2 evidence\x00\x00\x05".to_vec();
    bytes.extend([1; 32]);
    bytes.extend([2; 48]);
    bytes.extend([0, 0, 0, key.len() as u8]);
    bytes.extend(key);
    Sha512::digest(bytes).into()
}

/// Evidence whose token is bound to `bound`, beside `key`.
fn evidence(attempt: &mut Attempt<'_>, bound: &[u8], key: Option<&[u8]>) -> Vec<u8> {
    attempt.claims["eat_nonce"] = hex::encode(Sha256::digest(due(bound))).into();
    let token = attempt.signed();
    let evidence = Evidence {
        report: &token,
        public_key: key,
        ..Evidence::default()
    };
    evidence.encode()
}

fn outcome(attempt: &Attempt<'_>, evidence: &[u8], binding: &Binding) -> Result<(), Rejection> {
    let now = UnixTime::from_seconds(NOW);
    let rules = attempt.rules();
    rules
        .check_evidence(evidence, &attempt.keys, binding, now)
        .map(|_| ())
}

#[test]
fn a_token_of_the_session_is_accepted_with_and_without_a_key() {
    for key in [None, Some(KEY)] {
        let mut attempt = FIXTURE.attempt(Base::Google);
        let evidence = evidence(&mut attempt, key.unwrap_or_default(), key);
        let now = UnixTime::from_seconds(NOW);
        let rules = attempt.rules();
        let token = rules.check_evidence(&evidence, &attempt.keys, &binding(), now);
        let token = token.expect("the session's");
        assert_eq!(token.public_key(), key);
        assert_eq!(token.measurement_set(), "one");
        assert_eq!(token.least_suite(), Some(2));
    }
}

#[test]
fn a_token_of_another_session_or_key_is_refused() {
    let mut attempt = FIXTURE.attempt(Base::Google);
    let session = evidence(&mut attempt, KEY, Some(KEY));
    let id = |result: Result<(), Rejection>| result.map_err(|error| error.check().id());
    for binding in [
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
        assert_eq!(id(outcome(&attempt, &session, &binding)), Err("B1"));
    }
    let without = evidence(&mut attempt, KEY, None);
    assert_eq!(id(outcome(&attempt, &without, &binding())), Err("B1"));
    let added = evidence(&mut attempt, b"", Some(KEY));
    assert_eq!(id(outcome(&attempt, &added, &binding())), Err("B1"));
}

#[test]
fn other_maps_are_refused() {
    let mut attempt = FIXTURE.attempt(Base::Google);
    let mut evidence = evidence(&mut attempt, KEY, Some(KEY));
    let with_log = Evidence {
        report: &attempt.signed(),
        event_log: Some(b"log"),
        ..Evidence::default()
    };
    assert_eq!(
        outcome(&attempt, &with_log.encode(), &binding()),
        Err(Rejection::Evidence(MapError::Keys))
    );
    evidence.push(0);
    let refused = outcome(&attempt, &evidence, &binding());
    assert_eq!(refused, Err(Rejection::Evidence(MapError::Encoding)));
}
