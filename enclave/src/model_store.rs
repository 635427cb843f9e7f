//! Reads a Hugging Face model folder into memory and names it by its digest.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealnote_protocol::model::{MODEL_FILES, ModelDigest};

/// Greatest size of `config.json` in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Greatest size of `tokenizer.json` in bytes (that of XLM-R, the largest in use, is 17 MB).
pub const MAX_TOKENIZER_BYTES: u64 = 64 << 20;
/// Greatest size of `model.safetensors` in bytes.
pub const MAX_WEIGHTS_BYTES: u64 = 4 << 30;

/// The bytes of a model folder's three files.
///
/// They are read, not mapped: a mapped file can change after it was hashed, and the digest that the
/// enclave attests must be over the very bytes that the engine then loads.
pub struct ModelFiles {
    pub(crate) config: Vec<u8>,
    pub(crate) tokenizer: Vec<u8>,
    pub(crate) weights: Vec<u8>,
    digest: ModelDigest,
}

impl ModelFiles {
    /// Reads `config.json`, `model.safetensors` and `tokenizer.json` of the folder `dir`.
    ///
    /// # Errors
    /// [`ModelStoreError`] when the folder or a file is missing, unreadable, empty or too large. Of
    /// the bytes nothing is parsed here.
    pub fn open(dir: &Path) -> Result<Self, ModelStoreError> {
        match fs::metadata(dir) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(ModelStoreError::NotAFolder { path: dir.into() }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(ModelStoreError::NoFolder { path: dir.into() });
            }
            Err(source) => {
                return Err(ModelStoreError::Unreadable {
                    path: dir.into(),
                    source,
                });
            }
        }
        let [config, weights, tokenizer] = MODEL_FILES;
        let config = read(dir, config, MAX_CONFIG_BYTES)?;
        let tokenizer = read(dir, tokenizer, MAX_TOKENIZER_BYTES)?;
        let weights = read(dir, weights, MAX_WEIGHTS_BYTES)?;
        let digest = ModelDigest::of_files([&config, &weights, &tokenizer]);
        Ok(Self {
            config,
            tokenizer,
            weights,
            digest,
        })
    }

    /// The digest of exactly the bytes held here.
    pub fn digest(&self) -> ModelDigest {
        self.digest
    }
}

impl core::fmt::Debug for ModelFiles {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ModelFiles")
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

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
    /// The system refused to read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

const SHARD_INDEX: &str = "model.safetensors.index.json";
const PICKLES: [&str; 3] = [
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.pt",
];

fn read(dir: &Path, name: &'static str, limit: u64) -> Result<Vec<u8>, ModelStoreError> {
    let path = dir.join(name);
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Err(missing(dir, name)),
        Err(source) => return Err(ModelStoreError::Unreadable { path, source }),
    };
    // Before the file is opened: opening a pipe would wait for a writer.
    if !metadata.is_file() {
        return Err(ModelStoreError::NotAFile { path });
    }
    if metadata.len() > limit {
        return Err(ModelStoreError::TooLarge { path, limit });
    }
    let mut bytes = Vec::new();
    let expected = usize::try_from(metadata.len()).unwrap_or(0);
    let read = bytes
        .try_reserve_exact(expected)
        .map_err(io::Error::from)
        .and_then(|()| {
            // The file may have grown since its size was asked for, so the limit holds here too.
            File::open(&path)?.take(limit + 1).read_to_end(&mut bytes)
        });
    if let Err(source) = read {
        return Err(ModelStoreError::Unreadable { path, source });
    }
    if bytes.len() as u64 > limit {
        return Err(ModelStoreError::TooLarge { path, limit });
    }
    if bytes.is_empty() {
        return Err(ModelStoreError::EmptyFile { path });
    }
    Ok(bytes)
}

fn missing(dir: &Path, name: &'static str) -> ModelStoreError {
    let dir = dir.to_path_buf();
    if name == MODEL_FILES[1] {
        if dir.join(SHARD_INDEX).exists() {
            return ModelStoreError::Sharded { dir };
        }
        if let Some(found) = PICKLES.into_iter().find(|pickle| dir.join(pickle).exists()) {
            return ModelStoreError::PickleOnly { dir, found };
        }
    }
    ModelStoreError::MissingFile { dir, name }
}
