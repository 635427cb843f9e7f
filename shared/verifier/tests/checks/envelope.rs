//! A1 to A5, A21, X2 and X12 of the envelope.

use sealnote_software_attester::nitro::cose::{self, CborValue, HeaderMap};

use crate::Case;
use crate::common::{Attempt, Fixture};

/// Length of what precedes the payload's bytes: array, protected, unprotected, head of 3.
const PAYLOAD_AT: usize = 1 + 5 + 1 + 3;
/// Length of the signature with its head.
const SIGNATURE_ITEM: usize = 2 + 96;

pub const CASES: &[Case] = &[
    ("as it is", "accepted", Fixture::attempt),
    ("tagged 18", "accepted", |f| {
        f.envelope(|b| b.insert(0, 0xd2))
    }),
    ("nothing at all", "X2", |f| f.envelope(Vec::clear)),
    ("tagged twice", "A1", |f| {
        f.envelope(|b| drop(b.splice(0..0, [0xd2, 0xd2])))
    }),
    ("tagged 17", "A1", |f| f.envelope(|b| b.insert(0, 0xd1))),
    ("an array of five", "A1", |f| {
        f.envelope(|b| {
            b[0] = 0x85;
            b.push(0xf6);
        })
    }),
    ("a map", "A1", |f| f.envelope(|b| *b = vec![0xa0])),
    ("ES256", "A2", |f| f.envelope(|b| b[5] = 0x06)),
    ("no protected header", "A2", |f| {
        f.envelope(|b| drop(b.splice(1..6, [0x40])))
    }),
    ("the algorithm's length in longer form", "A2", |f| {
        f.envelope(|b| drop(b.splice(1..6, [0x45, 0xa1, 0x18, 0x01, 0x38, 0x22])))
    }),
    ("a critical header", "A2", critical),
    ("a key id, unprotected", "A3", unprotected),
    ("unprotected is null", "A3", |f| f.envelope(|b| b[6] = 0xf6)),
    ("the payload is null", "A4", |f| {
        f.envelope(|b| replace_payload(b, &[0xf6]))
    }),
    ("the payload is empty", "A4", |f| {
        f.envelope(|b| replace_payload(b, &[0x40]))
    }),
    ("the payload has 16385 bytes", "A4", |f| {
        f.payload(&[0; 16 * 1024 + 1])
    }),
    ("a signature of 95 bytes", "A5", |f| {
        f.envelope(|b| {
            let head = b.len() - 96 - 1;
            b[head] = 95;
            b.pop();
        })
    }),
    ("no signature", "A5", |f| {
        f.envelope(|b| {
            b.truncate(b.len() - SIGNATURE_ITEM);
            b.push(0xf6);
        })
    }),
    ("a text as signature", "A5", |f| {
        f.envelope(|b| {
            b.truncate(b.len() - SIGNATURE_ITEM);
            b.extend([0x78, 96]);
            b.extend([b'a'; 96]);
        })
    }),
    ("the last bit of s flipped", "A21", |f| {
        f.envelope(|b| flip_last(b, 0))
    }),
    ("the last bit of r flipped", "A21", |f| {
        f.envelope(|b| flip_last(b, 48))
    }),
    ("r and s zero", "A21", |f| {
        f.envelope(|b| {
            let from = b.len() - 96;
            b[from..].fill(0);
        })
    }),
    ("signed by another key", "A21", |f| {
        let payload = f.document.encode().expect("a payload");
        let bytes = cose::sign(&payload, &f.spec.cas[2].key).expect("a document");
        f.envelope_bytes(bytes)
    }),
    ("another payload under the signature", "A21", |f| {
        f.envelope(|b| {
            let at = find(b, &[7; 48]);
            b[at] = 8;
        })
    }),
    ("a byte after the document", "X2", |f| {
        f.envelope(|b| b.push(0x00))
    }),
    ("the last byte missing", "X2", |f| {
        f.envelope(|b| b.truncate(b.len() - 1))
    }),
    ("an array of indefinite length", "X2", |f| {
        f.envelope(|b| {
            b[0] = 0x9f;
            b.push(0xff);
        })
    }),
    ("an unprotected map of indefinite length", "X2", |f| {
        f.envelope(|b| drop(b.splice(6..7, [0xbf, 0xff])))
    }),
    ("the same, and ES256", "A2", |f| {
        f.envelope(|b| {
            b[0] = 0x9f;
            b[5] = 0x06;
            b.push(0xff);
        })
    }),
    ("an array of indefinite length with five items", "A1", |f| {
        f.envelope(|b| {
            b[0] = 0x9f;
            b.extend([0xf6, 0xff]);
        })
    }),
    ("an indefinite unprotected map with a key", "A3", |f| {
        f.envelope(|b| drop(b.splice(6..7, [0xbf, 0x04, 0x41, 1, 0xff])))
    }),
    ("the array's length in longer form", "X2", |f| {
        f.envelope(|b| drop(b.splice(0..1, [0x98, 0x04])))
    }),
    ("the protected header's length in longer form", "X2", |f| {
        f.envelope(|b| drop(b.splice(1..2, [0x58, 0x04])))
    }),
    ("the tag in longer form", "X2", |f| {
        f.envelope(|b| drop(b.splice(0..0, [0xd8, 18])))
    }),
    ("the signature's length in longer form", "X2", |f| {
        f.envelope(|b| {
            let head = b.len() - SIGNATURE_ITEM;
            b.splice(head..head + 2, [0x59, 0, 96]);
        })
    }),
    ("the payload in pieces", "X2", |f| {
        f.envelope(|b| {
            let end = b.len() - SIGNATURE_ITEM;
            b.insert(end, 0xff);
            b.insert(PAYLOAD_AT - 3, 0x5f);
        })
    }),
    ("more than 32 KiB", "X12", |f| {
        f.envelope(|b| b.resize(32 * 1024 + 1, 0))
    }),
    ("nine arrays in each other", "X12", |f| {
        f.envelope(|b| *b = vec![0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80])
    }),
    ("eight arrays in each other", "A1", |f| {
        f.envelope(|b| *b = vec![0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80])
    }),
    ("nine arrays, the ninth without its items", "X12", |f| {
        f.envelope(|b| *b = [vec![0x81; 8], vec![0x9a]].concat())
    }),
    ("a reserved byte before nine arrays", "X2", |f| {
        f.envelope(|b| *b = [vec![0x82, 0x1c], vec![0x81; 9], vec![0x80]].concat())
    }),
    ("nine arrays before a reserved byte", "X12", |f| {
        f.envelope(|b| *b = [vec![0x82], vec![0x81; 9], vec![0x80, 0x1c]].concat())
    }),
    ("nine tags", "X12", |f| {
        f.envelope(|b| *b = [vec![0xd2; 9], b.clone()].concat())
    }),
    ("an array that declares 2^64 - 1 items", "X2", |f| {
        f.envelope(|b| *b = [vec![0x9b], vec![0xff; 8], vec![0x00; 64]].concat())
    }),
    ("a string that declares 2^64 - 1 bytes", "X2", |f| {
        f.envelope(|b| *b = [vec![0x84, 0x5b], vec![0xff; 8]].concat())
    }),
];

