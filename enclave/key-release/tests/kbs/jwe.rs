//! Check K10: one form of JWE is opened, and each deviation from it is refused, encrypted as it may be.

use getrandom::SysRng;
use p256::PublicKey;
use rand_core::UnwrapErr;
use sealnote_key_release::kbs::{JweError, TeeKey};
use serde_json::{Value, json};

use crate::KEY;
use crate::sealed::{Sealed, header, public_key};

fn key() -> (TeeKey, PublicKey) {
    let key = TeeKey::generate(&mut UnwrapErr(SysRng));
    let jwk = serde_json::to_value(key.public()).unwrap();
    let coordinate = |name: &str| jwk[name].as_str().unwrap().to_owned();
    let public = public_key(&coordinate("x"), &coordinate("y")).unwrap();
    (key, public)
}

/// What is said to a JWE whose header is another one, and under which all is encrypted as it should be.
fn under(header: impl FnOnce(Value) -> Value) -> Result<(), JweError> {
    let (key, public) = key();
    let sealed = Sealed::new(&public, &KEY, header);
    key.open(&sealed.bytes())
        .map(|opened| assert_eq!(*opened, KEY))
}

/// What is said to a JWE of another form.
fn changed(change: impl FnOnce(&mut Value)) -> Result<(), JweError> {
    let (key, public) = key();
    let mut jwe = Sealed::new(&public, &KEY, header).json();
    change(&mut jwe);
    key.open(jwe.to_string().as_bytes()).map(|_| ())
}

/// What is said to a JWE with other bytes in its parts.
fn with(change: impl FnOnce(&mut Sealed)) -> Result<(), JweError> {
    let (key, public) = key();
    let mut sealed = Sealed::new(&public, &KEY, header);
    change(&mut sealed);
    key.open(&sealed.bytes()).map(|_| ())
}

#[test]
fn what_trustee_sends_is_opened() {
    assert_eq!(under(header), Ok(()));
    // Whatever the order of its members and the space between them, as long as what was authenticated is what came.
    let (key, public) = key();
    let sealed = Sealed::new(&public, &KEY, header);
    let spaced = serde_json::to_string_pretty(&sealed.json()).unwrap();
    assert_eq!(*key.open(spaced.as_bytes()).unwrap(), KEY);
}

#[test]
fn another_algorithm_is_refused() {
    for alg in [
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "ECDH-ES",
        "ECDH-ES+A128KW",
        "A256KW",
        "dir",
        "none",
        "ML-KEM-768+A192KW",
        "ecdh-es+a256kw",
        "",
    ] {
        let error = under(|epk| json!({"alg": alg, "enc": "A256GCM", "epk": epk}));
        assert_eq!(error, Err(JweError::Algorithm), "{alg}");
        let error = under(|_| json!({"alg": alg, "enc": "A256GCM"}));
        assert_eq!(error, Err(JweError::Algorithm), "{alg}");
    }
    for enc in ["A128GCM", "A192GCM", "A256CBC-HS512", "none", "a256gcm", ""] {
        let error = under(|epk| json!({"alg": "ECDH-ES+A256KW", "enc": enc, "epk": epk}));
        assert_eq!(error, Err(JweError::Encryption), "{enc}");
    }
}

