//! A model's folder as others make it: anyone can read it.

use std::io::{BufReader, Read};
use std::path::Path;

use sealnote_encrypted_model::encrypted_name;
use sealnote_model::MODEL_FILES;
use zeroize::Zeroizing;

use super::folder::{self, OpenFile};
use super::{HashedFile, LIMITS, ModelFiles, ModelStoreError};

pub(super) const SHARD_INDEX: &str = "model.safetensors.index.json";
const PICKLES: [&str; 3] = [
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.pt",
];

impl ModelFiles {
    /// Reads `config.json` and `tokenizer.json` of the folder `dir`, and opens `model.safetensors`.
    ///
    /// # Errors
    /// [`ModelStoreError`] when the folder or a file is missing, unreadable, empty or too large. Of
    /// the bytes nothing is parsed here.
    pub fn open(dir: &Path) -> Result<Self, ModelStoreError> {
        folder::check(dir)?;
        let [config, tokenizer] = [0, 2].map(|index| read_whole(open(dir, index)?));
        let (config, tokenizer, weights) = (config?, tokenizer?, open(dir, 1)?);
        Ok(Self {
            config,
            tokenizer,
            weights: HashedFile::new(BufReader::new(weights.file), weights.len),
            expected: None,
        })
    }

    /// As [`open`](Self::open), of a folder that holds the three files and nothing else: an image's,
    /// where a fourth file is one that nobody asked for and that the model's digest does not cover.
    ///
    /// # Errors
    /// As `open`, and [`ModelStoreError::ExtraFile`].
    pub fn open_exactly(dir: &Path) -> Result<Self, ModelStoreError> {
        let files = Self::open(dir)?;
        match folder::extra(dir, &MODEL_FILES.map(String::from))? {
            None => Ok(files),
            Some(path) => Err(ModelStoreError::ExtraFile { path }),
        }
    }
}

fn open(dir: &Path, index: usize) -> Result<OpenFile, ModelStoreError> {
    let (name, limit) = (MODEL_FILES[index], LIMITS[index]);
    match folder::open(dir.join(name))? {
        None => Err(missing(dir, name)),
        Some(file) if file.len > limit => Err(ModelStoreError::TooLarge {
            path: file.path,
            limit,
        }),
        Some(file) => Ok(file),
    }
}

fn read_whole(opened: OpenFile) -> Result<Zeroizing<Vec<u8>>, ModelStoreError> {
    let mut bytes = Zeroizing::new(Vec::new());
    match opened.file.take(opened.len).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(reason) => Err(ModelStoreError::Unreadable {
            path: opened.path,
            reason,
        }),
    }
}

fn missing(dir: &Path, name: &'static str) -> ModelStoreError {
    if dir.join(encrypted_name(name)).exists() {
        return ModelStoreError::Encrypted { dir: dir.into() };
    }
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