fn critical(fixture: &Fixture) -> Attempt {
    let mut protected = es384();
    protected.insert(2.into(), CborValue::Array(vec![1.into()]));
    with_headers(fixture, &protected, &HeaderMap::new())
}

fn unprotected(fixture: &Fixture) -> Attempt {
    let mut unprotected = HeaderMap::new();
    unprotected.insert(4.into(), CborValue::Bytes(vec![1]));
    with_headers(fixture, &es384(), &unprotected)
}

fn es384() -> HeaderMap {
    let mut protected = HeaderMap::new();
    protected.insert(1.into(), (-35).into());
    protected
}

fn with_headers(fixture: &Fixture, protected: &HeaderMap, unprotected: &HeaderMap) -> Attempt {
    let payload = fixture.document.encode().expect("a payload");
    let bytes = cose::sign_with_headers(&payload, protected, unprotected, &fixture.chain.key)
        .expect("a document");
    fixture.envelope_bytes(bytes)
}

fn replace_payload(bytes: &mut Vec<u8>, item: &[u8]) {
    let end = bytes.len() - SIGNATURE_ITEM;
    bytes.splice(PAYLOAD_AT - 3..end, item.iter().copied());
}

fn flip_last(bytes: &mut [u8], from_end: usize) {
    let at = bytes.len() - 1 - from_end;
    bytes[at] ^= 1;
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes
        .windows(what.len())
        .position(|window| window == what)
        .expect("it is in there")
}
