//! An encrypted file: read in bounded memory, whatever it claims; and what is handed out is a beginning of what was
//! encrypted, in whole chunks, and all of it only of the file as it was made.
//!
//! It is read as it is, and as a list of edits of a genuine file, whose key a fuzzer would not find.

#![no_main]

use std::io::Read;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealnote_encrypted_model::{Decrypting, Header, MAX_CHUNK_LEN};
use sealnote_fuzz::encrypted_model::{CHUNK, file, key, plain};
use sealnote_fuzz::within;

static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(plain);
static GENUINE: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [file(1), file(2)]);

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&edited(bytes));
});

fn check(bytes: &[u8]) {
    let is_genuine = GENUINE.iter().any(|genuine| bytes == genuine);
    let len = PLAIN.len();
    let mut out = Vec::with_capacity(2 * len);
    // A header of 64 KiB a few times over, and a chunk.
    let limit = MAX_CHUNK_LEN as usize + (512 << 10);
    let whole = within(limit, || {
        let Ok(header) = Header::read(&mut &bytes[..]) else {
            return false;
        };
        // Whatever file it says that it is.
        let identity = header.identity().clone();
        let Ok(mut reader) = Decrypting::open(bytes, &key(), &identity) else {
            return false;
        };
        assert_eq!(reader.header(), &header);
        reader.read_to_end(&mut out).is_ok()
    });
    assert_eq!(whole, is_genuine);
    assert!(PLAIN.starts_with(&out));
    assert_eq!(out.len() == len, whole);
    assert!(whole || out.len() % CHUNK == 0);
}

/// Each edit is six bytes: what is done, where (u16), how long (u16, in sixteenths), and with what.
fn edited(edits: &[u8]) -> Vec<u8> {
    let [one, other] = &*GENUINE;
    let mut made = one.clone();
    for edit in edits.chunks_exact(6).take(8) {
        let at = usize::from(u16::from_be_bytes([edit[1], edit[2]])) % (made.len() + 1);
        let len = usize::from(u16::from_be_bytes([edit[3], edit[4]])).div_ceil(16);
        let end = (at + len).min(made.len());
        match edit[0] % 6 {
            0 => made[at..end].iter_mut().for_each(|byte| *byte ^= edit[5]),
            1 => made.truncate(at),
            2 => drop(made.drain(at..end)),
            3 => made.extend_from_within(at..end),
            4 => made[at..end].rotate_left(usize::from(edit[5]).min(end - at)),
            // From the other file, in the same place.
            _ => {
                let end = end.min(other.len());
                if at < end {
                    made[at..end].copy_from_slice(&other[at..end]);
                }
            }
        }
    }
    made
}
