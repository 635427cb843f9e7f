//! Decrypting a file, as a stream.

use core::fmt;
use std::io::{self, Read};

use aead_stream::{StreamBE32, StreamPrimitive};
use aes_gcm::Aes256Gcm;
use zeroize::Zeroizing;

use crate::chunk::{TAG_LEN, is_at_end};
use crate::error::{DecryptError, reading};
use crate::file_key::{COMMITMENT_LEN, FileKey};
use crate::header::Header;
use crate::identity::FileIdentity;
use crate::key::ModelKey;

/// Reads what is encrypted. A byte is handed out only after its whole chunk was found to be the one that was
/// encrypted in its place, and the last chunk only where nothing follows it.
///
/// So what was handed out is a beginning of the file, and whoever has read to the end has read all of it.
pub struct Decrypting<R> {
    reader: R,
    header: Header,
    stream: Box<StreamBE32<Aes256Gcm>>,
    state: State,
    /// The chunk that is handed out, from `at` on.
    chunk: Zeroizing<Vec<u8>>,
    at: usize,
}

#[derive(Clone, Copy)]
enum State {
    /// The number of the chunk that comes next.
    Next(u32),
    /// There is none: the last one has been decrypted.
    End,
    Failed,
}

impl<R: Read> Decrypting<R> {
    /// Reads the header, and begins if it is that of the file that is due.
    ///
    /// # Errors
    /// [`DecryptError`] where there is no header, or that of another file, or the key is another one.
    pub fn open(
        mut reader: R,
        key: &ModelKey,
        expected: &FileIdentity,
    ) -> Result<Self, DecryptError> {
        let header = Header::read(&mut reader)?;
        Self::after_header(header, reader, key, expected)
    }

    /// The same of a reader from which the header has been read.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn after_header(
        header: Header,
        mut reader: R,
        key: &ModelKey,
        expected: &FileIdentity,
    ) -> Result<Self, DecryptError> {
        expected.check(&header.identity)?;
        let mut commitment = [0; COMMITMENT_LEN];
        reader.read_exact(&mut commitment).map_err(reading)?;
        let file_key = FileKey::derive(key, &header);
        if !file_key.is_committed_to(&commitment) {
            return Err(DecryptError::WrongKey);
        }
        let room = header.chunk_len().get() as usize + TAG_LEN;
        Ok(Self {
            reader,
            stream: file_key.stream(),
            header,
            state: State::Next(0),
            chunk: Zeroizing::new(Vec::with_capacity(room)),
            at: 0,
        })
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Has the next chunk handed out; none after one that failed.
    fn advance(&mut self) -> Result<(), DecryptError> {
        self.at = 0;
        self.chunk.clear();
        let number = match self.state {
            State::Next(number) => number,
            State::End => return Ok(()),
            State::Failed => return Err(DecryptError::Over),
        };
        let decrypted = self.decrypt(number);
        match decrypted {
            Ok(next) => self.state = next,
            Err(_) => {
                self.state = State::Failed;
                self.chunk.clear();
            }
        }
        decrypted.map(|_| ())
    }

    fn decrypt(&mut self, number: u32) -> Result<State, DecryptError> {
        let layout = self.header.layout;
        let is_last = layout.is_last(number);
        self.chunk.resize(layout.len_of(number) + TAG_LEN, 0);
        self.reader.read_exact(&mut self.chunk).map_err(reading)?;
        if is_last && !is_at_end(&mut self.reader).map_err(DecryptError::Read)? {
            return Err(DecryptError::TrailingBytes);
        }
        self.stream
            .decrypt_in_place(number, is_last, &[], &mut *self.chunk)
            .map_err(|_| DecryptError::NotAuthentic { chunk: number })?;
        Ok(match is_last {
            true => State::End,
            false => State::Next(number + 1),
        })
    }
}

impl<R: Read> Read for Decrypting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            self.advance()?;
        }
        let left = &self.chunk[self.at..];
        let len = left.len().min(buf.len());
        buf[..len].copy_from_slice(&left[..len]);
        self.at += len;
        Ok(len)
    }
}

impl<R> fmt::Debug for Decrypting<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypting")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