#[test]
fn a_header_has_its_members_and_no_other() {
    for (name, value) in [
        ("zip", json!("DEF")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("apu", json!("QWxpY2U")),
        ("apv", json!("Qm9i")),
        ("kid", json!("1")),
        ("jwk", json!({})),
        ("jku", json!("https://kbs.example.test")),
        ("typ", json!("JWE")),
        ("another", json!(null)),
    ] {
        let error = under(|epk| {
            let mut header = header(epk);
            header[name] = value;
            header
        });
        assert_eq!(error, Err(JweError::Header), "{name}");
    }
    for name in ["alg", "enc", "epk"] {
        let error = under(|epk| {
            let mut header = header(epk);
            header.as_object_mut().unwrap().remove(name);
            header
        });
        assert_eq!(error, Err(JweError::Header), "without {name}");
    }
    assert_eq!(under(|_| json!([])), Err(JweError::Header));
    assert_eq!(under(|_| json!("ECDH-ES+A256KW")), Err(JweError::Header));
}

/// Both of a member that is there twice are written; which of them a parser takes is not asked.
#[test]
fn nothing_is_said_twice() {
    let twice = |of: &str, once: &str, more: &str| {
        let text = of.replacen(once, &format!("{once},{more}"), 1);
        assert_ne!(text, of);
        text
    };
    let (key_of_header, public) = key();
    let mut sealed = Sealed::new(&public, &KEY, header);
    let text = String::from_utf8(sealed.header.clone()).unwrap();
    sealed.header = twice(&text, r#""enc":"A256GCM""#, r#""enc":"A256GCM""#).into_bytes();
    let error = key_of_header.open(&sealed.bytes()).unwrap_err();
    assert_eq!(error, JweError::Header);

    let (key, public) = key();
    let jwe = Sealed::new(&public, &KEY, header).json();
    let tag = format!(r#""tag":{}"#, jwe["tag"]);
    let error = key.open(twice(&jwe.to_string(), &tag, &tag).as_bytes());
    assert_eq!(error.unwrap_err(), JweError::Form);
}

#[test]
fn the_senders_key_is_a_point_of_the_curve() {
    let epk_with = |name: &'static str, value: Value| {
        under(move |mut epk| {
            epk[name] = value;
            header(epk)
        })
    };
    for (name, value, error) in [
        ("crv", json!("P-521"), JweError::Point),
        ("crv", json!("p-256"), JweError::Point),
        ("kty", json!("OKP"), JweError::Point),
        ("d", json!("AQ"), JweError::Header),
        ("alg", json!("ECDH-ES+A256KW"), JweError::Header),
        ("x", json!(7), JweError::Header),
        ("x", json!("*"), JweError::Form),
        (
            "x",
            json!("AQ"),
            JweError::Length {
                part: "epk's x",
                expected: 32,
            },
        ),
        (
            "y",
            json!("AQ"),
            JweError::Length {
                part: "epk's y",
                expected: 32,
            },
        ),
    ] {
        assert_eq!(epk_with(name, value.clone()), Err(error), "{name}: {value}");
    }
    // The twin of the point, of another curve, and the field's prime: no coordinates of a point.
    let zeros = json!("A".repeat(43));
    for name in ["x", "y"] {
        assert_eq!(epk_with(name, zeros.clone()), Err(JweError::Point));
    }
    assert_eq!(
        epk_with("x", json!("_".repeat(42) + "8")),
        Err(JweError::Point)
    );
}

#[test]
fn a_jwe_has_its_five_members_and_no_other() {
    for (name, value) in [
        ("aad", json!("QUFE")),
        ("header", json!({})),
        ("unprotected", json!({"alg": "dir"})),
        ("recipients", json!([])),
        ("another", json!(null)),
        ("tag", json!(null)),
        ("iv", json!(["AAAA"])),
    ] {
        assert_eq!(
            changed(|jwe| jwe[name] = value),
            Err(JweError::Form),
            "{name}"
        );
    }
    for name in ["protected", "encrypted_key", "iv", "ciphertext", "tag"] {
        let error = changed(|jwe| {
            jwe.as_object_mut().unwrap().remove(name);
        });
        assert_eq!(error, Err(JweError::Form), "without {name}");
        // Padding is not base64url's way.
        let padded = changed(|jwe| jwe[name] = json!(format!("{}=", jwe[name].as_str().unwrap())));
        let expected = match name {
            "protected" => JweError::Header,
            _ => JweError::Form,
        };
        assert_eq!(padded, Err(expected), "{name}");
    }
    // The compact form.
    let (key, public) = key();
    let jwe = Sealed::new(&public, &KEY, header).json();
    let part = |name: &str| jwe[name].as_str().unwrap().to_owned();
    let compact = ["protected", "encrypted_key", "iv", "ciphertext", "tag"].map(part);
    let error = key.open(compact.join(".").as_bytes()).unwrap_err();
    assert_eq!(error, JweError::Form);
}

#[test]
fn parts_have_their_lengths() {
    let length = |part, expected| Err(JweError::Length { part, expected });
    assert_eq!(with(|jwe| jwe.iv.truncate(8)), length("iv", 12));
    assert_eq!(with(|jwe| jwe.iv.resize(16, 0)), length("iv", 12));
    assert_eq!(with(|jwe| jwe.tag.truncate(12)), length("tag", 16));
    assert_eq!(with(|jwe| jwe.tag.truncate(0)), length("tag", 16));
    for len in [0, 24, 32, 48, 256] {
        let error = with(|jwe| jwe.encrypted_key.resize(len, 0));
        assert_eq!(error, length("encrypted_key", 40));
    }
}

#[test]
fn whatever_was_changed_does_not_open() {
    for bit in 0..8 {
        for place in [0, 1, 11] {
            let flip = |part: &mut Vec<u8>| part[place] ^= 1 << bit;
            assert_eq!(
                with(|jwe| flip(&mut jwe.encrypted_key)),
                Err(JweError::Opens)
            );
            assert_eq!(with(|jwe| flip(&mut jwe.iv)), Err(JweError::Opens));
            assert_eq!(with(|jwe| flip(&mut jwe.ciphertext)), Err(JweError::Opens));
            assert_eq!(with(|jwe| flip(&mut jwe.tag)), Err(JweError::Opens));
        }
    }
    assert_eq!(
        with(|jwe| jwe.ciphertext.truncate(16)),
        Err(JweError::Opens)
    );
    assert_eq!(with(|jwe| jwe.ciphertext.clear()), Err(JweError::Opens));
    // The header says the same, in other bytes.
    assert_eq!(with(|jwe| jwe.header.push(b' ')), Err(JweError::Opens));
}

#[test]
fn what_is_to_another_key_does_not_open() {
    let ((key, _), (_, another)) = (key(), key());
    let sealed = Sealed::new(&another, &KEY, header);
    assert_eq!(key.open(&sealed.bytes()).unwrap_err(), JweError::Opens);
}
