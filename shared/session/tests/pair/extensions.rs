//! Suites, tasks and extensions in claims that a genuine document binds: those that are known, and those that are not.

use sealnote_protocol::claims::ClaimsError;
use sealnote_protocol::handshake::{Answer, Hello};
use sealnote_protocol::suite::Suite;
use sealnote_protocol::suite::rsa_oaep::KeyError;
use sealnote_protocol::task::ModelClaims;
use sealnote_session::{BindingError, Challenge, Evidence, EvidenceError, Rejection, UnknownSuite};
use sealnote_verifier::{Kind, Policy};

use crate::binding::{spki, verify};
use crate::claims::{
    Edit, TASK, bstr, bytes_of, claims, encoding, entries, map, material, refusal,
};
use crate::world::{Tape, WORLD, now, policy};

#[test]
fn a_suite_claimed_with_another_key_or_not_at_all() {
    let cases: [(&[u8], KeyError); 2] = [
        // Suite 7 only; the attested key is none of the claims'.
        (&[0xa1, 7, 0x41, 9], KeyError::Unclaimed),
        // Suite 1 with other key material.
        (&[0xa1, 1, 0x41, 9], KeyError::NotClaimed),
    ];
    for (suites, expected) in cases {
        let mut entries = entries(&claims());
        entries[1].1 = suites.to_vec();
        let error = verify(&WORLD.policy, &map(&entries), Some(&spki())).unwrap_err();
        assert_eq!(error, BindingError::Key(expected.into()).into());
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

/// A policy of version 2 with two images, of which the second is the attester's.
fn two_images(first: &str, second: &str, session: &str) -> Policy {
    let set = |label: &str, least: &str, pcr: fn(u8) -> u8| {
        let [a, b, c] = [0, 1, 2].map(|index| hex::encode([pcr(index); 48]));
        format!(r#"{{"label": "{label}", {least} "pcr0": "{a}", "pcr1": "{b}", "pcr2": "{c}"}}"#)
    };
    let sets = [
        set("other", first, |index| index + 0x71),
        set("pair", second, |index| index + 1),
    ];
    let json = format!(
        r#"{{"version": 2, "evidence": {{"nitro": {{"measurements": [{}]}}}}, "session": {{{session}}}}}"#,
        sets.join(",")
    );
    Policy::from_json(json).expect("a policy")
}

/// The hello goes out before it is known which set will match: it offers what the least of them accepts.
#[test]
fn the_least_suite_is_that_of_the_set_that_matches() {
    let mut only_rsa = entries(&claims());
    only_rsa[1].1 = [&[0xa1, 1][..], &material(&spki())].concat();
    let only_rsa = map(&only_rsa);
    let (one, two) = (r#""least_suite": 1,"#, r#""least_suite": 2,"#);
    let rest = r#""least_suite": 1"#;
    for (first, second, session, offered, accepted) in [
        ("", "", "", &[2][..], false),
        (one, "", "", &[1, 2], false),
        ("", one, "", &[1, 2], true),
        (two, two, rest, &[2], false),
        (one, two, rest, &[1, 2], false),
        (two, "", rest, &[1, 2], true),
    ] {
        let policy = two_images(first, second, session);
        let challenge = Challenge::new(&policy, &mut Tape::new()).unwrap();
        let hello = Hello::from_frame(challenge.hello()).unwrap();
        assert_eq!(hello.suites, offered, "{first} {second} {session}");
        let verified = verify(&policy, &only_rsa, Some(&spki()));
        match accepted {
            true => assert_eq!(verified.unwrap().suite(), Suite::RsaOaep),
            false => assert_eq!(verified.unwrap_err().check().id(), "P2"),
        }
    }
}

#[test]
fn a_policy_that_asks_for_an_unknown_suite_sends_no_hello() {
    for policy in [
        policy(r#""least_suite": 3,"#),
        two_images(r#""least_suite": 3,"#, "", ""),
        two_images("", r#""least_suite": 3,"#, ""),
    ] {
        let error = Challenge::new(&policy, &mut Tape::new()).unwrap_err();
        assert_eq!(error, UnknownSuite { least: 3 });
        let known = "least_suite 3 is unknown; it is 1 (RSA-OAEP) or 2 (X-Wing)";
        assert_eq!(error.to_string(), known);
    }
}

#[test]
fn evidence_of_another_kind_or_with_endorsements() {
    let answer = |kind: u16, endorsements: Option<Vec<u8>>| {
        let mut answer = Answer::new(
            sealnote_protocol::handshake::EvidenceKind(kind),
            b"evidence".to_vec(),
            claims(),
        );
        answer.endorsements = endorsements;
        Evidence::from_frame(answer.to_frame())
    };
    for kind in [6, 65535] {
        assert_eq!(answer(kind, None).unwrap_err(), EvidenceError::Kind(kind));
    }
    let evidence = answer(1, Some(b"endorsements".to_vec())).unwrap();
    let challenge = Challenge::new(&WORLD.policy, &mut Tape::new()).unwrap();
    let rejection = evidence.verify::<ModelClaims>(challenge, &WORLD.policy, &WORLD.roots, now());
    let expected = sealnote_verifier::Rejection::Endorsements(Kind::Nitro);
    assert_eq!(rejection.unwrap_err(), Rejection::from(expected));

    // A kind that is known, and that the policy has no set for.
    let evidence = answer(2, Some(b"endorsements".to_vec())).unwrap();
    let challenge = Challenge::new(&WORLD.policy, &mut Tape::new()).unwrap();
    let rejection = evidence.verify::<ModelClaims>(challenge, &WORLD.policy, &WORLD.roots, now());
    let rejection = rejection.unwrap_err();
    assert_eq!(rejection.check().id(), "P1");
    let expected = sealnote_verifier::Rejection::Kind(Kind::SevSnp);
    assert_eq!(rejection, Rejection::from(expected));
}

/// Edits to the task, and to its parameters as a whole.
#[test]
fn the_task() {
    let cases: [(&str, Edit, Result<(), ClaimsError>); 9] = [
        ("unchanged", |_| (), Ok(())),
        ("task 0", |e| e[0].1 = vec![0], Err(ClaimsError::Task(0))),
        (
            "a later task",
            |e| e[0].1 = vec![3],
            Err(ClaimsError::Task(3)),
        ),
        (
            "another task",
            |e| e[0].1 = vec![2],
            Err(ClaimsError::AnotherTask {
                actual: "key release",
                due: "sequence classification",
            }),
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
    let cases: [(&str, Vec<u8>, Result<(), ClaimsError>); 16] = [
        (
            "clients that sign, beside suite 1",
            vec![0xa1, 1, 0x82, 0xf5, 0x40],
            Err(ClaimsError::SuiteOfSigned(1)),
        ),
        (
            "clients that sign, said so that it may be ignored",
            vec![0xa1, 1, 0x82, 0xf4, 0x40],
            Err(ClaimsError::Range("extension 1")),
        ),
        (
            "clients that sign, with a value",
            vec![0xa1, 1, 0x82, 0xf5, 0x41, 0],
            Err(ClaimsError::Range("extension 1")),
        ),
        (
            "clients that sign, and one to be understood",
            vec![0xa2, 1, 0x82, 0xf5, 0x40, 9, 0x82, 0xf5, 0x40],
            critical(9),
        ),
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
