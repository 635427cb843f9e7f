//! The bytes of an image, once and in order: counted, and in the checksum.

use std::io::{self, ErrorKind, Read};

use crate::error::EifError;

const CHUNK_LEN: usize = 128 * 1024;

pub(crate) struct Source<R> {
    reader: R,
    crc: crc32fast::Hasher,
    /// Bytes read so far.
    position: u64,
    chunk: Box<[u8]>,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            crc: crc32fast::Hasher::new(),
            position: 0,
            chunk: vec![0; CHUNK_LEN].into(),
        }
    }

    /// Where the next byte stands in the file.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Fills `bytes` as far as the file reaches, outside the checksum; how far.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, EifError> {
        let filled = fill(&mut self.reader, bytes)?;
        self.position += filled as u64;
        Ok(filled)
    }

    /// Adds bytes that [`fill`](Self::fill) gave to the checksum.
    pub(crate) fn sum(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
    }

    /// Takes the next `N` bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], EifError> {
        let mut bytes = [0; N];
        if self.fill(&mut bytes)? < N {
            return Err(self.truncated());
        }
        self.sum(&bytes);
        Ok(bytes)
    }

    /// Takes the next `len` bytes, in pieces.
    pub(crate) fn pass(&mut self, len: u64, mut sink: impl FnMut(&[u8])) -> Result<(), EifError> {
        let mut left = len;
        while left > 0 {
            let want = CHUNK_LEN.min(usize::try_from(left).unwrap_or(CHUNK_LEN));
            let chunk = &mut self.chunk[..want];
            let filled = fill(&mut self.reader, chunk)?;
            self.position += filled as u64;
            self.crc.update(&chunk[..filled]);
            sink(&chunk[..filled]);
            if filled < want {
                return Err(self.truncated());
            }
            left -= filled as u64;
        }
        Ok(())
    }

    /// The file must end here, and its checksum be `stated`; its length in bytes.
    pub(crate) fn finish(mut self, stated: u32) -> Result<u64, EifError> {
        let len = self.position;
        if self.fill(&mut [0])? > 0 {
            return Err(EifError::Trailing { end: len });
        }
        let computed = self.crc.finalize();
        match computed == stated {
            true => Ok(len),
            false => Err(EifError::Checksum { stated, computed }),
        }
    }

    pub(crate) fn truncated(&self) -> EifError {
        EifError::Truncated { len: self.position }
    }
}

fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
