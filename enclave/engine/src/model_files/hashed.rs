//! A file that is hashed as it is read.

use std::io::{self, Read};

use sealnote_model::FileDigest;
use sha2::{Digest, Sha384};

/// A file that is read from its beginning to its end, once, and hashed as it is read.
pub(crate) struct HashedFile {
    reader: Box<dyn Read + Send>,
    hasher: Sha384,
    len: u64,
    read: u64,
}

impl HashedFile {
    /// What `reader` yields, which is to be `len` bytes.
    pub(super) fn new(reader: impl Read + Send + 'static, len: u64) -> Self {
        Self {
            reader: Box::new(reader),
            hasher: Sha384::new(),
            len,
            read: 0,
        }
    }

    /// The file's length when it was opened, in bytes; no more than that is read.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The digest of all that was read.
    ///
    /// # Errors
    /// Unless that is the whole file, to its end.
    pub(crate) fn finish(mut self) -> io::Result<FileDigest> {
        // One byte beyond: a file that grew is another file than the one that was measured.
        if self.read != self.len || self.reader.read(&mut [0])? != 0 {
            return Err(io::Error::other("the file changed while it was read"));
        }
        Ok(FileDigest {
            len: self.len,
            sha384: self.hasher.finalize().into(),
        })
    }
}

impl Read for HashedFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len - self.read).unwrap_or(usize::MAX);
        let len = buf.len().min(left);
        let read = self.reader.read(&mut buf[..len])?;
        self.hasher.update(&buf[..read]);
        self.read += read as u64;
        Ok(read)
    }
}
