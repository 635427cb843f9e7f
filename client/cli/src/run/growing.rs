//! Where rows go: a stream, or a file that appears when it is complete.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes of rows that are kept for one write.
const BUFFER: usize = 64 * 1024;

/// Rows that are appended. Until it is completed a file is `NAME.partial`, so that neither earlier results nor those
/// of a run that was cut short are lost.
pub(super) struct Growing {
    sink: Sink,
    unwritten: Vec<u8>,
    /// Bytes that were written.
    written: u64,
    /// Rows were lost by a write that failed: nothing may be written after them.
    broken: bool,
}

enum Sink {
    /// A pipe, a terminal or a device: what it took cannot be taken back.
    Stream(Box<dyn Write + Send>),
    File(File),
}

impl Growing {
    pub(super) fn stream(out: impl Write + Send + 'static) -> Self {
        Self::new(Sink::Stream(Box::new(out)), 0)
    }

    fn new(sink: Sink, written: u64) -> Self {
        Self {
            sink,
            unwritten: Vec::new(),
            written,
            broken: false,
        }
    }

    /// A new file. Results tell of patients: it is for nobody but its owner.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        lock(&file)?;
        Ok(Self::new(Sink::File(file), 0))
    }

    /// A file whose first `bytes` are rows of this run; what follows them is cut off.
    pub(super) fn resume(path: &Path, bytes: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        lock(&file)?;
        if file.metadata()?.len() < bytes {
            return Err(io::Error::other("it is shorter than it was"));
        }
        file.set_len(bytes)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        Ok(Self::new(Sink::File(file), bytes))
    }

    /// Where whole rows are appended. They are written by the next flush at the latest.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.unwritten
    }

    pub(super) fn flush_if_full(&mut self) -> io::Result<()> {
        match self.unwritten.len() >= BUFFER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes what is kept. Where a file does not take all of it, as on a full disk, it keeps none of it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write failed"));
        }
        if self.unwritten.is_empty() {
            return Ok(());
        }
        // Until all of it is there.
        self.broken = true;
        let rows = core::mem::take(&mut self.unwritten);
        match &mut self.sink {
            Sink::Stream(out) => {
                out.write_all(&rows)?;
                out.flush()?;
            }
            Sink::File(file) => {
                if let Err(error) = file.write_all(&rows) {
                    let _ = file.set_len(self.written);
                    return Err(error);
                }
            }
        }
        self.broken = false;
        self.written += rows.len() as u64;
        // The same memory again, unless a row was huge.
        self.unwritten = rows;
        self.unwritten.clear();
        self.unwritten.shrink_to(2 * BUFFER);
        Ok(())
    }

    /// Writes what is kept, and waits until the disk has it: the bytes that are there.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        self.flush()?;
        if let Sink::File(file) = &self.sink {
            self.broken = true;
            file.sync_data()?;
            self.broken = false;
        }
        Ok(self.written)
    }
}

/// Whether no run is writing it. One that is not there is free.
pub(super) fn is_free(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => lock(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// For as long as it is open: two runs that are resumed at once would write over each other.
fn lock(file: &File) -> io::Result<()> {
    file.try_lock()
        .map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another run is writing it"),
            TryLockError::Error(error) => error,
        })
        // A file system without locks has none to give.
        .or_else(|error| match error.kind() {
            io::ErrorKind::Unsupported => Ok(()),
            _ => Err(error),
        })
}

/// `NAME.SUFFIX`, beside it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_last_checkpoint_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut rows = Growing::create(&path).unwrap();
        rows.buffer().extend_from_slice(b"one\n");
        assert_eq!(rows.sync().unwrap(), 4);
        rows.buffer().extend_from_slice(b"two\n");
        rows.flush().unwrap();
        rows.buffer().extend_from_slice(b"never written");
        drop(rows);
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        assert!(Growing::create(&path).is_err(), "it is there");
        let mut rows = Growing::resume(&path, 4).unwrap();
        assert!(Growing::resume(&path, 4).is_err(), "another run has it");
        rows.buffer().extend_from_slice(b"TWO\n");
        assert_eq!(rows.sync().unwrap(), 8);
        assert_eq!(std::fs::read(&path).unwrap(), b"one\nTWO\n");
        assert!(Growing::resume(&path, 9).is_err(), "it lost rows");
    }

    #[test]
    fn after_a_write_that_failed_there_is_no_checkpoint() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut rows = Growing::new(Sink::File(full), 0);
        rows.buffer().extend_from_slice(b"lost\n");
        assert!(rows.flush().is_err());
        assert!(rows.flush().is_err() && rows.sync().is_err());
    }
}
