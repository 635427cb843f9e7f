//! Where results go: a stream, or a file that appears when it is complete.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes of lines that are kept for one write.
const BUFFER: usize = 8 * 1024;

/// Takes results, a whole line at a time. Until [`Output::complete`] they are in a file beside the one that
/// is asked for, and stay there if it is never called: neither earlier results nor these are lost to a run
/// that failed, and the last line there is a whole one.
pub(crate) struct Output {
    sink: Sink,
    unwritten: Vec<u8>,
}

enum Sink {
    /// A pipe, a terminal or a device: what it took cannot be taken back.
    Stream(Box<dyn Write>),
    File(Partial),
}

/// The file that is being written, and the one whose place it takes.
struct Partial {
    file: File,
    /// Bytes in it, all of whole lines.
    whole: u64,
    path: PathBuf,
    target: PathBuf,
}

impl Output {
    pub(crate) fn stream(out: impl Write + 'static) -> Self {
        Self::new(Sink::Stream(Box::new(out)))
    }

    fn new(sink: Sink) -> Self {
        Self {
            sink,
            unwritten: Vec::new(),
        }
    }

    /// Results tell of patients: the file is for nobody but its owner.
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        let special = path.metadata().is_ok_and(|target| !target.is_file());
        if special {
            // A pipe or a device: there is nothing to replace.
            return Ok(Self::stream(File::options().write(true).open(path)?));
        }
        // What a link leads to is replaced, not the link.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut partial = target.as_os_str().to_owned();
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
        Ok(Self::new(Sink::File(Partial {
            file,
            whole: 0,
            path: partial,
            target,
        })))
    }

    /// Where the results are until they are complete.
    pub(crate) fn partial(&self) -> Option<&Path> {
        match &self.sink {
            Sink::File(partial) => Some(&partial.path),
            Sink::Stream(_) => None,
        }
    }

    /// Everything was written: the file takes its place.
    pub(crate) fn complete(mut self) -> io::Result<()> {
        self.flush()?;
        match &self.sink {
            Sink::File(partial) => std::fs::rename(&partial.path, &partial.target),
            Sink::Stream(_) => Ok(()),
        }
    }
}

impl Write for Output {
    /// Takes a line, or several.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.unwritten.extend_from_slice(lines);
        if self.unwritten.len() >= BUFFER {
            self.flush()?;
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let lines = core::mem::take(&mut self.unwritten);
        match &mut self.sink {
            Sink::Stream(out) => {
                out.write_all(&lines)?;
                out.flush()
            }
            Sink::File(partial) => partial.write_lines(&lines),
        }
    }
}

impl Partial {
    /// Where not all of it is taken, as on a full disk, what is left of a line is taken back.
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(lines);
        let taken = match written {
            Ok(()) => lines.len(),
            Err(_) => (self.file.stream_position()? - self.whole) as usize,
        };
        let last_end = lines[..taken].iter().rposition(|byte| *byte == b'\n');
        self.whole += last_end.map_or(0, |at| at as u64 + 1);
        if written.is_err() {
            self.file.set_len(self.whole)?;
        }
        written
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let _ = self.flush();
        if let Sink::File(partial) = &self.sink
            && partial.path.metadata().is_ok_and(|file| file.len() == 0)
        {
            let _ = std::fs::remove_file(&partial.path);
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
        cut.write_all(b"some\n").unwrap();
        drop(cut);
        assert_eq!(std::fs::read(&path).unwrap(), b"earlier");
        assert_eq!(std::fs::read(&partial).unwrap(), b"some\n");
        let error = Output::file(&path).err().unwrap().to_string();
        assert!(error.contains("results.partial is there"), "{error}");

        std::fs::remove_file(&partial).unwrap();
        let mut whole = Output::file(&path).unwrap();
        whole.write_all(b"all\n").unwrap();
        whole.complete().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"all\n");
        assert!(!partial.exists());
    }
}
