//! What is encrypted is read again; whatever was done to it in between is found, and nothing false is handed out.

mod kit;

use std::io::Read;

use kit::*;
use sealnote_encrypted_model::{
    CHUNK_LEN, DecryptError, Decrypting, EncryptError, FileIdentity, Header, MAX_CHUNK_LEN,
    MIN_CHUNK_LEN, ModelKey, Plain, encrypt,
};
use sealnote_model::ModelDigest;

/// Around every border of a chunk.
const LENGTHS: [usize; 12] = [
    0, 1, 15, 1023, 1024, 1025, 2047, 2048, 2049, 3071, 3072, 4000,
];

#[test]
fn what_was_encrypted_is_read_again() {
    for len in LENGTHS {
        let file = encrypted(len);
        let header = Header::read(&mut &file[..]).unwrap();
        assert_eq!(header.identity(), &identity());
        assert_eq!(header.plain_len(), len as u64);
        assert_eq!(header.encrypted_len(), file.len() as u64);
        assert_eq!(header.wrapped_key().unwrap().as_bytes(), [0xc1; 64]);
        let (read, end) = decrypted(&file);
        end.unwrap();
        assert_eq!(read, plain(len));
    }
}

#[test]
fn it_is_read_in_pieces_of_any_size() {
    let file = encrypted(3000);
    for piece in [1, 7, 1024, 1500, 1 << 20] {
        let mut reader = Decrypting::open(&file[..], &key(), &identity()).unwrap();
        let (mut read, mut buffer) = (Vec::new(), vec![0; piece]);
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                len => read.extend_from_slice(&buffer[..len]),
            }
        }
        assert_eq!(read, plain(3000));
        assert_eq!(reader.read(&mut buffer).unwrap(), 0);
    }
}

#[test]
fn it_is_as_another_implementation_makes_it() {
    let file = include_bytes!("vectors/config.json.sealnote");
    let identity = FileIdentity {
        file: "config.json",
        key_id: "test/key_1".parse().unwrap(),
        model: ModelDigest(core::array::from_fn(|at| 0x40 + at as u8)),
    };
    let key = ModelKey::from_bytes(&core::array::from_fn::<u8, 32, _>(|at| at as u8)).unwrap();
    let (read, end) = decrypted_as(&identity, &key, file);
    end.unwrap();
    assert_eq!(
        read,
        (0..1500).map(|at| (at % 251) as u8).collect::<Vec<_>>()
    );
    let header = Header::read(&mut &file[..]).unwrap();
    assert_eq!(header.wrapped_key().unwrap().as_bytes(), [0; 300]);
    assert_eq!(header.chunk_len().get(), 1024);
}

#[test]
fn no_two_encryptions_are_alike() {
    let (one, other) = (encrypted(10), encrypted(10));
    let begin = chunks_begin(&one, 10);
    assert_ne!(one[begin..], other[begin..]);
}

#[test]
fn every_changed_bit_is_found() {
    let len = 3 * CHUNK + 100;
    let file = encrypted(len);
    let begin = chunks_begin(&file, len);
    let (second, last) = (begin + CHUNK + TAG, begin + 3 * (CHUNK + TAG));
    for at in 0..file.len() {
        // Every bit of all but the chunks in the middle, of which a bit of every byte.
        let middle = (second..last).contains(&at);
        for bit in 0..if middle { 1 } else { 8 } {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            let (read, end) = decrypted(&changed);
            let error = end.expect_err("a changed bit");
            let chunk = at.saturating_sub(begin) / (CHUNK + TAG);
            match at {
                at if at < begin => assert!(
                    !matches!(error, DecryptError::NotAuthentic { .. }),
                    "{at}: {error:?}"
                ),
                _ => assert!(
                    matches!(error, DecryptError::NotAuthentic { chunk: found } if found as usize == chunk),
                    "{at}: {error:?}"
                ),
            }
            // Of the chunks before it all, and no byte of it or after it.
            assert_eq!(read, plain(len)[..chunk * CHUNK]);
        }
    }
}

#[test]
fn every_end_that_comes_too_early_is_found() {
    for len in [0, 1, CHUNK, 3 * CHUNK, 3 * CHUNK + 1] {
        let file = encrypted(len);
        for cut in 0..file.len() {
            let (read, end) = decrypted(&file[..cut]);
            assert!(
                matches!(end, Err(DecryptError::Truncated)),
                "{cut}: {end:?}"
            );
            assert!(read.len() < len.max(1) && plain(len).starts_with(&read));
        }
    }
}

/// A file that was cut off where a chunk ends, and whose header was made to say so.
#[test]
fn a_header_that_states_another_length_does_not_decrypt() {
    let (long, short) = (encrypted(3 * CHUNK), encrypted(2 * CHUNK));
    let begin = chunks_begin(&long, 3 * CHUNK);
    // The first bytes of the other's length, with the salt and the rest of this one.
    let at = (0..begin).find(|at| long[*at] != short[*at]).unwrap();
    let mut made = long[..begin + 2 * (CHUNK + TAG)].to_vec();
    made[at] = short[at];
    assert_eq!(
        Header::read(&mut &made[..]).unwrap().plain_len(),
        2 * CHUNK as u64
    );
    let (read, end) = decrypted(&made);
    assert!(matches!(end, Err(DecryptError::WrongKey)), "{end:?}");
    assert!(read.is_empty());
}

#[test]
fn what_follows_the_end_is_found_before_the_last_chunk_is_handed_out() {
    for len in [0, CHUNK, CHUNK + 1] {
        for more in [1, TAG, CHUNK + TAG] {
            let mut file = encrypted(len);
            file.extend_from_slice(&vec![0; more]);
            let (read, end) = decrypted(&file);
            assert!(matches!(end, Err(DecryptError::TrailingBytes)), "{end:?}");
            assert_eq!(read.len(), len.saturating_sub(1) / CHUNK * CHUNK);
        }
    }
}

