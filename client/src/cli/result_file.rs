//! Where results go: a stream, or a file that appears when it is complete.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Takes results. Until [`Output::complete`] they are in a file beside the one that is asked for, and
/// stay there if it is never called: neither earlier results nor these are lost to a run that failed.
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
        // What a link leads to is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        // Never an existing one: it may hold the results of a run that was cut short.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => io::Error::other(format!(
                    "{} is there, perhaps with results of an earlier run; move it away first",
                    partial.display()
                )),
                _ => error,
            })?;
        Ok(Self {
            out: BufWriter::new(Box::new(file)),
            files: Some((partial, path)),
        })
    }

    /// Where the results are until they are complete.
    pub(super) fn partial(&self) -> Option<&Path> {
        self.files.as_ref().map(|(partial, _)| partial.as_path())
    }

    /// Everything was written: the file takes its place.
    pub(super) fn complete(mut self) -> io::Result<()> {
        self.out.flush()?;
        match &self.files {
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
        let _ = self.out.flush();
        if let Some((partial, _)) = &self.files
            && partial.metadata().is_ok_and(|file| file.len() == 0)
        {
            let _ = std::fs::remove_file(partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_cut_short_loses_neither_its_results_nor_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        let partial = folder.path().join("results.partial");
        std::fs::write(&path, "earlier").unwrap();

        let nothing_written = Output::file(&path).unwrap();
        drop(nothing_written);
        assert!(!partial.exists());

        let mut cut = Output::file(&path).unwrap();
        cut.write_all(b"some").unwrap();
        drop(cut);
        assert_eq!(std::fs::read(&path).unwrap(), b"earlier");
        assert_eq!(std::fs::read(&partial).unwrap(), b"some");
        let error = Output::file(&path).err().unwrap().to_string();
        assert!(error.contains("results.partial is there"), "{error}");

        std::fs::remove_file(&partial).unwrap();
        let mut whole = Output::file(&path).unwrap();
        whole.write_all(b"all").unwrap();
        whole.complete().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"all");
        assert!(!partial.exists());
    }
}
