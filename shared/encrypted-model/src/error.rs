//! Why an encrypted file does not decrypt.

use std::io;

use sealnote_model::ModelDigest;

use crate::header::VERSION;
use crate::key_id::KeyId;

/// Why an encrypted file does not decrypt. None says anything of the key or of what is encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// It does not begin as an encrypted file does.
    #[error("it is not a file that `sealnote model encrypt` made")]
    NotEncrypted,
    /// It is of another version of the format.
    #[error("it has version {found} of the format, and this program reads version {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The header is not the one encoding of a header.
    #[error("its header is malformed")]
    Header,
    /// It ends before its end.
    #[error("it is cut off: it ends before the length that its header states; copy it again")]
    Truncated,
    /// Bytes follow its last chunk.
    #[error("bytes follow its last chunk: it is longer than its header states; copy it again")]
    TrailingBytes,
    /// It is another file of a model.
    #[error("it is {found}, and not {expected}")]
    OtherFile {
        /// The file that is due.
        expected: &'static str,
        /// The file that it is.
        found: &'static str,
    },
    /// It is encrypted under another key.
    #[error("it is encrypted under the key {found}, and not under {expected}")]
    OtherKeyId {
        /// The key that is due.
        expected: KeyId,
        /// The key that it names.
        found: KeyId,
    },
    /// It is of another model.
    #[error("it is of the model {found}, and not of {expected}")]
    OtherModel {
        /// The model that is due.
        expected: ModelDigest,
        /// The model that it names.
        found: ModelDigest,
    },
    /// The key is another one than it was encrypted under, or the header is.
    #[error("the key is not the one that it was encrypted under, or its header was changed")]
    WrongKey,
    /// A chunk is not the one that was encrypted in its place.
    #[error("its chunk {chunk} was changed, or belongs elsewhere; copy it again")]
    NotAuthentic {
        /// The chunk's number, counted from 0.
        chunk: u32,
    },
    /// It is read on after an error.
    #[error("it is not read on after a chunk that did not decrypt")]
    Over,
    /// It cannot be read.
    #[error("{0}")]
    Read(io::Error),
}

/// What ends too early is cut off; all else is the system's.
pub(crate) fn reading(error: io::Error) -> DecryptError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DecryptError::Truncated,
        _ => DecryptError::Read(error),
    }
}

impl From<DecryptError> for io::Error {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::Read(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
