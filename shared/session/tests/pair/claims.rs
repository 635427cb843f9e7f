//! Claims that the document binds, byte for byte, and that are none all the same.

use sealnote_protocol::NotDeterministic;
use sealnote_protocol::claims::ClaimsError;
use sealnote_session::BindingError;

use crate::binding::{claims_for, encapsulation_key, spki, verify};
use crate::world::WORLD;

/// A map's entries, each key and value encoded.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Where the task is among the entries of the claims.
pub const TASK: usize = 3;

/// An edit to one of the maps of the claims.
pub type Edit = fn(&mut Entries);

pub fn encoding() -> ClaimsError {
    ClaimsError::Encoding(NotDeterministic)
}

/// Edits to the outer map.
#[test]
fn the_outer_map() {
    let suites = |entries: &mut Entries, suites: &[(&[u8], &[u8])]| {
        let mut value = vec![0xa0 | suites.len() as u8];
        for (id, material) in suites {
            value.extend_from_slice(id);
            value.extend_from_slice(material);
        }
        entries[1].1 = value;
    };
    let range = |what| Err(ClaimsError::Range(what));
    let ours = &material(&spki())[..];
    let xwing = encapsulation_key();
    let xwing = &[&[0x59, 0x04, 0xc0][..], &xwing].concat()[..];
    type Case<'a> = (
        &'a str,
        Box<dyn Fn(&mut Entries) + 'a>,
        Result<(), ClaimsError>,
    );
    let cases: Vec<Case<'_>> = vec![
        ("unchanged", Box::new(|_| ()), Ok(())),
        (
            "a duplicate key",
            Box::new(|e| e.insert(1, e[0].clone())),
            Err(encoding()),
        ),
        (
            "a duplicate, last",
            Box::new(|e| e.push(e[4].clone())),
            Err(encoding()),
        ),
        (
            "an unknown key",
            Box::new(|e| e.push((vec![7], vec![0]))),
            Err(encoding()),
        ),
        (
            "key 0",
            Box::new(|e| e.insert(0, (vec![0], vec![0]))),
            Err(encoding()),
        ),
        (
            "a negative key",
            Box::new(|e| e.push((vec![0x20], vec![0]))),
            Err(encoding()),
        ),
        (
            "a text as key",
            Box::new(|e| e.push((vec![0x61, b'1'], vec![0]))),
            Err(encoding()),
        ),
        (
            "a null behind",
            Box::new(|e| e.push((vec![7], vec![0xf6]))),
            Err(encoding()),
        ),
        (
            "no protocol",
            Box::new(|e| drop(e.remove(0))),
            Err(encoding()),
        ),
        (
            "no suites",
            Box::new(|e| drop(e.remove(1))),
            Err(encoding()),
        ),
        (
            "no random bytes",
            Box::new(|e| drop(e.remove(2))),
            Err(encoding()),
        ),
        ("no task", Box::new(|e| drop(e.remove(3))), Err(encoding())),
        (
            "no limits",
            Box::new(|e| drop(e.remove(4))),
            Err(encoding()),
        ),
        (
            "no extensions",
            Box::new(|e| drop(e.remove(5))),
            Err(encoding()),
        ),
        ("out of order", Box::new(|e| e.swap(0, 2)), Err(encoding())),
        (
            "a key in two bytes",
            Box::new(|e| e[0].0 = vec![0x18, 1]),
            Err(encoding()),
        ),
        (
            "the protocol as bytes",
            Box::new(|e| e[0].1[0] = 0x4a),
            Err(encoding()),
        ),
        (
            "the protocol in chunks",
            Box::new(|e| e[0].1 = [&[0x7f][..], &e[0].1, &[0xff]].concat()),
            Err(encoding()),
        ),
        (
            "a tagged protocol",
            Box::new(|e| e[0].1.insert(0, 0xc1)),
            Err(encoding()),
        ),
        (
            "another protocol",
            Box::new(|e| *e[0].1.last_mut().unwrap() = b'1'),
            Err(ClaimsError::Protocol),
        ),
        ("no UTF-8", Box::new(|e| e[0].1[3] = 0xff), Err(encoding())),
        (
            "a long length of the random bytes",
            Box::new(|e| e[2].1.splice(0..2, [0x59, 0, 32]).for_each(drop)),
            Err(encoding()),
        ),
        (
            "31 random bytes",
            Box::new(|e| e[2].1 = [&[0x58, 31][..], &[3; 31]].concat()),
            Err(encoding()),
        ),
        (
            "33 random bytes",
            Box::new(|e| e[2].1 = [&[0x58, 33][..], &[3; 33]].concat()),
            Err(encoding()),
        ),
        (
            "random bytes as a list",
            Box::new(|e| e[2].1 = [&[0x98, 32][..], &[3; 32]].concat()),
            Err(encoding()),
        ),
        (
            "a suite unknown here",
            Box::new(move |e| suites(e, &[(&[1], ours), (&[2], xwing), (&[7], &[0x41, 9])])),
            Ok(()),
        ),
        (
            "a suite twice",
            Box::new(move |e| suites(e, &[(&[1], ours), (&[1], ours)])),
            Err(encoding()),
        ),
        (
            "suites out of order",
            Box::new(move |e| suites(e, &[(&[7], &[0x41, 9]), (&[1], ours), (&[2], xwing)])),
            Err(encoding()),
        ),
        (
            "a suite in two bytes",
            Box::new(move |e| suites(e, &[(&[0x18, 1], ours)])),
            Err(encoding()),
        ),
        (
            "suite 0",
            Box::new(move |e| suites(e, &[(&[0], &[0x41, 9]), (&[1], ours)])),
            range("suites"),
        ),
        (
            "suite 65536",
            Box::new(move |e| suites(e, &[(&[1], ours), (&[0x1a, 0, 1, 0, 0], &[0x41, 9])])),
            Err(encoding()),
        ),
        (
            "no suite at all",
            Box::new(move |e| suites(e, &[])),
            range("suites"),
        ),
        (
            "empty key material",
            Box::new(move |e| suites(e, &[(&[1], ours), (&[2], xwing), (&[7], &[0x40])])),
            range("suites"),
        ),
        (
            "suites in a map of indefinite length",
            Box::new(|e| {
                e[1].1[0] = 0xbf;
                e[1].1.push(0xff);
            }),
            Err(encoding()),
        ),
    ];
    for (name, edit, expected) in cases {
        let mut entries = entries(&claims());
        edit(&mut entries);
        assert_eq!(refusal(&map(&entries)), expected, "{name}");
    }
}

