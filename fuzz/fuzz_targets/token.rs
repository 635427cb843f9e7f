//! A token of an attestation service, its claims and certificates alone, and the keys that it is checked by. What is read
//! of a token is what another reader finds in it; claims are signed and checked again; what is accepted is by a known
//! issuer, in time and bound as it must be; no keys accept a token without its signature.
//!
//! Input: a token, claims or a key set (a JSON object), certificates (a JSON list), or a root in PEM.

#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::token::{
    BINDING, FIXTURE, Fixture, INTEL, NOW_SECONDS, PS384, RS256, check, check_by_any, claims,
    unsigned,
};
use sealnote_fuzz::within;
use sealnote_verifier::Rejection;
use sealnote_verifier::token::{VerifiedToken, checks, inspect};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Tokens that lack but the signature, of an issuer with certificates and of one with a key set.
static UNSIGNED: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let of_issuer = |index: usize| {
        let claims = &claims()[index].1;
        unsigned(RS256, &FIXTURE.x5c, claims.to_string().as_bytes())
    };
    [0, 1].map(of_issuer)
});

fuzz_target!(
    init: check_fixture(),
    |bytes: &[u8]| {
        let fixture = &*FIXTURE;
        match bytes.first() {
            Some(b'{') => {
                check_claims(fixture, bytes);
                check_keys(bytes, &UNSIGNED[1]);
            }
            Some(b'[') => check_certificates(fixture, bytes),
            Some(b'-') => check_keys(bytes, &UNSIGNED[0]),
            _ => check_token(fixture, bytes),
        }
    }
);

/// The least that a check may hold, whatever came: a policy and RSA's numbers.
const OF_CHECK: usize = 1024 * 1024;

/// What nobody changed is accepted, and is refused for its signature where that alone is missing.
fn check_fixture() {
    for (name, claims) in claims() {
        check_claims(&FIXTURE, claims.to_string().as_bytes());
        let token = FIXTURE.token(RS256, &FIXTURE.x5c, claims.to_string().as_bytes());
        let keys = FIXTURE.keys_of(&claims);
        let verified = check(&token, keys).expect("a token that is accepted");
        assert_eq!(verified.measurement_set(), name);
    }
    let keys = [&FIXTURE.root_pem, &FIXTURE.jwks];
    for (token, keys) in UNSIGNED.iter().zip(keys) {
        let refused = check(token, keys.as_bytes()).expect_err("no signature");
        assert_eq!(refused.check(), checks::J6);
    }
}

fn check_token(fixture: &Fixture, token: &[u8]) {
    let read = within(16 * 1024 + 96 * token.len(), || inspect(token));
    let Ok(read) = read else { return };
    let claims: Value = serde_json::from_str(&read.claims()).expect("JSON");
    let limit = OF_CHECK + 96 * token.len();
    let keys = fixture.keys_of(&claims);
    if within(limit, || check(token, keys)).is_ok() {
        assert!(
            fixture.signed(token) == token,
            "accepted, and not made here"
        );
    }
    if let Ok(verified) = check_signed(fixture, token, keys) {
        check_accepted(&verified, &claims);
        let header: Value = serde_json::from_str(&read.header()).expect("JSON");
        let may_be_pss = claims["iss"] == INTEL;
        let algorithm = &header["alg"];
        assert!(algorithm == RS256 || may_be_pss && algorithm == PS384);
        assert!(
            ["crit", "jwk", "x5u"]
                .iter()
                .all(|name| header.get(name).is_none())
        );
    }
    let parts = token.split(|byte| *byte == b'.');
    for (part, read) in parts.zip([read.header(), read.claims()]) {
        let json = URL_SAFE_NO_PAD.decode(part).expect("what was decoded");
        check_object(&json, &read);
    }
}

/// Another reader finds the same, and in it as many members as the text has.
fn check_object(json: &[u8], read: &str) {
    let value: Value = serde_json::from_slice(json).expect("what was read as JSON");
    assert_eq!(value.to_string(), read);
    assert_eq!(members(&value), colons(json));
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.iter().map(members).sum(),
        Value::Object(object) => object.values().map(|value| 1 + members(value)).sum(),
        _ => 0,
    }
}

/// Those that are not within a text.
fn colons(json: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (0, false, false);
    for byte in json {
        match (in_text, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b':') => count += 1,
            _ => {}
        }
    }
    count
}

fn check_claims(fixture: &Fixture, json: &[u8]) {
    let token = unsigned(RS256, &fixture.x5c, json);
    let Ok(read) = inspect(&token) else { return };
    check_object(json, &read.claims());
    let claims: Value = serde_json::from_str(&read.claims()).expect("JSON");
    let keys = fixture.keys_of(&claims);
    let checked = check_signed(fixture, &token, keys);
    match &checked {
        Ok(verified) => check_accepted(verified, &claims),
        // Facts are told, in one line.
        Err(rejection) => assert!(!rejection.to_string().contains('\n')),
    }
    if claims["iss"] == INTEL {
        // The other algorithm finds the same.
        let token = unsigned(PS384, &fixture.x5c, json);
        let refused = |checked: Result<VerifiedToken, Rejection>| {
            checked.err().map(|rejection| rejection.to_string())
        };
        let by_pss = check_signed(fixture, &token, keys);
        assert_eq!(refused(by_pss), refused(checked));
    }
}

fn check_accepted(verified: &VerifiedToken, claims: &Value) {
    assert_eq!(claims["iss"], verified.issuer());
    assert!(verified.expires().as_seconds() + 300 >= NOW_SECONDS);
    let bound = [
        hex::encode(BINDING),
        hex::encode(Sha256::digest(BINDING)),
        URL_SAFE_NO_PAD.encode(BINDING),
    ];
    let text = claims.to_string().to_lowercase();
    let is_bound = bound
        .iter()
        .any(|bound| text.contains(&bound.to_lowercase()));
    assert!(is_bound, "accepted, and not bound");
}

/// Checks a token; one that is refused for its signature alone once more, signed.
fn check_signed(fixture: &Fixture, token: &[u8], keys: &[u8]) -> Result<VerifiedToken, Rejection> {
    let limit = OF_CHECK + 96 * token.len();
    match within(limit, || check(token, keys)) {
        Err(refused) if refused.check() == checks::J6 => check(&fixture.signed(token), keys),
        checked => checked,
    }
}

/// None but the genuine ones stand in their place.
fn check_certificates(fixture: &Fixture, json: &[u8]) {
    let Ok(x5c) = serde_json::from_slice::<Value>(json) else {
        return;
    };
    static CLAIMS: LazyLock<String> = LazyLock::new(|| claims()[0].1.to_string());
    let token = unsigned(RS256, &x5c, CLAIMS.as_bytes());
    if check_signed(fixture, &token, fixture.root_pem.as_bytes()).is_ok() {
        assert_eq!(x5c, fixture.x5c);
    }
}

fn check_keys(keys: &[u8], unsigned: &[u8]) {
    let checked = within(OF_CHECK + 96 * keys.len(), || check_by_any(unsigned, keys));
    assert!(checked.is_err(), "accepted, and not signed");
}
