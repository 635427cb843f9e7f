//! Suites, tasks and extensions in claims that a genuine document binds: those that are known, and those that are not.

use sealnote_protocol::claims::ClaimsError;
use sealnote_protocol::suite::Suite;
use sealnote_verifier::evidence::BindingError;

use crate::binding::{spki, verify};
use crate::claims::{
    Edit, TASK, bstr, bytes_of, claims, encoding, entries, map, material, refusal,
};
use crate::world::{WORLD, policy};

#[test]
fn a_suite_claimed_with_another_key_or_not_at_all() {
    let cases: [(&[u8], BindingError); 2] = [
        // Suite 7 only; the attested key is none of the claims'.
        (&[0xa1, 7, 0x41, 9], BindingError::PublicKeyUnclaimed),
        // Suite 1 with other key material.
        (&[0xa1, 1, 0x41, 9], BindingError::KeyNotClaimed),
    ];
    for (suites, expected) in cases {
        let mut entries = entries(&claims());
        entries[1].1 = suites.to_vec();
        let error = verify(&WORLD.policy, &map(&entries), Some(&spki())).unwrap_err();
        assert_eq!(error, expected.into());
    }
}

#[test]
fn a_session_takes_no_suite_below_the_policys() {
    let mut only_rsa = entries(&claims());
    only_rsa[1].1 = [&[0xa1, 1][..], &material(&spki())].concat();
    let only_rsa = map(&only_rsa);
    let verify = |more: &str, claims: &[u8]| {
        let verified = verify(&policy(more), claims, Some(&spki()));
        verified.map(|evidence| evidence.suite())
    };
    let error = Err(BindingError::Suite {
        least: Suite::XWing,
    }
    .into());
    assert_eq!(verify("", &only_rsa), error);
    assert_eq!(verify(r#""least_suite": 2,"#, &only_rsa), error);
    let least = r#""least_suite": 1,"#;
    assert_eq!(verify(least, &only_rsa), Ok(Suite::RsaOaep));
    assert_eq!(verify(least, &claims()), Ok(Suite::XWing));
}

/// Edits to the task, and to its parameters as a whole.
#[test]
fn the_task() {
    let cases: [(&str, Edit, Result<(), ClaimsError>); 8] = [
        ("unchanged", |_| (), Ok(())),
        ("task 0", |e| e[0].1 = vec![0], Err(ClaimsError::Task(0))),
        (
            "another task",
            |e| e[0].1 = vec![2],
            Err(ClaimsError::Task(2)),
        ),
        ("no number", |e| drop(e.remove(0)), Err(encoding())),
        ("no parameters", |e| drop(e.remove(1)), Err(encoding())),
        ("empty parameters", |e| e[1].1 = vec![0x40], Err(encoding())),
        (
            "a byte behind the parameters",
            |e| {
                let mut parameters = bytes_of(&e[1].1);
                parameters.push(0);
                e[1].1 = bstr(&parameters);
            },
            Err(encoding()),
        ),
        (
            "parameters that are not in a byte string",
            |e| e[1].1 = bytes_of(&e[1].1),
            Err(encoding()),
        ),
    ];
    for (name, edit, expected) in cases {
        let mut outer = entries(&claims());
        let mut task = entries(&outer[TASK].1);
        edit(&mut task);
        outer[TASK].1 = map(&task);
        assert_eq!(refusal(&map(&outer)), expected, "{name}");
    }
}

#[test]
fn extensions() {
    let critical = |number| Err(ClaimsError::Extension(number));
    let many = |count: u8| {
        let entry = |number: u8| [&[0x18, 24 + number][..], &[0x82, 0xf4, 0x40]].concat();
        [vec![0xb8, count], (0..count).flat_map(entry).collect()].concat()
    };
    let cases: [(&str, Vec<u8>, Result<(), ClaimsError>); 12] = [
        ("none", vec![0xa0], Ok(())),
        (
            "one to be ignored",
            vec![0xa1, 9, 0x82, 0xf4, 0x41, 7],
            Ok(()),
        ),
        (
            "one to be understood",
            vec![0xa1, 9, 0x82, 0xf5, 0x41, 7],
            critical(9),
        ),
        (
            "the second to be understood",
            vec![0xa2, 9, 0x82, 0xf4, 0x40, 10, 0x82, 0xf5, 0x40],
            critical(10),
        ),
        ("32", many(32), Ok(())),
        ("33", many(33), Err(ClaimsError::Range("extensions"))),
        (
            "number 0",
            vec![0xa1, 0, 0x82, 0xf4, 0x40],
            Err(ClaimsError::Range("extensions")),
        ),
        (
            "twice the same",
            vec![0xa2, 9, 0x82, 0xf4, 0x40, 9, 0x82, 0xf4, 0x40],
            Err(encoding()),
        ),
        (
            "out of order",
            vec![0xa2, 10, 0x82, 0xf4, 0x40, 9, 0x82, 0xf4, 0x40],
            Err(encoding()),
        ),
        (
            "without its flag",
            vec![0xa1, 9, 0x81, 0x40],
            Err(encoding()),
        ),
        (
            "with a third part",
            vec![0xa1, 9, 0x83, 0xf4, 0x40, 0],
            Err(encoding()),
        ),
        (
            "with a null for its flag",
            vec![0xa1, 9, 0x82, 0xf6, 0x40],
            Err(encoding()),
        ),
    ];
    for (name, extensions, expected) in cases {
        let mut outer = entries(&claims());
        outer[5].1 = extensions;
        assert_eq!(refusal(&map(&outer)), expected, "{name}");
    }
}
