//! Where results go: a stream, or a file that appears when it is complete.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Takes results. Dropped without [`Output::complete`], it leaves nothing behind.
pub(super) struct Output {
    out: BufWriter<Box<dyn Write>>,
    /// The file that is being written, and the one whose place it takes.
    files: Option<(PathBuf, PathBuf)>,
}

impl Output {
    pub(super) fn stream(out: impl Write + 'static) -> Self {
        Self {
            out: BufWriter::new(Box::new(out)),
            files: None,
        }
    }

    /// Results tell of patients: the file is for nobody but its owner.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        let special = path.metadata().is_ok_and(|target| !target.is_file());
        if special {
            // A pipe or a device: there is nothing to replace.
            return Ok(Self::stream(File::options().write(true).open(path)?));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        Ok(Self {
            out: BufWriter::new(Box::new(file)),
            files: Some((partial, path.to_owned())),
        })
    }

    /// Everything was written: the file takes its place.
    pub(super) fn complete(mut self) -> io::Result<()> {
        self.out.flush()?;
        match self.files.take() {
            Some((partial, path)) => std::fs::rename(partial, path),
            None => Ok(()),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.files {
            let _ = std::fs::remove_file(partial);
        }
    }
}
