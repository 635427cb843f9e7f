//! Opens a Hugging Face model folder, and names it by the digest of the bytes that are read from it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use sealnote_model::{FileDigest, MODEL_FILES, ModelDigest};
use sha2::{Digest, Sha384};

/// Greatest size of `config.json` in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Greatest size of `tokenizer.json` in bytes (that of XLM-R, the largest in use, is 17 MB).
pub const MAX_TOKENIZER_BYTES: u64 = 64 << 20;
/// Greatest size of `model.safetensors` in bytes.
pub const MAX_WEIGHTS_BYTES: u64 = 4 << 30;

/// A model folder's three files: the two small ones read, the weights open.
///
/// Whoever loads the weights reads them once, through a reader that hashes what it hands out. So the
/// digest is over the very bytes that the engine computes with, no file can change between the
/// hashing and the loading, and the weights are never in memory twice.
pub struct ModelFiles {
    pub(crate) config: Vec<u8>,
    pub(crate) tokenizer: Vec<u8>,
    pub(crate) weights: HashedFile,
}

impl ModelFiles {
    /// Reads `config.json` and `tokenizer.json` of the folder `dir`, and opens `model.safetensors`.
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
        Ok(Self {
            config: open(dir, config, MAX_CONFIG_BYTES)?.read_whole()?,
            tokenizer: open(dir, tokenizer, MAX_TOKENIZER_BYTES)?.read_whole()?,
            weights: open(dir, weights, MAX_WEIGHTS_BYTES)?.hashed(),
        })
    }

    /// As [`open`](Self::open), of a folder that holds the three files and nothing else: an image's,
    /// where a fourth file is one that nobody asked for and that the model's digest does not cover.
    ///
    /// # Errors
    /// As `open`, and [`ModelStoreError::ExtraFile`].
    pub fn open_exactly(dir: &Path) -> Result<Self, ModelStoreError> {
        let files = Self::open(dir)?;
        let unreadable = |source| ModelStoreError::Unreadable {
            path: dir.into(),
            source,
        };
        for entry in fs::read_dir(dir).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            if !MODEL_FILES.iter().any(|known| name == *known) {
                return Err(ModelStoreError::ExtraFile {
                    path: dir.join(name),
                });
            }
        }
        Ok(files)
    }

    /// The model's digest, once its weights have been read.
    ///
    /// # Errors
    /// Unless they have been read to their end, and the file is as long as it was.
    pub(crate) fn into_digest(self) -> io::Result<ModelDigest> {
        let whole = |bytes: &[u8]| FileDigest {
            len: bytes.len() as u64,
            sha384: Sha384::digest(bytes).into(),
        };
        let (config, tokenizer) = (whole(&self.config), whole(&self.tokenizer));
        Ok(ModelDigest::of_digests([
            config,
            self.weights.finish()?,
            tokenizer,
        ]))
    }
}

/// A file that is read from its beginning to its end, once, and hashed as it is read.
pub(crate) struct HashedFile {
    reader: io::Take<BufReader<File>>,
    hasher: Sha384,
    len: u64,
    read: u64,
}

impl HashedFile {
    /// The file's length when it was opened, in bytes; no more than that is read.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The digest of all that was read.
    ///
    /// # Errors
    /// Unless that is the whole file, to its end.
    pub(crate) fn finish(mut self) -> io::Result<FileDigest> {
        // One byte beyond: a file that grew is another file than the one that was measured.
        self.reader.set_limit(1);
        if self.read != self.len || self.reader.read(&mut [0])? != 0 {
            return Err(io::Error::other("the file changed while it was read"));
        }
        Ok(FileDigest {
            len: self.len,
            sha384: self.hasher.finalize().into(),
        })
    }
}

impl Read for HashedFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buf)?;
        self.hasher.update(&buf[..read]);
        self.read += read as u64;
        Ok(read)
    }
}

impl core::fmt::Debug for ModelFiles {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ModelFiles").finish_non_exhaustive()
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
    /// An image's model folder holds something else beside the model.
    #[error("{} does not belong to the model: an image's model folder holds config.json, model.safetensors and tokenizer.json, and nothing else", path.display())]
    ExtraFile {
        /// What is there.
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

/// A file that was found to be there, regular and of a size within its limit.
struct OpenFile {
    path: PathBuf,
    file: File,
    len: u64,
}

fn open(dir: &Path, name: &'static str, limit: u64) -> Result<OpenFile, ModelStoreError> {
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
    // The size once more, of what was really opened.
    let opened = File::open(&path).and_then(|file| {
        let len = file.metadata()?.len();
        Ok((file, len))
    });
    match opened {
        Err(source) => Err(ModelStoreError::Unreadable { path, source }),
        Ok((_, 0)) => Err(ModelStoreError::EmptyFile { path }),
        Ok((_, len)) if len > limit => Err(ModelStoreError::TooLarge { path, limit }),
        Ok((file, len)) => Ok(OpenFile { path, file, len }),
    }
}

impl OpenFile {
    fn read_whole(self) -> Result<Vec<u8>, ModelStoreError> {
        let mut bytes = Vec::new();
        match self.file.take(self.len).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(source) => Err(ModelStoreError::Unreadable {
                path: self.path,
                source,
            }),
        }
    }

    fn hashed(self) -> HashedFile {
        HashedFile {
            reader: BufReader::new(self.file).take(self.len),
            hasher: Sha384::new(),
            len: self.len,
            read: 0,
        }
    }
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
