//! Which file of which model a file is.

use sealnote_model::{MODEL_FILES, ModelDigest};

use crate::error::DecryptError;
use crate::key_id::KeyId;

/// The name of a model's file when it is encrypted: `config.json.sealnote`.
pub fn encrypted_name(file: &str) -> String {
    format!("{file}.sealnote")
}

/// Which file of which model it is, and under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// One of [`MODEL_FILES`].
    pub file: &'static str,
    /// The model's key.
    pub key_id: KeyId,
    /// The model as it is when it is decrypted: its three files together. Not the file by itself, whose digest would
    /// confirm a guess of it.
    pub model: ModelDigest,
}

impl FileIdentity {
    /// Whether what was `found` is what is expected.
    ///
    /// # Errors
    /// [`DecryptError`], of the first in which they differ.
    pub fn check(&self, found: &Self) -> Result<(), DecryptError> {
        if found.file != self.file {
            return Err(DecryptError::OtherFile {
                expected: self.file,
                found: found.file,
            });
        }
        if found.key_id != self.key_id {
            return Err(DecryptError::OtherKeyId {
                expected: self.key_id.clone(),
                found: found.key_id.clone(),
            });
        }
        if found.model != self.model {
            return Err(DecryptError::OtherModel {
                expected: self.model,
                found: found.model,
            });
        }
        Ok(())
    }
}

/// The model's file of that name.
pub(crate) fn model_file(name: &str) -> Option<&'static str> {
    MODEL_FILES.into_iter().find(|file| *file == name)
}
