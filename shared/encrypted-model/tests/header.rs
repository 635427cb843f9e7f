//! A header has one encoding; everything else is refused, and nothing is allocated that it only claims.

mod kit;

use kit::*;
use sealnote_encrypted_model::{DecryptError, Header};

const PREFIX: usize = 18;

/// A header with this CBOR.
fn read(cbor: &[u8]) -> Result<Header, DecryptError> {
    let mut file = b"sealnote model\0\x01".to_vec();
    file.extend_from_slice(&(cbor.len() as u16).to_be_bytes());
    file.extend_from_slice(cbor);
    Header::read(&mut &file[..])
}

/// A header's entries, without a wrapped key.
fn entries() -> Vec<Vec<u8>> {
    [
        &[&b"\x00\x6b"[..], b"config.json"].concat()[..],
        b"\x01\x63key",
        &[&b"\x02\x58\x30"[..], &[9; 48]].concat(),
        b"\x03\x19\x0c\x00",
        b"\x04\x19\x04\x00",
        &[&b"\x05\x58\x20"[..], &[5; 32]].concat(),
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

fn map(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut cbor = vec![0xa0 | entries.len() as u8];
    cbor.extend(entries.concat());
    cbor
}

#[track_caller]
fn malformed(cbor: &[u8]) {
    let read = read(cbor);
    assert!(matches!(read, Err(DecryptError::Header)), "{read:?}");
}

#[test]
fn a_header_by_hand() {
    let header = read(&map(&entries())).unwrap();
    assert_eq!(header.identity().file, "config.json");
    assert_eq!(header.identity().key_id.as_str(), "key");
    assert_eq!(header.identity().model.0, [9; 48]);
    assert_eq!((header.plain_len(), header.chunk_len().get()), (3072, 1024));
    assert_eq!(header.wrapped_key(), None);
}

#[test]
fn a_header_has_one_encoding() {
    let with = |at: usize, entry: &[u8]| {
        let mut entries = entries();
        entries[at] = entry.to_vec();
        map(&entries)
    };
    // Numbers that are not minimal.
    malformed(&with(3, b"\x03\x1a\x00\x00\x0c\x00"));
    malformed(&with(1, b"\x18\x01\x63key"));
    malformed(&with(1, b"\x01\x78\x03key"));
    // In pieces, and of no stated length.
    malformed(&with(1, b"\x01\x7f\x63key\xff"));
    let mut indefinite = vec![0xbf];
    indefinite.extend(entries().concat());
    indefinite.push(0xff);
    malformed(&indefinite);
    // Order, duplicates, what is missing, what is unknown, what follows.
    for (one, other) in [(0, 1), (2, 5), (3, 4)] {
        let mut entries = entries();
        entries.swap(one, other);
        malformed(&map(&entries));
    }
    for at in 0..6 {
        let mut less = entries();
        less.remove(at);
        malformed(&map(&less));
        let mut twice = entries();
        twice.insert(at, twice[at].clone());
        malformed(&map(&twice));
    }
    for more in [&b"\x07\x00"[..], b"\x06\xf6", b"\x06\x40", b"\x20\x00"] {
        let mut entries = entries();
        entries.push(more.to_vec());
        malformed(&map(&entries));
    }
    malformed(&[map(&entries()), vec![0]].concat());
    malformed(b"");
}

#[test]
fn values_that_no_header_has() {
    let with = |at: usize, entry: &[u8]| {
        let mut entries = entries();
        entries[at] = entry.to_vec();
        map(&entries)
    };
    for entry in [
        &b"\x00\x6bCONFIG.JSON"[..],
        b"\x00\x60",
        b"\x00\x6e../config.json",
        b"\x00\x4bconfig.json",
    ] {
        malformed(&with(0, entry));
    }
    for entry in [
        &b"\x01\x60"[..],
        b"\x01\x62..",
        b"\x01\x63a b",
        b"\x01\x62\xff\xff",
    ] {
        malformed(&with(1, entry));
    }
    malformed(&with(2, &[&b"\x02\x58\x2f"[..], &[9; 47]].concat()));
    malformed(&with(5, &[&b"\x05\x58\x21"[..], &[5; 33]].concat()));
    // More chunks than are counted.
    malformed(&with(3, b"\x03\x1b\x00\x00\x04\x00\x00\x00\x00\x01"));
    malformed(&with(3, b"\x03\x1b\xff\xff\xff\xff\xff\xff\xff\xff"));
    for chunk in [
        &b"\x04\x00"[..],
        b"\x04\x19\x03\xff",
        b"\x04\x1a\x00\x04\x00\x01",
    ] {
        malformed(&with(4, chunk));
    }
    assert!(read(&with(4, b"\x04\x1a\x00\x04\x00\x00")).is_ok());

    let wrapped = |len: u16| {
        let mut entries = entries();
        let mut entry = b"\x06\x59".to_vec();
        entry.extend_from_slice(&len.to_be_bytes());
        entry.extend(vec![1; usize::from(len)]);
        entries.push(entry);
        read(&map(&entries))
    };
    assert!(wrapped(6144).is_ok());
    assert!(matches!(wrapped(6145), Err(DecryptError::Header)));
    assert!(matches!(wrapped(60_000), Err(DecryptError::Header)));
}

#[test]
fn other_files_are_told_apart() {
    let file = encrypted(10);
    for other in [
        &b"{\"model_type\": \"bert\"}"[..],
        b"version https://git-lfs.github.com/spec/v1\n",
        &[0; 64],
    ] {
        let read = Header::read(&mut &other[..]);
        assert!(matches!(read, Err(DecryptError::NotEncrypted)), "{read:?}");
    }
    let mut version = file.clone();
    version[15] = 2;
    let read = Header::read(&mut &version[..]);
    assert!(matches!(read, Err(DecryptError::Version { found: 2 })));
    for cut in 0..PREFIX + 10 {
        let read = Header::read(&mut &file[..cut]);
        assert!(matches!(read, Err(DecryptError::Truncated)), "{read:?}");
    }
}
