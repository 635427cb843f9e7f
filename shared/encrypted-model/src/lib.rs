//! A model's files, encrypted: the format, its key, and reading and writing it as a stream.
//!
//! Each file is encrypted by itself, in chunks, so that it is read as it is decrypted and is nowhere whole in the
//! clear. What it is (its name, its key's id and the digest of its *model*) stands in a header that the file's own
//! key depends on: nothing of it can be changed, and no part of a file can be put into another one. PROTOCOL.md,
//! "Encrypted model", has the format to the byte.
//!
//! ```
//! use std::io::Read;
//!
//! use getrandom::SysRng;
//! use rand_core::UnwrapErr;
//! use sealnote_encrypted_model::{Decrypting, FileIdentity, ModelKey, Plain, encrypt};
//! use sealnote_model::ModelDigest;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rng = &mut UnwrapErr(SysRng);
//! let key = ModelKey::generate(rng);
//! let identity = FileIdentity {
//!     file: "config.json",
//!     key_id: "icd10/2026-11".parse()?,
//!     model: ModelDigest::of_files([b"{}", b"weights", b"{}"]),
//! };
//! let mut encrypted = Vec::new();
//! encrypt(Plain::new(&b"{}"[..], 2), &mut encrypted, &key, &identity, None, rng)?;
//!
//! let mut decrypted = Vec::new();
//! Decrypting::open(&encrypted[..], &key, &identity)?.read_to_end(&mut decrypted)?;
//! assert_eq!(decrypted, b"{}");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod chunk;
mod decrypt;
mod encrypt;
mod error;
mod file_key;
mod header;
mod identity;
mod key;
mod key_id;
mod wrapped_key;

pub use chunk::{CHUNK_LEN, ChunkLen, MAX_CHUNK_LEN, MIN_CHUNK_LEN};
pub use decrypt::Decrypting;
pub use encrypt::{EncryptError, Plain, encrypt};
pub use error::DecryptError;
pub use header::{Header, VERSION};
pub use identity::{FileIdentity, encrypted_name};
pub use key::{KEY_LEN, ModelKey, WrongKeyLength};
pub use key_id::{KeyId, KeyIdError, MAX_KEY_ID_LEN};
pub use wrapped_key::{MAX_WRAPPED_KEY_LEN, WrappedKey, WrongWrappedKeyLength};
