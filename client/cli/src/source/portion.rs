//! How much of an input has been read.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the bytes of a file as they are read, compressed or not. A clone counts the same; it is looked at from
/// another thread than that which reads.
#[derive(Clone, Default)]
pub struct Portion {
    read: Arc<AtomicU64>,
    /// 0 where the size is not known, as of a pipe.
    whole: Arc<AtomicU64>,
}

impl Portion {
    /// From 0 to 1; `None` where the size is not known.
    pub fn get(&self) -> Option<f64> {
        let whole = self.whole.load(Ordering::Relaxed);
        (whole > 0).then(|| self.read.load(Ordering::Relaxed) as f64 / whole as f64)
    }

    /// The file, whose bytes are counted.
    pub(super) fn of(&self, file: File) -> io::Result<impl Read + Send + use<>> {
        let found = file.metadata()?;
        if found.is_file() {
            self.whole.store(found.len(), Ordering::Relaxed);
        }
        let read = self.read.clone();
        Ok(Counted { file, read })
    }
}

struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_file_is_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [7; 100]).unwrap();
        let portion = Portion::default();
        assert_eq!(portion.get(), None);
        let mut counted = portion.of(File::open(&path).unwrap()).unwrap();
        counted.read_exact(&mut [0; 50]).unwrap();
        assert_eq!(portion.get(), Some(0.5));
    }
}
