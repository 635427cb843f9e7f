//! Hands endorsements over to the enclave: what the machine's vendor signed about it, a file for each kind of evidence in
//! a folder that the operator fills. To the parent they are bytes.
//!
//! Every file goes over again each minute, whether or not it has changed: an enclave that has restarted has lost them,
//! and the parent cannot tell. PROTOCOL.md, "Hand-over of endorsements".

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use sealnote_transport::{Endpoint, TransportError, connect_within};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tracing::info;

/// Where endorsements are, and where they go.
#[derive(Clone, Debug)]
pub struct Endorsements {
    /// A folder of files `sev-snp`, `tdx`, `azure-vtpm` and `token`, whose bytes go over as they are.
    pub folder: PathBuf,
    /// Where the enclave takes them (`sealnote-enclave --endorsements-listen`).
    pub enclave: Endpoint,
    /// How often each goes over. After a failure it is tried again in a twentieth of that: clients wait while a booting
    /// enclave has none.
    pub period: Duration,
}

impl Endorsements {
    /// Once a minute.
    pub fn new(folder: PathBuf, enclave: Endpoint) -> Self {
        Endorsements {
            folder,
            enclave,
            period: Duration::from_secs(60),
        }
    }
}

/// Names of the kinds of evidence that have endorsements.
pub const ENDORSED_KINDS: [&str; 4] = ["sev-snp", "tdx", "azure-vtpm", "token"];

/// The greatest length of endorsements, in bytes.
pub const MAX_ENDORSEMENTS: usize = 64 * 1024;

/// How long one hand-over may take; one that came before it may take as long in the enclave.
const LIMIT: Duration = Duration::from_secs(10);

/// Hands them over for ever. Nothing that fails ends it: clients of other kinds are served all the same.
pub(crate) async fn hand_over_all(endorsements: &Endorsements) -> std::convert::Infallible {
    let mut said = Said::default();
    loop {
        let complete = round(endorsements, &mut said).await;
        let period = endorsements.period;
        sleep(if complete { period } else { period / 20 }).await;
    }
}

/// One round over the folder; whether every file has reached the enclave.
async fn round(endorsements: &Endorsements, said: &mut Said) -> bool {
    let folder = endorsements.folder.clone();
    let found = spawn_blocking(move || read_folder(&folder)).await;
    let found = found.unwrap_or(Err(FolderError::Task));
    let mut lines = HashMap::new();
    let mut complete = true;
    match found {
        Err(error) => {
            let folder = endorsements.folder.display();
            lines.insert(
                String::new(),
                format!("no endorsements from {folder}: {error}"),
            );
            complete = false;
        }
        Ok(found) => {
            for name in found.others {
                let line = format!(
                    "{name:?} in the folder of endorsements is none of {ENDORSED_KINDS:?}; it is left alone"
                );
                lines.insert(name, line);
            }
            for (name, bytes) in found.files {
                let outcome = match bytes {
                    Ok(bytes) => hand_over(&endorsements.enclave, name, &bytes).await,
                    Err(error) => Err(error.into()),
                };
                let line = match outcome {
                    Ok(()) => format!("endorsements handed over kind={name}"),
                    Err(error) => {
                        complete &= matches!(error, HandOverError::OtherKind);
                        format!("endorsements not handed over kind={name}: {error}")
                    }
                };
                lines.insert(name.to_owned(), line);
            }
        }
    }
    said.now(lines);
    complete
}

/// What was said last of each file, so that only what is new becomes a line.
#[derive(Default)]
struct Said(HashMap<String, String>);

impl Said {
    fn now(&mut self, lines: HashMap<String, String>) {
        for (name, line) in &lines {
            if self.0.get(name) != Some(line) {
                info!("{line}");
            }
        }
        self.0 = lines;
    }
}

