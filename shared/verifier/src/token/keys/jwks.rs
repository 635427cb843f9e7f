//! J4: a key of the pinned set (RFC 7517 section 5), by its name.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::error::KeyError;
use super::rsa_key::RsaKey;
use crate::token::claims::Claims;
use crate::token::json;
use crate::token::jws::Algorithm;

pub(super) fn key(
    set: &[u8],
    name: Option<&str>,
    algorithm: Algorithm,
) -> Result<RsaKey, KeyError> {
    let set = json::object(set).ok_or(KeyError::NoSet)?;
    let keys = Claims(&set).list("keys").map_err(|_| KeyError::NoSet)?;
    let mut names = BTreeSet::new();
    let mut found = None;
    for key in keys {
        let key = Claims(key.as_object().ok_or(KeyError::NoSet)?);
        let kid = key.text("kid").map_err(|_| KeyError::NoSet)?;
        if !names.insert(kid) {
            return Err(KeyError::SameName);
        }
        if Some(kid) == name {
            found = Some(key);
        }
    }
    let key = found.ok_or(KeyError::UnknownName)?;
    rsa_key(key, algorithm).ok_or(KeyError::Unusable)
}

/// Azure's sets have certificates in place of numbers. Nothing in them is looked at but the key: the set is pinned.
fn rsa_key(key: Claims<'_>, algorithm: Algorithm) -> Option<RsaKey> {
    let is = |name, due: &str| key.get(name).is_none_or(|found| found == due);
    if key.text("kty") != Ok("RSA") || !is("use", "sig") || !is("alg", algorithm.name()) {
        return None;
    }
    match key.get("n") {
        Some(_) => {
            let number = |name| URL_SAFE_NO_PAD.decode(key.text(name).ok()?).ok();
            RsaKey::from_parts(&number("n")?, &number("e")?)
        }
        None => {
            let first = key.list("x5c").ok()?.first().and_then(Value::as_str)?;
            let certificate = Certificate::from_der(&STANDARD.decode(first).ok()?).ok()?;
            let spki = certificate.tbs_certificate().subject_public_key_info();
            RsaKey::from_pkcs1(spki.subject_public_key.as_bytes()?)
        }
    }
}