/// Edits to the model's and the limits' map.
#[test]
fn the_inner_maps() {
    let range = |what| Err(ClaimsError::Range(what));
    let (model, limits) = (TASK, 4);
    let cases: [(&str, usize, Edit, Result<(), ClaimsError>); 34] = [
        ("unchanged", model, |_| (), Ok(())),
        ("unchanged", limits, |_| (), Ok(())),
        (
            "a duplicate",
            model,
            |e| e.push(e[4].clone()),
            Err(encoding()),
        ),
        (
            "a duplicate",
            limits,
            |e| e.insert(2, e[1].clone()),
            Err(encoding()),
        ),
        (
            "an unknown key",
            model,
            |e| e.push((vec![7], vec![0])),
            Err(encoding()),
        ),
        (
            "an unknown key",
            limits,
            |e| e.push((vec![6], vec![0])),
            Err(encoding()),
        ),
        (
            "a missing key",
            model,
            |e| drop(e.remove(2)),
            Err(encoding()),
        ),
        (
            "a missing key",
            limits,
            |e| drop(e.remove(4)),
            Err(encoding()),
        ),
        ("out of order", model, |e| e.swap(3, 4), Err(encoding())),
        ("out of order", limits, |e| e.swap(0, 1), Err(encoding())),
        (
            "a digest of 47 bytes",
            model,
            |e| e[0].1 = [&[0x58, 47][..], &[1; 47]].concat(),
            Err(encoding()),
        ),
        (
            "multi-label as a number",
            model,
            |e| e[2].1 = vec![0],
            Err(encoding()),
        ),
        (
            "multi-label undefined",
            model,
            |e| e[2].1 = vec![0xf7],
            Err(encoding()),
        ),
        (
            "labels of indefinite length",
            model,
            |e| {
                e[1].1[0] = 0x9f;
                e[1].1.push(0xff);
            },
            Err(encoding()),
        ),
        ("no label", model, |e| e[1].1 = vec![0x80], range("labels")),
        (
            "an empty label",
            model,
            |e| e[1].1 = vec![0x81, 0x60],
            range("labels"),
        ),
        (
            "two labels alike",
            model,
            |e| e[1].1 = vec![0x83, 0x61, b'a', 0x61, b'b', 0x61, b'a'],
            range("labels"),
        ),
        (
            "a control character",
            model,
            |e| e[1].1 = vec![0x81, 0x61, 0x1b],
            range("labels"),
        ),
        (
            "fewer labels than the answers have",
            model,
            |e| e[1].1 = vec![0x81, 0x61, b'a'],
            range("answer length"),
        ),
        ("no window", model, |e| e[3].1 = vec![0], range("window")),
        (
            "an overlap of a whole window",
            model,
            |e| e[4].1 = vec![0x19, 1, 0],
            range("overlap"),
        ),
        ("the other precision", model, |e| e[5].1 = vec![0], Ok(())),
        (
            "an unknown precision",
            model,
            |e| e[5].1 = vec![2],
            Err(encoding()),
        ),
        (
            "no precision",
            model,
            |e| drop(e.remove(5)),
            Err(encoding()),
        ),
        (
            "no notes",
            limits,
            |e| e[0].1 = vec![0],
            range("notes per request"),
        ),
        (
            "1025 notes",
            limits,
            |e| e[0].1 = vec![0x19, 4, 1],
            range("notes per request"),
        ),
        (
            "a number in two bytes",
            limits,
            |e| e[0].1 = vec![0x18, 4],
            Err(encoding()),
        ),
        (
            "a float",
            limits,
            |e| e[0].1 = vec![0xf9, 0x44, 0],
            Err(encoding()),
        ),
        (
            "a negative number",
            limits,
            |e| e[0].1 = vec![0x20],
            Err(encoding()),
        ),
        (
            "notes longer than a request",
            limits,
            |e| e[1].1 = vec![0x19, 0x3f, 0xf2],
            range("note limit"),
        ),
        (
            "a request limit that is no power of two",
            limits,
            |e| e[2].1 = vec![0x19, 0x40, 1],
            range("request limit"),
        ),
        (
            "nothing in flight",
            limits,
            |e| e[3].1 = vec![0],
            range("requests in flight"),
        ),
        (
            "another answer length",
            limits,
            |e| e[4].1 = vec![0x81, 0x18, 64],
            range("answer length"),
        ),
        (
            "two answer lengths",
            limits,
            |e| e[4].1 = vec![0x82, 0x18, 68, 0x18, 69],
            Err(encoding()),
        ),
    ];
    for (name, which, edit, expected) in cases {
        let mut outer = entries(&claims());
        let mut task = entries(&outer[TASK].1);
        let mut inner = match which {
            TASK => entries(&bytes_of(&task[1].1)),
            _ => entries(&outer[which].1),
        };
        edit(&mut inner);
        match which {
            TASK => {
                task[1].1 = bstr(&map(&inner));
                outer[TASK].1 = map(&task);
            }
            _ => outer[which].1 = map(&inner),
        }
        assert_eq!(refusal(&map(&outer)), expected, "{name} in {which}");
    }
}

