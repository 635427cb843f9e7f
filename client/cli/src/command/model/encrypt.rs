//! `sealnote model encrypt`: a model's folder, encrypted.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealnote_encrypted_model::{
    EncryptError, FileIdentity, KeyId, MAX_WRAPPED_KEY_LEN, ModelKey, Plain, WrappedKey, encrypt,
    encrypted_name,
};
use sealnote_model::{FileDigest, MODEL_FILES, ModelDigest};
use serde::Serialize;
use sha2::{Digest, Sha384};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::facts::{line, print};
use crate::files::{self, malformed, shown, unreadable, unwritten};
use crate::json;
use crate::model_key;

#[derive(Args)]
pub(crate) struct Encrypt {
    /// The model's folder, with config.json, model.safetensors and tokenizer.json.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The folder for the encrypted files, made if it is not there; existing files are not replaced.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The model's key, as `sealnote model new-key` makes it: 64 hex digits.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The key's name, by which the enclave asks for it: letters, digits and . _ - in parts joined by /.
    #[arg(long, value_name = "ID")]
    key_id: KeyId,
    /// The key as a key service encrypted it (AWS KMS: CiphertextBlob), for the enclave to have it decrypted there.
    #[arg(long, value_name = "FILE")]
    wrapped_key: Option<PathBuf>,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Report {
    ok: bool,
    /// Of the plain model.
    digest: String,
    pcr16: String,
    key_id: String,
    files: [PathBuf; MODEL_FILES.len()],
}

impl Encrypt {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (digest, files) = json::told(self.json, self.encrypt())?;
        let pcr16 = hex::encode(digest.register());
        if self.json {
            return json::print(&Report {
                ok: true,
                digest: digest.to_string(),
                pcr16,
                key_id: self.key_id.to_string(),
                files,
            });
        }
        let mut lines = files
            .map(|path| format!("{}: written", shown(&path)))
            .to_vec();
        lines.push(line("digest", digest));
        lines.push(line("pcr16", pcr16));
        lines.push(line("key id", &self.key_id));
        print(&lines)
    }

    /// The model's digest, and the files that were written.
    fn encrypt(&self) -> Result<(ModelDigest, [PathBuf; MODEL_FILES.len()]), Failure> {
        let key = model_key::read(&self.key)?;
        // A slip of the hand that would publish the key: the id is in each file's header.
        let id = self.key_id.as_str().to_ascii_lowercase();
        if *id == *Zeroizing::new(hex::encode(key.as_bytes())) {
            return Err(Exit::Usage.because(
                "--key-id is the key itself, which anybody could read in the encrypted files: give the key a name",
            ));
        }
        let wrapped_key = self.read_wrapped_key()?;
        let targets = MODEL_FILES.map(|name| self.out.join(encrypted_name(name)));
        self.check_out(&targets)?;
        // Once for the model's digest, which is in each header, and once more to encrypt.
        let plain = self.digests()?;
        let model = ModelDigest::of_digests(plain);
        fs::create_dir_all(&self.out).map_err(|error| unwritten(&self.out, &error))?;
        let mut written = Vec::new();
        for (file, digest) in MODEL_FILES.into_iter().zip(plain) {
            let identity = FileIdentity {
                file,
                key_id: self.key_id.clone(),
                model,
            };
            written.push(self.write(&identity, digest, &key, wrapped_key.as_ref())?);
        }
        // All are there, or none: a later failure is the file system's alone.
        for (file, target) in written.into_iter().zip(&targets) {
            file.persist_noclobber(target)
                .map_err(|error| unwritten(target, &error.error))?;
        }
        let folder = File::open(&self.out).and_then(|folder| folder.sync_all());
        folder.map_err(|error| unwritten(&self.out, &error))?;
        Ok((model, targets))
    }

    fn read_wrapped_key(&self) -> Result<Option<WrappedKey>, Failure> {
        let Some(path) = &self.wrapped_key else {
            return Ok(None);
        };
        let bytes = files::read(path, "the wrapped key", MAX_WRAPPED_KEY_LEN)?;
        let wrapped_key = WrappedKey::new(bytes).map_err(|error| malformed(path, &error))?;
        Ok(Some(wrapped_key))
    }

    /// Before a large model is read for nothing.
    fn check_out(&self, targets: &[PathBuf]) -> Result<(), Failure> {
        let (plain, out) = (self.folder.canonicalize(), self.out.canonicalize());
        if plain.is_ok_and(|plain| out.is_ok_and(|out| out == plain)) {
            return Err(Exit::Usage.because(format!(
                "--out {} is the plain model's folder: name another, which can be given away as a whole",
                shown(&self.out)
            )));
        }
        match targets.iter().find(|target| target.exists()) {
            Some(target) => Err(unwritten(target, &io::ErrorKind::AlreadyExists.into())),
            None => Ok(()),
        }
    }

    fn digests(&self) -> Result<[FileDigest; MODEL_FILES.len()], Failure> {
        let mut digests = Vec::new();
        for name in MODEL_FILES {
            let path = self.folder.join(name);
            let mut plain = Hashing::open(&path).map_err(|error| unreadable(&path, &error))?;
            io::copy(&mut plain, &mut io::sink()).map_err(|error| unreadable(&path, &error))?;
            match plain.finish() {
                FileDigest { len: 0, .. } => return Err(malformed(&path, &"it is empty")),
                digest => digests.push(digest),
            }
        }
        match digests.try_into() {
            Ok(digests) => Ok(digests),
            Err(_) => unreachable!("one for each file"),
        }
    }

    /// A file encrypted, under a name of its own until all are.
    fn write(
        &self,
        identity: &FileIdentity,
        expected: FileDigest,
        key: &ModelKey,
        wrapped_key: Option<&WrappedKey>,
    ) -> Result<NamedTempFile, Failure> {
        let path = self.folder.join(identity.file);
        let mut plain = Hashing::open(&path).map_err(|error| unreadable(&path, &error))?;
        let target = self.out.join(encrypted_name(identity.file));
        let not_written = |error: io::Error| unwritten(&target, &error);
        let mut file = new_file(&self.out).map_err(not_written)?;
        let mut out = BufWriter::new(file.as_file_mut());
        let rng = &mut UnwrapErr(SysRng);
        let input = Plain::new(&mut plain, expected.len);
        match encrypt(input, &mut out, key, identity, wrapped_key, rng) {
            Ok(()) => {}
            Err(EncryptError::Write(error)) => return Err(not_written(error)),
            Err(error) => return Err(malformed(&path, &error)),
        }
        out.flush().map_err(not_written)?;
        drop(out);
        if plain.finish() != expected {
            return Err(malformed(&path, &EncryptError::Changed));
        }
        file.as_file().sync_all().map_err(not_written)?;
        Ok(file)
    }
}

/// What is encrypted is for everybody to read.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::Permissions::from_mode(0o644);
    tempfile::Builder::new()
        .permissions(mode)
        .tempfile_in(folder)
}

/// A file that is hashed as it is read.
struct Hashing {
    file: File,
    hasher: Sha384,
    len: u64,
}

impl Hashing {
    fn open(path: &Path) -> io::Result<Self> {
        let (file, hasher) = (File::open(path)?, Sha384::new());
        Ok(Self {
            file,
            hasher,
            len: 0,
        })
    }

    /// Of all that was read.
    fn finish(self) -> FileDigest {
        FileDigest {
            len: self.len,
            sha384: self.hasher.finalize().into(),
        }
    }
}

impl Read for Hashing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf)?;
        self.hasher.update(&buf[..read]);
        self.len += read as u64;
        Ok(read)
    }
}
