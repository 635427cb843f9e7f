//! `sealnote model inspect`: what an encrypted folder says of itself.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use sealnote_encrypted_model::{
    DecryptError, Decrypting, FileIdentity, Header, ModelKey, encrypted_name,
};
use sealnote_model::{FileDigest, MODEL_FILES, ModelDigest};
use serde::Serialize;
use sha2::{Digest, Sha384};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::facts::{line, print};
use crate::files::{malformed, shown, unreadable};
use crate::json;
use crate::model_key;

#[derive(Args)]
pub(crate) struct Inspect {
    /// The encrypted model's folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The model's key: decrypts everything, writes nothing, and checks that it is the model that the headers name.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Report {
    ok: bool,
    /// Whether everything was decrypted; else the rest is a claim of whoever wrote the files.
    verified: bool,
    /// Of the plain model.
    digest: String,
    pcr16: String,
    key_id: String,
    /// Its length in bytes.
    wrapped_key: Option<usize>,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    name: &'static str,
    plain_bytes: u64,
    encrypted_bytes: u64,
    chunk_bytes: u32,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let report = json::told(self.json, self.inspect())?;
        match self.json {
            true => json::print(&report),
            false => print(&report.lines()),
        }
    }

    fn inspect(&self) -> Result<Report, Failure> {
        // The key first: it is read in a moment, and the model may be large.
        let key = self.key.as_deref().map(model_key::read).transpose()?;
        let first = EncryptedFile::open(&self.folder, MODEL_FILES[0])?;
        let due = first.header.clone();
        let mut files = vec![first];
        for name in &MODEL_FILES[1..] {
            files.push(EncryptedFile::open(&self.folder, name)?);
        }
        for file in &files {
            file.check(&due)?;
        }
        let identity = due.identity();
        let mut report = Report {
            ok: true,
            verified: false,
            digest: identity.model.to_string(),
            pcr16: hex::encode(identity.model.register()),
            key_id: identity.key_id.to_string(),
            wrapped_key: due.wrapped_key().map(|key| key.as_bytes().len()),
            files: files.iter().map(EncryptedFile::report).collect(),
        };
        if let Some(key) = key {
            self.verify(files, &key, identity.model)?;
            report.verified = true;
        }
        Ok(report)
    }

    /// Decrypts everything.
    fn verify(
        &self,
        files: Vec<EncryptedFile>,
        key: &ModelKey,
        said: ModelDigest,
    ) -> Result<(), Failure> {
        let mut digests = Vec::new();
        for file in files {
            digests.push(file.digest(key)?);
        }
        let Ok(digests) = digests.try_into() else {
            unreachable!("one for each file");
        };
        let model = ModelDigest::of_digests(digests);
        match model == said {
            true => Ok(()),
            false => Err(Exit::Usage.because(format!(
                "{}: the headers name the model {said}, and what is encrypted is {model}: encrypt it again",
                shown(&self.folder)
            ))),
        }
    }
}

impl Report {
    fn lines(&self) -> Vec<String> {
        let wrapped = match self.wrapped_key {
            Some(len) => format!("{len} bytes"),
            None => "none".into(),
        };
        let verified = match self.verified {
            true => "everything: the files decrypt, and are the model with that digest",
            false => "nothing: without --key, this is what whoever wrote the files says",
        };
        let mut lines = vec![
            line("digest", &self.digest),
            line("pcr16", &self.pcr16),
            line("key id", &self.key_id),
            line("wrapped key", wrapped),
        ];
        lines.extend(self.files.iter().map(|file| {
            format!(
                "{}: {} bytes, encrypted {}, in chunks of {}",
                file.name, file.plain_bytes, file.encrypted_bytes, file.chunk_bytes
            )
        }));
        lines.push(line("verified", verified));
        lines
    }
}

/// A file, read up to where its header ends.
struct EncryptedFile {
    path: PathBuf,
    name: &'static str,
    reader: BufReader<File>,
    len: u64,
    header: Header,
}

impl EncryptedFile {
    fn open(folder: &Path, name: &'static str) -> Result<Self, Failure> {
        let path = folder.join(encrypted_name(name));
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (len, file) = opened.map_err(|error| unreadable(&path, &error))?;
        let mut reader = BufReader::new(file);
        let header = Header::read(&mut reader).map_err(|error| malformed(&path, &error))?;
        Ok(Self {
            path,
            name,
            reader,
            len,
            header,
        })
    }

    /// Whether it is whole, and belongs to the others, of which one has the header `due`.
    fn check(&self, due: &Header) -> Result<(), Failure> {
        let wrong = |error: DecryptError| malformed(&self.path, &error);
        self.expected(due)
            .check(self.header.identity())
            .map_err(wrong)?;
        if self.header.wrapped_key() != due.wrapped_key() {
            let error = "its wrapped key is another one than that of config.json.sealnote: encrypt the model again, as a \
                         whole";
            return Err(malformed(&self.path, &error));
        }
        match self.len.cmp(&self.header.encrypted_len()) {
            core::cmp::Ordering::Less => Err(wrong(DecryptError::Truncated)),
            core::cmp::Ordering::Greater => Err(wrong(DecryptError::TrailingBytes)),
            core::cmp::Ordering::Equal => Ok(()),
        }
    }

    fn expected(&self, due: &Header) -> FileIdentity {
        FileIdentity {
            file: self.name,
            ..due.identity().clone()
        }
    }

    fn report(&self) -> FileReport {
        FileReport {
            name: self.name,
            plain_bytes: self.header.plain_len(),
            encrypted_bytes: self.len,
            chunk_bytes: self.header.chunk_len().get(),
        }
    }

    /// Of what is encrypted.
    fn digest(self, key: &ModelKey) -> Result<FileDigest, Failure> {
        let (path, len) = (self.path, self.header.plain_len());
        let identity = self.header.identity().clone();
        let mut plain = Decrypting::after_header(self.header, self.reader, key, &identity)
            .map_err(|error| malformed(&path, &error))?;
        let mut hasher = Sha384::new();
        let mut block = Zeroizing::new(vec![0; 64 * 1024]);
        loop {
            match plain.read(&mut block) {
                Ok(0) => break,
                Ok(read) => hasher.update(&block[..read]),
                Err(error) => return Err(malformed(&path, &error)),
            }
        }
        let sha384 = hasher.finalize().into();
        Ok(FileDigest { len, sha384 })
    }
}
