//! A model's folder, and the files in it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::ModelStoreError;

/// # Errors
/// Unless a folder is there.
pub(super) fn check(dir: &Path) -> Result<(), ModelStoreError> {
    match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(ModelStoreError::NotAFolder { path: dir.into() }),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => {
            Err(ModelStoreError::NoFolder { path: dir.into() })
        }
        Err(reason) => Err(unreadable(dir, reason)),
    }
}

/// What is in the folder beside `known`.
pub(super) fn extra(dir: &Path, known: &[String]) -> Result<Option<PathBuf>, ModelStoreError> {
    for entry in fs::read_dir(dir).map_err(|reason| unreadable(dir, reason))? {
        let entry = entry.map_err(|reason| unreadable(dir, reason))?;
        let name = entry.file_name();
        if !known.iter().any(|known| name == known.as_str()) {
            return Ok(Some(dir.join(name)));
        }
    }
    Ok(None)
}

/// A file that was found to be there, regular and not empty.
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) len: u64,
}

/// `None` if there is none.
pub(super) fn open(path: PathBuf) -> Result<Option<OpenFile>, ModelStoreError> {
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(ModelStoreError::Unreadable { path, reason }),
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
        Err(reason) => Err(ModelStoreError::Unreadable { path, reason }),
        Ok((_, 0)) => Err(ModelStoreError::EmptyFile { path }),
        Ok((file, len)) => Ok(Some(OpenFile { path, file, len })),
    }
}

fn unreadable(path: &Path, reason: io::Error) -> ModelStoreError {
    let path = path.into();
    ModelStoreError::Unreadable { path, reason }
}