#[test]
fn a_chunk_counts_in_its_own_place_alone() {
    let len = 4 * CHUNK;
    let file = encrypted(len);
    let begin = chunks_begin(&file, len);
    let chunk = |number: usize| {
        let at = begin + number * (CHUNK + TAG);
        &file[at..at + CHUNK + TAG]
    };
    for order in [
        [1, 0, 2, 3],
        [0, 2, 1, 3],
        [0, 1, 3, 2],
        [3, 1, 2, 0],
        [0, 0, 2, 3],
        [0, 1, 1, 3],
        [0, 1, 2, 2],
        [0, 1, 3, 3],
    ] {
        let mut made = file[..begin].to_vec();
        for number in order {
            made.extend_from_slice(chunk(number));
        }
        let (read, end) = decrypted(&made);
        let first = (0..4).find(|at| order[*at] != *at).unwrap();
        assert!(
            matches!(end, Err(DecryptError::NotAuthentic { chunk }) if chunk as usize == first),
            "{order:?}: {end:?}"
        );
        assert_eq!(read, plain(len)[..first * CHUNK]);
    }
}

/// Of the same bytes under the same key, or of another model's.
#[test]
fn nothing_is_taken_over_from_another_file() {
    let len = 2 * CHUNK;
    let file = encrypted(len);
    let begin = chunks_begin(&file, len);
    let model = FileIdentity {
        model: ModelDigest([4; 48]),
        ..identity()
    };
    for other in [
        encrypted(len),
        encrypted_as(&model, &key(), &plain(len)),
        encrypted_as(
            &identity(),
            &ModelKey::from_bytes(&[8; 32]).unwrap(),
            &plain(len),
        ),
    ] {
        for chunk in 0..2 {
            let mut spliced = file.clone();
            let at = begin + chunk * (CHUNK + TAG);
            spliced[at..][..CHUNK + TAG].copy_from_slice(&other[at..][..CHUNK + TAG]);
            let (read, end) = decrypted(&spliced);
            assert!(
                matches!(end, Err(DecryptError::NotAuthentic { chunk: found }) if found as usize == chunk),
                "{end:?}"
            );
            assert_eq!(read.len(), chunk * CHUNK);
        }
        // One's header with the other's chunks, with either's commitment to the key.
        for taken in [begin, begin - 32] {
            let made = [&file[..taken], &other[taken..]].concat();
            let (read, end) = decrypted(&made);
            assert!(end.is_err() && read.is_empty());
        }
    }
}

#[test]
fn it_is_the_file_that_is_due_or_none() {
    let expected = identity();
    for (file, key_id, model) in [
        ("config.json", "hospital/icd10-1", 3),
        ("model.safetensors", "hospital/icd10-2", 3),
        ("model.safetensors", "hospital/icd10-1", 4),
    ] {
        let found = FileIdentity {
            file,
            key_id: key_id.parse().unwrap(),
            model: ModelDigest([model; 48]),
        };
        let encrypted = encrypted_as(&found, &key(), &plain(10));
        let error = decrypted(&encrypted).1.unwrap_err();
        let said = error.to_string();
        match error {
            DecryptError::OtherFile { .. } => {
                assert_eq!(said, "it is config.json, and not model.safetensors");
            }
            DecryptError::OtherKeyId { .. } => assert_eq!(
                said,
                "it is encrypted under the key hospital/icd10-2, and not under hospital/icd10-1"
            ),
            DecryptError::OtherModel { .. } => {
                assert!(said.contains("0404") && said.contains("0303"), "{said}");
            }
            other => panic!("{other:?}"),
        }
        assert_ne!(found, expected);
        decrypted_as(&found, &key(), &encrypted).1.unwrap();
    }
}

#[test]
fn another_key_is_found_before_anything_is_read() {
    let file = encrypted(10);
    for bit in 0..256 {
        let mut other = [7; 32];
        other[bit / 8] ^= 1 << (bit % 8);
        let other = ModelKey::from_bytes(&other).unwrap();
        let (read, end) = decrypted_as(&identity(), &other, &file);
        assert!(matches!(end, Err(DecryptError::WrongKey)));
        assert!(read.is_empty());
    }
}

#[test]
fn a_plain_file_that_changes_is_not_encrypted() {
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    for (len, stated) in [
        (10, 9),
        (10, 11),
        (0, 1),
        (CHUNK_LEN as usize + 1, CHUNK_LEN as u64),
    ] {
        let bytes = plain(len);
        let input = Plain::new(&bytes[..], stated);
        let error = encrypt(input, &mut Vec::new(), &key(), &identity(), None, rng);
        assert!(
            matches!(error, Err(EncryptError::Changed)),
            "{len} {stated}"
        );
    }
    let input = Plain::new(&b""[..], u64::MAX);
    let error = encrypt(input, &mut Vec::new(), &key(), &identity(), None, rng);
    assert!(matches!(error, Err(EncryptError::TooLong)));
}

#[test]
fn a_reader_shows_neither_key_nor_content() {
    let file = encrypted(100);
    let reader = Decrypting::open(&file[..], &key(), &identity()).unwrap();
    let shown = format!("{reader:?}");
    assert!(shown.contains("hospital/icd10-1"), "{shown}");
    for secret in ["7, 7, 7", "stream", "Next"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

const _: () = assert!(MIN_CHUNK_LEN <= CHUNK_LEN && CHUNK_LEN <= MAX_CHUNK_LEN);