/// What a folder has.
struct Found {
    files: Vec<(&'static str, Result<Vec<u8>, FileError>)>,
    others: Vec<String>,
}

fn read_folder(folder: &Path) -> Result<Found, FolderError> {
    let mut found = Found {
        files: Vec::new(),
        others: Vec::new(),
    };
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name();
        match ENDORSED_KINDS
            .into_iter()
            .find(|kind| OsStr::new(kind) == file)
        {
            Some(kind) => found.files.push((kind, read_file(&folder.join(kind)))),
            None => found.others.push(file.to_string_lossy().into_owned()),
        }
    }
    match found.files.is_empty() {
        true => Err(FolderError::Empty),
        false => Ok(found),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    // A pipe would never end.
    if !fs::metadata(path)?.is_file() {
        return Err(FileError::NoFile);
    }
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(MAX_ENDORSEMENTS as u64 + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() {
        0 => Err(FileError::Empty),
        1..=MAX_ENDORSEMENTS => Ok(bytes),
        _ => Err(FileError::TooLong),
    }
}

/// `u8 length ‖ name ‖ u32 length ‖ bytes`, answered by a byte: 1 taken, 0 not of the enclave's kind.
async fn hand_over(enclave: &Endpoint, name: &str, bytes: &[u8]) -> Result<(), HandOverError> {
    let mut message = vec![name.len() as u8];
    message.extend_from_slice(name.as_bytes());
    message.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    message.extend_from_slice(bytes);
    let exchange = async {
        let mut stream = connect_within(enclave, LIMIT).await?;
        stream.write_all(&message).await?;
        stream.flush().await?;
        match stream.read_u8().await? {
            1 => Ok(()),
            _ => Err(HandOverError::OtherKind),
        }
    };
    timeout(LIMIT, exchange)
        .await
        .unwrap_or(Err(HandOverError::Slow))
}

/// Why a folder gives nothing.
#[derive(Debug, Error)]
enum FolderError {
    #[error("the folder cannot be read ({0}); make it, and let the parent read it")]
    Read(#[from] io::Error),
    #[error("it has no file named {}", ENDORSED_KINDS.join(", or "))]
    Empty,
    #[error("the parent's own task failed")]
    Task,
}

/// Why a file gives nothing.
#[derive(Debug, Error)]
enum FileError {
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it is not a file")]
    NoFile,
    #[error("the file is empty; write it under another name, and rename it when it is whole")]
    Empty,
    #[error("the file has more than {MAX_ENDORSEMENTS} bytes")]
    TooLong,
}

/// Why an enclave has not taken endorsements.
#[derive(Debug, Error)]
enum HandOverError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the enclave is not reached: {0}")]
    Connect(#[from] TransportError),
    #[error("the enclave ended the hand-over ({0}); is the address its --endorsements-listen?")]
    Cut(#[from] io::Error),
    #[error("the enclave did not take them within {} s", LIMIT.as_secs())]
    Slow,
    #[error("the enclave's evidence is of another kind, and needs none of these")]
    OtherKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_by_the_names_of_kinds() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, len| fs::write(dir.path().join(name), vec![5; len]).unwrap();
        let absent = read_folder(&dir.path().join("none")).err().unwrap();
        assert!(matches!(absent, FolderError::Read(_)), "{absent}");
        write("sev-snp.tmp", 5);
        let empty = read_folder(dir.path()).err().unwrap();
        assert!(matches!(empty, FolderError::Empty), "{empty}");

        write("sev-snp", MAX_ENDORSEMENTS);
        write("tdx", MAX_ENDORSEMENTS + 1);
        write("azure-vtpm", 0);
        fs::create_dir(dir.path().join("token")).unwrap();
        let found = read_folder(dir.path()).unwrap();
        assert_eq!(found.others, ["sev-snp.tmp"]);
        assert_eq!(found.files.len(), 4);
        for (name, bytes) in found.files {
            let as_due = match name {
                "sev-snp" => bytes.as_ref().is_ok_and(|b| b.len() == MAX_ENDORSEMENTS),
                "tdx" => matches!(bytes, Err(FileError::TooLong)),
                "azure-vtpm" => matches!(bytes, Err(FileError::Empty)),
                _ => matches!(bytes, Err(FileError::NoFile)),
            };
            assert!(as_due, "{name}: {:?}", bytes.map(|b| b.len()));
        }
    }
}
