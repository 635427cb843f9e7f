//! What a KBS answers. As a whole: what is opened is the one message that was sealed. As a header, under which all is sealed
//! as it says: one that is opened has three members, each as it must be.
//!
//! Input: a JWE in JSON, or the JSON of a header.

#![no_main]

#[allow(dead_code, reason = "the tests' share")]
#[path = "../../enclave/key-release/tests/kbs/sealed.rs"]
mod sealed;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use p256::elliptic_curve::Generate;
use p256::{PublicKey, SecretKey};
use sealed::{Sealed, epk, header, public_key};
use sealnote_fuzz::{Seeded, within};
use sealnote_key_release::kbs::{JweError, TeeKey};
use serde_json::Value;

const CONTENT: [u8; 32] = [0x4b; 32];

/// Of every run alike.
static SENDER: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate_from_rng(&mut Seeded(1)));
static RECIPIENT: LazyLock<PublicKey> = LazyLock::new(|| {
    let jwk = serde_json::to_value(key().public()).expect("a key in JSON");
    let coordinate = |name: &str| jwk[name].as_str().unwrap_or_default();
    public_key(coordinate("x"), coordinate("y")).expect("a point")
});

fuzz_target!(init: check_fixture(), |bytes: &[u8]| {
    if let Ok(opened) = within(4096 + 8 * bytes.len(), || key().open(bytes)) {
        assert_eq!(*opened, CONTENT);
        let jwe: Value = serde_json::from_slice(bytes).expect("JSON");
        assert_eq!(jwe.as_object().map(serde_json::Map::len), Some(5));
    }
    let exact = header(epk(&SENDER.public_key()));
    if sealed_under(bytes).is_ok() {
        assert_eq!(serde_json::from_slice::<Value>(bytes).expect("JSON"), exact);
    }
});

/// What Trustee says is opened, so that what is refused is refused for its difference.
fn check_fixture() {
    let exact = header(epk(&SENDER.public_key())).to_string();
    assert_eq!(sealed_under(exact.as_bytes()), Ok(()));
}

fn sealed_under(header: &[u8]) -> Result<(), JweError> {
    let sealed = Sealed::by(&SENDER, &RECIPIENT, &CONTENT, header.to_vec());
    key()
        .open(&sealed.bytes())
        .map(|opened| assert_eq!(*opened, CONTENT))
}

fn key() -> TeeKey {
    TeeKey::generate(&mut Seeded(2))
}
