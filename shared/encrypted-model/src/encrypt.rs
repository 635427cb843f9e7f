//! Encrypting a file, as a stream.

use std::io::{self, Read, Write};

use aead_stream::StreamPrimitive;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::chunk::{ChunkLen, Layout, TAG_LEN, is_at_end};
use crate::file_key::FileKey;
use crate::header::{Header, SALT_LEN};
use crate::identity::FileIdentity;
use crate::key::ModelKey;
use crate::wrapped_key::WrappedKey;

/// A file that is to be encrypted.
pub struct Plain<R> {
    reader: R,
    len: u64,
    chunk: ChunkLen,
}

impl<R: Read> Plain<R> {
    /// What `reader` yields, which must be `len` bytes.
    pub fn new(reader: R, len: u64) -> Self {
        let chunk = ChunkLen::default();
        Self { reader, len, chunk }
    }

    /// Cut into chunks of this length.
    pub fn with_chunk_len(self, chunk: ChunkLen) -> Self {
        Self { chunk, ..self }
    }
}

/// Encrypts a file under a key and a salt of its own, which is drawn here: no two encryptions have the same.
///
/// # Errors
/// [`EncryptError`]: what was written is then of no use.
pub fn encrypt<R: Read>(
    mut plain: Plain<R>,
    out: &mut impl Write,
    key: &ModelKey,
    identity: &FileIdentity,
    wrapped_key: Option<&WrappedKey>,
    rng: &mut impl CryptoRng,
) -> Result<(), EncryptError> {
    let mut header = Header {
        identity: identity.clone(),
        layout: Layout::new(plain.len, plain.chunk).ok_or(EncryptError::TooLong)?,
        salt: [0; SALT_LEN],
        wrapped_key: wrapped_key.cloned(),
    };
    rng.fill_bytes(&mut header.salt);
    let file_key = FileKey::derive(key, &header);
    let mut write = |bytes: &[u8]| out.write_all(bytes).map_err(EncryptError::Write);
    write(&header.encode())?;
    write(file_key.commitment())?;

    let layout = header.layout;
    let room = plain.chunk.get() as usize + TAG_LEN;
    let mut buffer = Zeroizing::new(Vec::with_capacity(room));
    let stream = file_key.stream();
    for number in 0.. {
        let is_last = layout.is_last(number);
        buffer.resize(layout.len_of(number), 0);
        plain.reader.read_exact(&mut buffer).map_err(reading)?;
        if is_last && !is_at_end(&mut plain.reader).map_err(EncryptError::Read)? {
            return Err(EncryptError::Changed);
        }
        let Ok(()) = stream.encrypt_in_place(number, is_last, &[], &mut *buffer) else {
            unreachable!("a chunk is within the cipher's limits");
        };
        write(&buffer)?;
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Why a file was not encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// It has more chunks than are counted.
    #[error("it is too long to be encrypted")]
    TooLong,
    /// It is longer or shorter than it was.
    #[error("it changed while it was read; try again when nothing writes to it")]
    Changed,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// What is encrypted cannot be written.
    #[error("it cannot be written: {0}")]
    Write(io::Error),
}

fn reading(error: io::Error) -> EncryptError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => EncryptError::Changed,
        _ => EncryptError::Read(error),
    }
}
