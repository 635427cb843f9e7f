//! The highest serial that was accepted of each signer, so that an older policy cannot come back. Kept on disk, a file a
//! signer, for its owner alone.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ssh_key::Fingerprint;

use crate::files::replace;

/// Longer than any that is written.
const MAX_LEN: u64 = 4096;

/// A signed policy, as far as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    /// `SHA256:` and the key's fingerprint, as ssh-keygen prints it.
    signer: String,
    serial: u64,
    /// SHA-256 of the policy's bytes, in hex.
    sha256: String,
}

/// A policy that is not accepted, or a memory that does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SerialError {
    /// A policy of before.
    #[error(
        "the policy has serial {serial}, and one with serial {remembered} of the same signer was accepted before: an \
         old policy has come back"
    )]
    Older {
        /// Its serial.
        serial: u64,
        /// The highest that was accepted.
        remembered: u64,
    },
    /// Two policies of one serial.
    #[error(
        "another policy with serial {serial} of the same signer was accepted before; whoever changes a policy must \
         raise its serial before signing"
    )]
    Other {
        /// Their serial.
        serial: u64,
    },
    /// A file that nobody here wrote.
    #[error(
        "{} is not as it was written, so which policy was accepted last is not known. Find out why; if you then delete \
         it, the next signed policy is accepted whatever its serial", .0.display()
    )]
    Corrupt(PathBuf),
    /// No folder for it.
    #[error(
        "there is no folder to remember a policy's serial in: set HOME, or XDG_STATE_HOME to an absolute path"
    )]
    NoFolder,
    /// A folder that cannot be used.
    #[error("the serial cannot be remembered in {}: {error}", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
}

/// The memory.
pub(crate) struct Serials {
    folder: PathBuf,
}

impl Seen {
    pub(crate) fn new(signer: Fingerprint, serial: u64, policy: &[u8]) -> Self {
        Self {
            signer: signer.to_string(),
            serial,
            sha256: hex::encode(Sha256::digest(policy)),
        }
    }

    /// Whether it may follow what was accepted last.
    fn may_follow(&self, last: &Self) -> Result<(), SerialError> {
        let (serial, remembered) = (self.serial, last.serial);
        match serial.cmp(&remembered) {
            core::cmp::Ordering::Less => Err(SerialError::Older { serial, remembered }),
            core::cmp::Ordering::Equal if self.sha256 != last.sha256 => {
                Err(SerialError::Other { serial })
            }
            _ => Ok(()),
        }
    }

    /// The signer's fingerprint has characters that a file name cannot have.
    fn file_name(&self) -> String {
        hex::encode(Sha256::digest(&self.signer)) + ".json"
    }
}

impl Serials {
    /// In the user's folder for state, as the XDG base directory specification has it.
    pub(crate) fn of_user() -> Result<Self, SerialError> {
        let absolute = |name: &str| {
            let folder = std::env::var_os(name).map(PathBuf::from);
            folder.filter(|folder| folder.is_absolute())
        };
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let folder = state
            .ok_or(SerialError::NoFolder)?
            .join("sealnote/policies");
        Ok(Self { folder })
    }

    /// Whether a policy would be accepted. Nothing is remembered.
    pub(crate) fn check(&self, seen: &Seen) -> Result<(), SerialError> {
        match self.last(seen)? {
            Some(last) => seen.may_follow(&last),
            None => Ok(()),
        }
    }

    /// Accepts a policy, and remembers it. Other processes wait meanwhile, so that of two policies at a time the newer is
    /// remembered.
    pub(crate) fn accept(&self, seen: &Seen) -> Result<(), SerialError> {
        let failure = |error| SerialError::Io {
            folder: self.folder.clone(),
            error,
        };
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700);
        folder.create(&self.folder).map_err(failure)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.folder.join("lock"))
            .map_err(failure)?;
        lock.lock().map_err(failure)?;
        let last = self.last(seen)?;
        if let Some(last) = &last {
            seen.may_follow(last)?;
        }
        if last.as_ref() == Some(seen) {
            return Ok(());
        }
        let json = match serde_json::to_string_pretty(seen) {
            Ok(json) => json + "\n",
            Err(error) => unreachable!("texts and a number: {error}"),
        };
        replace(&self.path(seen), json.as_bytes(), 0o600).map_err(failure)
    }

    /// What was accepted last of the same signer.
    fn last(&self, seen: &Seen) -> Result<Option<Seen>, SerialError> {
        let path = self.path(seen);
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(SerialError::Io {
                    folder: self.folder.clone(),
                    error,
                });
            }
        };
        match serde_json::from_slice::<Seen>(&bytes) {
            Ok(last) if last.signer == seen.signer => Ok(Some(last)),
            _ => Err(SerialError::Corrupt(path)),
        }
    }

    fn path(&self, seen: &Seen) -> PathBuf {
        self.folder.join(seen.file_name())
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_LEN).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use ssh_key::PublicKey;

    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn seen(serial: u64, policy: &[u8]) -> Seen {
        let key = PublicKey::from_openssh(KEY).unwrap();
        Seen::new(key.fingerprint(ssh_key::HashAlg::Sha256), serial, policy)
    }

    #[test]
    fn a_serial_goes_up_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let serials = Serials {
            folder: folder.path().join("sealnote/policies"),
        };
        serials.check(&seen(3, b"a")).unwrap();
        serials.accept(&seen(3, b"a")).unwrap();
        serials.accept(&seen(3, b"a")).unwrap();
        assert!(matches!(
            serials.accept(&seen(3, b"b")),
            Err(SerialError::Other { serial: 3 })
        ));
        assert!(matches!(
            serials.accept(&seen(2, b"a")),
            Err(SerialError::Older {
                serial: 2,
                remembered: 3
            })
        ));
        // A check remembers nothing.
        serials.check(&seen(9, b"c")).unwrap();
        serials.accept(&seen(4, b"b")).unwrap();
        assert!(serials.check(&seen(3, b"a")).is_err());
        // Another signer counts by himself.
        let other = Seen {
            signer: "SHA256:other".into(),
            ..seen(1, b"a")
        };
        serials.accept(&other).unwrap();
    }

    #[test]
    fn of_many_at_a_time_the_highest_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_owned();
        let accept = |serial: u64| {
            let serials = Serials {
                folder: folder.clone(),
            };
            move || serials.accept(&seen(serial, &serial.to_be_bytes())).is_ok()
        };
        let threads: Vec<_> = (1..=24)
            .rev()
            .map(|serial| std::thread::spawn(accept(serial)))
            .collect();
        let accepted = threads.into_iter().map(|thread| thread.join().unwrap());
        assert!(accepted.into_iter().any(|accepted| accepted));
        let serials = Serials { folder };
        let last = serials.last(&seen(0, b"")).unwrap().unwrap();
        assert_eq!(last, seen(24, &24_u64.to_be_bytes()));
    }
}