#[test]
fn the_whole() {
    let claims = claims();
    let indefinite = [&[0xbf][..], &claims[1..], &[0xff]].concat();
    let long_count = [&[0xb8, 6][..], &claims[1..]].concat();
    let cases = [
        ("a byte behind", [&claims[..], &[0]].concat()),
        ("a second map behind", [&claims[..], &claims].concat()),
        ("a byte missing", claims[..claims.len() - 1].to_vec()),
        ("of indefinite length", indefinite),
        ("a count in two bytes", long_count),
        ("tagged", [&[0xd9, 0xd9, 0xf7][..], &claims].concat()),
        ("in a list", [&[0x81][..], &claims].concat()),
        (
            "a list in place of the map",
            [&[0x86][..], &claims[1..]].concat(),
        ),
        (
            "a count of 2^64 - 1",
            [&[0xbb][..], &[0xff; 8], &claims[1..]].concat(),
        ),
        ("nested 60,000 deep", vec![0x81; 60_000]),
        ("nested in maps of indefinite length", vec![0xbf; 60_000]),
        ("no map", vec![0xf6]),
    ];
    for (name, bytes) in cases {
        assert_eq!(refusal(&bytes), Err(encoding()), "{name}");
    }
}

pub fn claims() -> Vec<u8> {
    claims_for(&spki())
}

/// Why the claims are refused, although a genuine document binds these very bytes.
pub fn refusal(claims: &[u8]) -> Result<(), ClaimsError> {
    use sealnote_session::Rejection;
    match verify(&WORLD.policy, claims, Some(&spki())) {
        Ok(_) => Ok(()),
        Err(Rejection::Binding(BindingError::Claims(error))) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

pub fn material(spki: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    [&[0x58, 32][..], &Sha256::digest(spki)].concat()
}

pub fn entries(map: &[u8]) -> Entries {
    let mut decoder = minicbor::Decoder::new(map);
    let count = decoder.map().unwrap().unwrap();
    let item = |decoder: &mut minicbor::Decoder<'_>| {
        let start = decoder.position();
        decoder.skip().unwrap();
        map[start..decoder.position()].to_vec()
    };
    (0..count)
        .map(|_| (item(&mut decoder), item(&mut decoder)))
        .collect()
}

pub fn bstr(bytes: &[u8]) -> Vec<u8> {
    minicbor::to_vec(minicbor::bytes::ByteVec::from(bytes.to_vec())).unwrap()
}

pub fn bytes_of(bstr: &[u8]) -> Vec<u8> {
    minicbor::Decoder::new(bstr).bytes().unwrap().to_vec()
}

pub fn map(entries: &Entries) -> Vec<u8> {
    let mut map = vec![0xa0 | entries.len() as u8];
    for (key, value) in entries {
        map.extend_from_slice(key);
        map.extend_from_slice(value);
    }
    map
}
