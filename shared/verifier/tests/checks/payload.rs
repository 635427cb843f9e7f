//! A6 to A14, X2, X3, X11 and X12 of the payload.

use crate::Case;
use crate::common::{Attempt, Fixture, pcr};

const NULL: u8 = 0xf6;

pub const CASES: &[Case] = &[
    ("optional fields null", "accepted", |f| {
        f.document(|d| {
            d.public_key = None;
            d.user_data = None;
        })
    }),
    ("optional fields left out", "accepted", |f| {
        f.fields(|fields| fields.retain(|(key, _)| !["public_key", "user_data"].contains(key)))
    }),
    ("a map of definite length", "accepted", |f| {
        let mut payload = f.document.encode().expect("a payload");
        payload[0] = 0xa9;
        payload.pop();
        f.payload(&payload)
    }),
    ("the keys in reverse", "accepted", |f| {
        f.fields(|fields| fields.reverse())
    }),
    ("optional fields of 1024 bytes", "accepted", |f| {
        f.document(|d| {
            d.public_key = Some(vec![1; 1024]);
            d.user_data = Some(vec![1; 1024]);
        })
    }),
    ("empty user data", "accepted", |f| {
        f.document(|d| d.user_data = Some(vec![]))
    }),
    ("a seventeenth register", "accepted", |f| {
        f.document(|d| drop(d.pcrs.insert(16, pcr(16))))
    }),
    ("registers in indefinite length", "accepted", |f| {
        value(f, "pcrs", |pcrs| {
            pcrs[0] = 0xbf;
            pcrs.push(0xff);
        })
    }),
    ("a bundle in indefinite length", "accepted", |f| {
        value(f, "cabundle", |bundle| {
            bundle[0] = 0x9f;
            bundle.push(0xff);
        })
    }),
    ("no module_id", "A6", |f| without(f, "module_id")),
    ("no digest", "A6", |f| without(f, "digest")),
    ("no timestamp", "A6", |f| without(f, "timestamp")),
    ("no pcrs", "A6", |f| without(f, "pcrs")),
    ("no certificate", "A6", |f| without(f, "certificate")),
    ("no cabundle", "A6", |f| without(f, "cabundle")),
    ("an empty map", "A6", |f| f.payload(&[0xa0])),
    ("an array", "A6", |f| f.payload(&[0x80])),
    ("module_id is null", "A7", |f| null(f, "module_id")),
    ("digest is null", "A7", |f| null(f, "digest")),
    ("timestamp is null", "A7", |f| null(f, "timestamp")),
    ("pcrs is null", "A7", |f| null(f, "pcrs")),
    ("certificate is null", "A7", |f| null(f, "certificate")),
    ("cabundle is null", "A7", |f| null(f, "cabundle")),
    ("an empty module_id", "A8", |f| {
        f.document(|d| d.module_id.clear())
    }),
    ("bytes as module_id", "A8", |f| {
        value(f, "module_id", |v| *v = vec![0x41, 1])
    }),
    ("SHA256", "A9", |f| {
        f.document(|d| d.digest = "SHA256".into())
    }),
    ("sha384 in lower case", "A9", |f| {
        f.document(|d| d.digest = "sha384".into())
    }),
    ("a number as digest", "A9", |f| {
        value(f, "digest", |v| *v = vec![0x01])
    }),
    ("the time 0", "A10", |f| f.document(|d| d.timestamp_ms = 0)),
    ("a negative time", "A10", |f| {
        value(f, "timestamp", |v| *v = vec![0x20])
    }),
    ("a time as text", "A10", |f| {
        value(f, "timestamp", |v| *v = vec![0x61, b'1'])
    }),
    ("a time as float", "A10", |f| {
        value(f, "timestamp", |v| *v = vec![0xfa, 0x47, 0, 0, 0])
    }),
    ("no registers", "A11", |f| f.document(|d| d.pcrs.clear())),
    ("PCR32", "A11", |f| {
        f.document(|d| drop(d.pcrs.insert(32, pcr(32))))
    }),
    ("a negative register", "A11", |f| {
        value(f, "pcrs", |v| v[1] = 0x20)
    }),
    ("a register named by text", "A11", |f| {
        value(f, "pcrs", |v| drop(v.splice(1..2, [0x61, b'0'])))
    }),
    ("a register of 32 bytes", "A11", |f| {
        f.document(|d| drop(d.pcrs.insert(5, vec![1; 32])))
    }),
    ("a register of 64 bytes", "A11", |f| {
        f.document(|d| drop(d.pcrs.insert(5, vec![1; 64])))
    }),
    ("an empty bundle", "A12", |f| {
        f.document(|d| d.cabundle.clear())
    }),
    ("a bundle of eight", "A12", |f| {
        f.document(|d| d.cabundle = vec![vec![1]; 8])
    }),
    ("bytes as bundle", "A12", |f| {
        value(f, "cabundle", |v| *v = vec![0x41, 1])
    }),
    ("an empty certificate in the bundle", "A12", |f| {
        f.document(|d| d.cabundle[1].clear())
    }),
    ("1025 bytes in the bundle", "A12", |f| {
        f.document(|d| d.cabundle[1] = vec![1; 1025])
    }),
    ("an empty certificate", "A13", |f| {
        f.document(|d| d.certificate.clear())
    }),
    ("a certificate of 1025 bytes", "A13", |f| {
        f.document(|d| d.certificate = vec![1; 1025])
    }),
    ("an array as certificate", "A13", |f| {
        value(f, "certificate", |v| *v = vec![0x80])
    }),
    ("an empty public key", "A14", |f| {
        f.document(|d| d.public_key = Some(vec![]))
    }),
    ("a public key of 1025 bytes", "A14", |f| {
        f.document(|d| d.public_key = Some(vec![1; 1025]))
    }),
    ("user data of 1025 bytes", "A14", |f| {
        f.document(|d| d.user_data = Some(vec![1; 1025]))
    }),
    ("a nonce of 1025 bytes", "A14", |f| {
        f.document(|d| d.nonce = Some(vec![1; 1025]))
    }),
    ("undefined as public key", "A14", |f| {
        value(f, "public_key", |v| *v = vec![0xf7])
    }),
    ("a byte after the payload", "X2", |f| {
        let mut payload = f.document.encode().expect("a payload");
        payload.push(0);
        f.payload(&payload)
    }),
    ("a payload without its end", "X2", |f| {
        let mut payload = f.document.encode().expect("a payload");
        payload.pop();
        f.payload(&payload)
    }),
    ("a module_id in pieces", "X2", |f| {
        value(f, "module_id", |v| *v = vec![0x7f, 0x61, b'i', 0xff])
    }),
    ("a module_id that is not UTF-8", "X2", |f| {
        value(f, "module_id", |v| *v = vec![0x61, 0xff])
    }),
    ("module_id twice", "X3", |f| twice(f, "module_id")),
    ("pcrs twice", "X3", |f| twice(f, "pcrs")),
    ("nonce twice", "X3", |f| twice(f, "nonce")),
    ("PCR0 twice", "X3", |f| {
        value(f, "pcrs", |v| {
            let first = v[1..52].to_vec();
            v[0] += 1;
            v.extend(first);
        })
    }),
    ("an unknown key", "X3", |f| {
        f.fields(|fields| fields.push(("more", vec![NULL])))
    }),
    ("a number as key", "X3", |f| {
        let mut payload = f.document.encode().expect("a payload");
        payload.pop();
        payload.extend([0x01, NULL, 0xff]);
        f.payload(&payload)
    }),
    ("SHA256, and later a number as key", "X3", |f| {
        wrong_digest_and(f, &[0x01, NULL])
    }),
    ("SHA256, and later an unknown key", "A9", |f| {
        wrong_digest_and(f, &[0x61, b'm', NULL])
    }),
    (
        "a NitroTPM's registers, and later a number as key",
        "X3",
        |f| {
            let payload = [
                &[0xbf, 0x6d][..],
                b"nitrotpm_pcrs",
                &[0xa0, 0x01, NULL, 0xff],
            ]
            .concat();
            f.payload(&payload)
        },
    ),
    ("text as public key", "X3", |f| {
        value(f, "public_key", |v| *v = vec![0x61, b'k'])
    }),
    ("text as certificate", "X3", |f| {
        value(f, "certificate", |v| *v = vec![0x61, b'c'])
    }),
    ("text in the bundle", "X3", |f| {
        value(f, "cabundle", |v| *v = vec![0x81, 0x61, b'c'])
    }),
    ("text as register", "X3", |f| {
        value(f, "pcrs", |v| *v = vec![0xa1, 0x00, 0x61, b'0'])
    }),
    ("a NitroTPM's module", "X11", |f| {
        f.document(|d| d.module_id = "i-0123456789abcdef0-tpm0123456789abcdef".into())
    }),
    ("a NitroTPM's registers", "X11", |f| {
        f.fields(|fields| {
            for (key, _) in fields.iter_mut().filter(|(key, _)| *key == "pcrs") {
                *key = "nitrotpm_pcrs";
            }
        })
    }),
    ("nine levels in the payload", "X12", |f| {
        f.fields(|fields| {
            let nested = [vec![0x81; 7], vec![0x80]].concat();
            fields.push(("more", nested));
        })
    }),
    ("eight levels in the payload", "X3", |f| {
        f.fields(|fields| {
            let nested = [vec![0x81; 6], vec![0x80]].concat();
            fields.push(("more", nested));
        })
    }),
];

fn value(fixture: &Fixture, key: &str, edit: fn(&mut Vec<u8>)) -> Attempt {
    fixture.fields(|fields| {
        for (_, value) in fields.iter_mut().filter(|(name, _)| *name == key) {
            edit(value);
        }
    })
}

/// `SHA256` as digest, and one more entry at the end of the payload.
fn wrong_digest_and(fixture: &Fixture, entry: &[u8]) -> Attempt {
    let mut document = fixture.document.clone();
    document.digest = "SHA256".into();
    let mut payload = document.encode().expect("a payload");
    payload.pop();
    payload.extend(entry);
    payload.push(0xff);
    fixture.payload(&payload)
}

fn null(fixture: &Fixture, key: &str) -> Attempt {
    value(fixture, key, |value| *value = vec![NULL])
}

fn without(fixture: &Fixture, key: &str) -> Attempt {
    fixture.fields(|fields| fields.retain(|(name, _)| *name != key))
}

fn twice(fixture: &Fixture, key: &str) -> Attempt {
    fixture.fields(|fields| {
        let field = fields.iter().find(|(name, _)| *name == key).cloned();
        fields.extend(field);
    })
}
