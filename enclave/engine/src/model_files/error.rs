//! Why a model folder could not be read.

use std::io;
use std::path::PathBuf;

use sealnote_encrypted_model::DecryptError;

use super::plain::SHARD_INDEX;

/// Why a model folder could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelStoreError {
    /// Nothing is at the path.
    #[error("model folder {} does not exist", path.display())]
    NoFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// The path is something other than a folder.
    #[error("model path {} is not a folder", path.display())]
    NotAFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// A file is not in the folder.
    #[error("{} has no {name} (a model folder holds config.json, model.safetensors and tokenizer.json)", dir.display())]
    MissingFile {
        /// The folder.
        dir: PathBuf,
        /// The name of the missing file.
        name: &'static str,
    },
    /// The weights are there only as a pickle, which is a program and not data.
    #[error(
        "{} has its weights only as {found}: pickle runs code when it is read and is never loaded; \
         convert it once with transformers: AutoModelForSequenceClassification.from_pretrained(dir).save_pretrained(out)",
        dir.display()
    )]
    PickleOnly {
        /// The folder.
        dir: PathBuf,
        /// The pickle file.
        found: &'static str,
    },
    /// The weights are in several files.
    #[error(
        "{} has its weights in several files ({SHARD_INDEX}); save them as one: \
         save_pretrained(out, max_shard_size=\"4GB\")",
        dir.display()
    )]
    Sharded {
        /// The folder.
        dir: PathBuf,
    },
    /// One of the names is a folder, a device or a pipe.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// A file is larger than its limit.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file has no bytes, as a checkout without Git LFS or a cut-off download may leave it.
    #[error("{} is empty", path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// An image's model folder holds something else beside the model.
    #[error("{} does not belong to the model: an image's model folder holds config.json, model.safetensors and tokenizer.json, and nothing else", path.display())]
    ExtraFile {
        /// What is there.
        path: PathBuf,
    },
    /// The system refused to read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The model is encrypted, and its key is not there.
    #[error(
        "{} holds an encrypted model: name where its key comes from (--model-encryption-key-url), or give the plain \
         folder",
        dir.display()
    )]
    Encrypted {
        /// The folder.
        dir: PathBuf,
    },
    /// The model is plain, and an encrypted one is due.
    #[error(
        "{} is not encrypted, and an encrypted model is due: encrypt the folder by `sealnote model encrypt`, or name \
         no key",
        path.display()
    )]
    NotEncrypted {
        /// The plain file.
        path: PathBuf,
    },
    /// A plain file is beside the encrypted one.
    #[error("{} is there in the clear beside its encrypted form: take it away", path.display())]
    PlainBeside {
        /// The plain file.
        path: PathBuf,
    },
    /// An encrypted file is not in the folder.
    #[error(
        "{} is missing: an encrypted model has config.json.sealnote, model.safetensors.sealnote and \
         tokenizer.json.sealnote",
        path.display()
    )]
    MissingEncryptedFile {
        /// The file.
        path: PathBuf,
    },
    /// Something else is beside the encrypted model.
    #[error(
        "{} does not belong to the model: an encrypted model's folder holds its three files, and nothing else",
        path.display()
    )]
    ExtraEncryptedFile {
        /// What is there.
        path: PathBuf,
    },
    /// The files do not have the same wrapped key.
    #[error("the files in {} have different wrapped keys: encrypt the model again, as a whole", dir.display())]
    WrappedKeys {
        /// The folder.
        dir: PathBuf,
    },
    /// An encrypted file is another one than is due, or does not decrypt.
    #[error("{}: {reason}", path.display())]
    Decrypt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: Box<DecryptError>,
    },
}
