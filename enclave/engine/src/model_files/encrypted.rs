//! A model's folder as `sealnote model encrypt` makes it: read by whoever has its key, and nowhere whole in the clear.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use sealnote_encrypted_model::{
    DecryptError, Decrypting, FileIdentity, Header, KeyId, ModelKey, WrappedKey, encrypted_name,
};
use sealnote_model::{MODEL_FILES, ModelDigest};
use zeroize::Zeroizing;

use super::ahead::Ahead;
use super::folder;
use super::{HashedFile, LIMITS, ModelFiles, ModelStoreError};

/// An encrypted model's folder, of which only the headers have been read: its key is not there yet.
pub struct EncryptedFiles {
    files: [EncryptedFile; MODEL_FILES.len()],
    expected: ModelDigest,
}

/// A file, read up to where its header ends.
struct EncryptedFile {
    path: PathBuf,
    reader: BufReader<File>,
    header: Header,
    expected: FileIdentity,
}

impl EncryptedFiles {
    /// Opens the folder `dir`, which must hold the three encrypted files and nothing else, each of the model with this
    /// digest and under the key with this id.
    ///
    /// # Errors
    /// [`ModelStoreError`] when it holds anything else.
    pub fn open(dir: &Path, model: ModelDigest, key_id: &KeyId) -> Result<Self, ModelStoreError> {
        folder::check(dir)?;
        let known = MODEL_FILES.map(encrypted_name);
        for (file, name) in MODEL_FILES.into_iter().zip(&known) {
            let plain = dir.join(file);
            match (dir.join(name).exists(), plain.exists()) {
                (true, false) => {}
                (true, true) => return Err(ModelStoreError::PlainBeside { path: plain }),
                (false, true) => return Err(ModelStoreError::NotEncrypted { path: plain }),
                (false, false) => {
                    let path = dir.join(name);
                    return Err(ModelStoreError::MissingEncryptedFile { path });
                }
            }
        }
        if let Some(path) = folder::extra(dir, &known)? {
            return Err(ModelStoreError::ExtraEncryptedFile { path });
        }
        let open = |index: usize| {
            let expected = FileIdentity {
                file: MODEL_FILES[index],
                key_id: key_id.clone(),
                model,
            };
            EncryptedFile::open(dir.join(&known[index]), expected, LIMITS[index])
        };
        let files = [open(0)?, open(1)?, open(2)?];
        let wrapped_key = files[0].header.wrapped_key();
        if files
            .iter()
            .any(|file| file.header.wrapped_key() != wrapped_key)
        {
            return Err(ModelStoreError::WrappedKeys { dir: dir.into() });
        }
        Ok(Self {
            files,
            expected: model,
        })
    }

    /// The model's key, as a key service encrypted it; the same in each file.
    pub fn wrapped_key(&self) -> Option<&WrappedKey> {
        self.files[0].header.wrapped_key()
    }

    /// Decrypts the two small files, and begins with the weights.
    ///
    /// # Errors
    /// [`ModelStoreError`] when the key is another one, or a file does not decrypt.
    pub fn unlock(self, key: &ModelKey) -> Result<ModelFiles, ModelStoreError> {
        let [config, weights, tokenizer] = self.files;
        let len = weights.header.plain_len();
        let path = weights.path.clone();
        let weights = Ahead::of(weights.decrypt(key)?)
            .map_err(|reason| ModelStoreError::Unreadable { path, reason })?;
        Ok(ModelFiles {
            config: config.read_whole(key)?,
            tokenizer: tokenizer.read_whole(key)?,
            weights: HashedFile::new(weights, len),
            expected: Some(self.expected),
        })
    }
}

impl EncryptedFile {
    fn open(path: PathBuf, expected: FileIdentity, limit: u64) -> Result<Self, ModelStoreError> {
        let Some(opened) = folder::open(path.clone())? else {
            return Err(ModelStoreError::MissingEncryptedFile { path });
        };
        let wrong = |error| decrypting(&path, error);
        let mut reader = BufReader::new(opened.file);
        let header = Header::read(&mut reader).map_err(wrong)?;
        expected.check(header.identity()).map_err(wrong)?;
        // Before memory is taken for what the header claims.
        match header.plain_len() {
            0 => return Err(ModelStoreError::EmptyFile { path }),
            len if len > limit => return Err(ModelStoreError::TooLarge { path, limit }),
            _ => {}
        }
        match opened.len.cmp(&header.encrypted_len()) {
            core::cmp::Ordering::Less => Err(wrong(DecryptError::Truncated)),
            core::cmp::Ordering::Greater => Err(wrong(DecryptError::TrailingBytes)),
            core::cmp::Ordering::Equal => Ok(Self {
                path,
                reader,
                header,
                expected,
            }),
        }
    }

    fn decrypt(self, key: &ModelKey) -> Result<Decrypting<BufReader<File>>, ModelStoreError> {
        Decrypting::after_header(self.header, self.reader, key, &self.expected)
            .map_err(|error| decrypting(&self.path, error))
    }

    fn read_whole(self, key: &ModelKey) -> Result<Zeroizing<Vec<u8>>, ModelStoreError> {
        let path = self.path.clone();
        // Its length is within the limit, and that of the file; a vector that grew would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.header.plain_len() as usize));
        match self.decrypt(key)?.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(reason) => Err(ModelStoreError::Unreadable { path, reason }),
        }
    }
}

fn decrypting(path: &Path, error: DecryptError) -> ModelStoreError {
    ModelStoreError::Decrypt {
        path: path.into(),
        reason: Box::new(error),
    }
}

impl core::fmt::Debug for EncryptedFiles {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EncryptedFiles").finish_non_exhaustive()
    }
}
