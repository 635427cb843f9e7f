//! Opens a Hugging Face model folder, and names it by the digest of the bytes that are read from it.
//!
//! The folder is [plain](ModelFiles::open), or [encrypted](EncryptedFiles): either way the engine reads the same
//! [`ModelFiles`].

mod ahead;
mod encrypted;
mod error;
mod folder;
mod hashed;
mod plain;

use sealnote_model::{FileDigest, ModelDigest};
use sha2::{Digest, Sha384};
use zeroize::Zeroizing;

pub use encrypted::EncryptedFiles;
pub use error::ModelStoreError;
pub(crate) use hashed::HashedFile;

use crate::error::EngineError;

/// Greatest size of `config.json` in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Greatest size of `tokenizer.json` in bytes (that of XLM-R, the largest in use, is 17 MB).
pub const MAX_TOKENIZER_BYTES: u64 = 64 << 20;
/// Greatest size of `model.safetensors` in bytes.
pub const MAX_WEIGHTS_BYTES: u64 = 4 << 30;

/// Of the model's files, in their order.
const LIMITS: [u64; 3] = [MAX_CONFIG_BYTES, MAX_WEIGHTS_BYTES, MAX_TOKENIZER_BYTES];

/// A model folder's three files: the two small ones read, the weights open.
///
/// Whoever loads the weights reads them once, through a reader that hashes what it hands out. So the
/// digest is over the very bytes that the engine computes with, no file can change between the
/// hashing and the loading, and the weights are never in memory twice.
pub struct ModelFiles {
    pub(crate) config: Zeroizing<Vec<u8>>,
    pub(crate) tokenizer: Zeroizing<Vec<u8>>,
    pub(crate) weights: HashedFile,
    /// What the digest must be. Only a model that was encrypted says it before it is read.
    expected: Option<ModelDigest>,
}

impl ModelFiles {
    /// The model's digest, once its weights have been read.
    ///
    /// # Errors
    /// Unless they have been read to their end, the file is as long as it was, and the model is the one that is
    /// expected (check K8).
    pub(crate) fn into_digest(self) -> Result<ModelDigest, EngineError> {
        let whole = |bytes: &[u8]| FileDigest {
            len: bytes.len() as u64,
            sha384: Sha384::digest(bytes).into(),
        };
        let (config, tokenizer) = (whole(&self.config), whole(&self.tokenizer));
        let weights = self.weights.finish().map_err(EngineError::Read)?;
        let actual = ModelDigest::of_digests([config, weights, tokenizer]);
        match self.expected {
            Some(expected) if expected != actual => {
                Err(EngineError::OtherModel { expected, actual })
            }
            _ => Ok(actual),
        }
    }
}

impl core::fmt::Debug for ModelFiles {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ModelFiles").finish_non_exhaustive()
    }
}
