//! Small encrypted files, and what becomes of them.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::{self, Read};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealnote_encrypted_model::{
    ChunkLen, DecryptError, Decrypting, FileIdentity, ModelKey, Plain, WrappedKey, encrypt,
};
use sealnote_model::ModelDigest;

/// The least, so that small files have several chunks.
pub const CHUNK: usize = 1024;
pub const TAG: usize = 16;

pub fn key() -> ModelKey {
    ModelKey::from_bytes(&[7; 32]).unwrap()
}

pub fn identity() -> FileIdentity {
    FileIdentity {
        file: "model.safetensors",
        key_id: "hospital/icd10-1".parse().unwrap(),
        model: ModelDigest([3; 48]),
    }
}

/// Bytes of which no two chunks are equal.
pub fn plain(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 251 + at % 251) as u8).collect()
}

pub fn encrypted_as(identity: &FileIdentity, key: &ModelKey, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let wrapped = WrappedKey::new(vec![0xc1; 64]).unwrap();
    let input =
        Plain::new(plain, plain.len() as u64).with_chunk_len(ChunkLen::new(CHUNK as u32).unwrap());
    let rng = &mut UnwrapErr(SysRng);
    encrypt(input, &mut out, key, identity, Some(&wrapped), rng).unwrap();
    out
}

pub fn encrypted(len: usize) -> Vec<u8> {
    encrypted_as(&identity(), &key(), &plain(len))
}

/// Bytes before the first chunk.
pub fn chunks_begin(file: &[u8], plain_len: usize) -> usize {
    file.len() - plain_len - TAG * plain_len.div_ceil(CHUNK).max(1)
}

/// What was handed out, and how it ended.
pub fn decrypted(file: &[u8]) -> (Vec<u8>, Result<(), DecryptError>) {
    decrypted_as(&identity(), &key(), file)
}

pub fn decrypted_as(
    identity: &FileIdentity,
    key: &ModelKey,
    file: &[u8],
) -> (Vec<u8>, Result<(), DecryptError>) {
    let mut out = Vec::new();
    let read = Decrypting::open(file, key, identity).and_then(|mut reader| {
        let end = reader.read_to_end(&mut out).map_err(cause);
        if end.is_err() {
            // Nothing more comes after an error.
            let mut more = [0; 64];
            let again = reader.read(&mut more).map_err(cause);
            assert!(matches!(again, Err(DecryptError::Over)), "{again:?}");
        }
        end.map(|_| ())
    });
    (out, read)
}

fn cause(error: io::Error) -> DecryptError {
    *error.into_inner().unwrap().downcast().unwrap()
}
