//! Where the models' keys are, and the key that signs. A model's key is read when it is released, and erased after.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sealnote_access::PrivateKey;
use sealnote_encrypted_model::{KeyId, ModelKey};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::files::shown;
use crate::model_key;

/// The greatest length of a file with a key in it.
const MAX_LEN: usize = 4096;

/// What others than the owner may do with a key's file: its group may read it (as with systemd's credentials), and that
/// is all.
const FORBIDDEN: u32 = 0o027;

/// The models' keys.
#[derive(Debug)]
pub(crate) enum Keys {
    /// One.
    One { id: KeyId, file: PathBuf },
    /// The key ID is in `DIR/ID.key`.
    Folder(PathBuf),
}

/// Why there is no key to release.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("the enclave asks for another key than --key-id names")]
    NotThis,
    #[error("{file} is not there: it would be the key that the enclave asks for")]
    Absent { file: String },
    #[error("{file} cannot be read: {error}")]
    Unreadable { file: String, error: std::io::Error },
    #[error(
        "{file} has the mode {mode:04o}, so that others can read it or its group can write it: `chmod 600` it, and if \
         anybody else was on this machine, put another in its place: a model's key with the model encrypted anew, a signing key \
         with the image that names it built again"
    )]
    Open { file: String, mode: u32 },
    #[error("{file} is not {due}")]
    Malformed { file: String, due: &'static str },
}

impl Keys {
    /// Says at the start what would be found out at the first release.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self {
            Self::One { id, .. } => self.read(id).map(|_| ()).map_err(usage),
            Self::Folder(folder) if !folder.is_dir() => {
                Err(Exit::Usage.because(format!("{} is no folder", shown(folder))))
            }
            Self::Folder(_) => Ok(()),
        }
    }

    /// The key with this id.
    pub(crate) fn read(&self, id: &KeyId) -> Result<ModelKey, KeysError> {
        let path = match self {
            Self::One { id: own, file } if own == id => file.clone(),
            Self::One { .. } => return Err(KeysError::NotThis),
            // No name of a key id is empty or begins with a dot, so this is below the folder.
            Self::Folder(folder) => folder.join(format!("{id}.key")),
        };
        let bytes = secret(&path)?;
        model_key::parse(&bytes).ok_or_else(|| KeysError::Malformed {
            file: shown(&path).to_string(),
            due: model_key::FORM,
        })
    }
}

/// The key that signs what is released: PKCS#8 PEM.
pub(crate) fn signing_key(path: &Path) -> Result<PrivateKey, Failure> {
    let malformed = || KeysError::Malformed {
        file: shown(path).to_string(),
        due: "an Ed25519 key in PKCS#8 PEM: `sealnote key new` makes one",
    };
    let bytes = secret(path).map_err(usage)?;
    let pem = std::str::from_utf8(&bytes).map_err(|_| usage(malformed()))?;
    PrivateKey::from_pem(pem).map_err(|_| usage(malformed()))
}

fn usage(error: KeysError) -> Failure {
    Exit::Usage.because(error.to_string())
}

/// Reads a file that nobody else may read: without growing, which would leave copies in memory.
fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    let file = || shown(path).to_string();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => KeysError::Absent { file: file() },
        _ => KeysError::Unreadable {
            file: file(),
            error,
        },
    };
    let mut opened = File::open(path).map_err(unreadable)?;
    let mode = opened.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & FORBIDDEN != 0 {
        return Err(KeysError::Open { file: file(), mode });
    }
    let mut bytes = Zeroizing::new(vec![0; MAX_LEN + 1]);
    let mut len = 0;
    loop {
        match opened.read(&mut bytes[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    fn hex(byte: u8) -> String {
        hex::encode([byte; 32]) + "\n"
    }

    #[test]
    fn a_key_is_found_by_its_id() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "ward/icd10.key", hex(7).as_bytes(), 0o600);
        let keys = Keys::Folder(folder.path().to_owned());
        let key = keys.read(&"ward/icd10".parse().unwrap()).unwrap();
        assert_eq!(key.as_bytes(), &[7; 32]);
        let absent = keys.read(&"ward/icd".parse().unwrap());
        assert!(matches!(absent, Err(KeysError::Absent { .. })));
        // What was put there is found without a restart.
        write(folder.path(), "ward/icd.key", hex(8).as_bytes(), 0o400);
        let key = keys.read(&"ward/icd".parse().unwrap()).unwrap();
        assert_eq!(key.as_bytes(), &[8; 32]);

        let one = Keys::One {
            id: "a".parse().unwrap(),
            file: folder.path().join("ward/icd10.key"),
        };
        assert!(one.read(&"a".parse().unwrap()).is_ok());
        let other = one.read(&"b".parse().unwrap());
        assert!(matches!(other, Err(KeysError::NotThis)));
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::Folder(folder.path().to_owned());
        for mode in [0o644, 0o604, 0o602, 0o601, 0o620, 0o660, 0o777] {
            write(folder.path(), "a.key", hex(7).as_bytes(), mode);
            let error = keys.read(&"a".parse().unwrap());
            assert!(matches!(error, Err(KeysError::Open { .. })), "{mode:o}");
        }
        for mode in [0o600, 0o400, 0o440] {
            write(folder.path(), "a.key", hex(7).as_bytes(), mode);
            assert!(keys.read(&"a".parse().unwrap()).is_ok(), "{mode:o}");
            std::fs::remove_file(folder.path().join("a.key")).unwrap();
        }
    }

    #[test]
    fn what_is_no_key_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::Folder(folder.path().to_owned());
        for text in [
            "",
            "CANARY-31-bytes-of-a-secret-key",
            &"CANARY".repeat(2000),
        ] {
            let path = write(folder.path(), "a.key", text.as_bytes(), 0o600);
            let error = keys.read(&"a".parse().unwrap()).unwrap_err();
            assert!(matches!(error, KeysError::Malformed { .. }));
            assert!(!error.to_string().contains("CANARY"));
            let error = signing_key(&path).unwrap_err();
            assert!(!error.message().contains("CANARY"));
        }
    }
}
