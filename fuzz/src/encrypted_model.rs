//! Two encryptions of one file under one key.

use sealnote_encrypted_model::{ChunkLen, FileIdentity, ModelKey, Plain, WrappedKey, encrypt};
use sealnote_model::ModelDigest;

use crate::Seeded;

/// Bytes in a chunk: the least, so that the file has several.
pub const CHUNK: usize = 1024;

/// The key.
pub fn key() -> ModelKey {
    ModelKey::from_bytes(&[7; 32]).expect("32 bytes")
}

/// What is encrypted: five chunks, of which the last is short.
pub fn plain() -> Vec<u8> {
    (0..4 * CHUNK + 300).map(|at| (at / 251 + at) as u8).collect()
}

/// It is the same in each.
pub fn identity() -> FileIdentity {
    FileIdentity {
        file: "config.json",
        key_id: "fuzz/key".parse().expect("a key id"),
        model: ModelDigest([9; 48]),
    }
}

/// An encryption with the salt that follows from `seed`.
pub fn file(seed: u64) -> Vec<u8> {
    let plain = plain();
    let chunk = ChunkLen::new(CHUNK as u32).expect("a length of chunks");
    let input = Plain::new(&plain[..], plain.len() as u64).with_chunk_len(chunk);
    let wrapped = WrappedKey::new(vec![0xc1; 40]).expect("a wrapped key");
    let mut out = Vec::new();
    let rng = &mut Seeded(seed);
    encrypt(input, &mut out, &key(), &identity(), Some(&wrapped), rng).expect("it is encrypted");
    out
}
