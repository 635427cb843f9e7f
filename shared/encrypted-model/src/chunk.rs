//! How a file is cut into chunks.

use std::io::{self, Read};

/// Bytes of plaintext in each chunk but the last, unless chosen otherwise.
pub const CHUNK_LEN: u32 = 64 * 1024;
/// The least that can be chosen.
pub const MIN_CHUNK_LEN: u32 = 1024;
/// The most that can be chosen: a reader holds a chunk in memory.
pub const MAX_CHUNK_LEN: u32 = 256 * 1024;

/// Length of the tag that follows each chunk, in bytes.
pub(crate) const TAG_LEN: usize = 16;

/// Bytes of plaintext in each chunk but the last, which may have fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLen(u32);

impl ChunkLen {
    /// `None` of a length below [`MIN_CHUNK_LEN`] or above [`MAX_CHUNK_LEN`].
    pub fn new(len: u32) -> Option<Self> {
        (MIN_CHUNK_LEN..=MAX_CHUNK_LEN)
            .contains(&len)
            .then_some(Self(len))
    }

    /// In bytes.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for ChunkLen {
    fn default() -> Self {
        Self(CHUNK_LEN)
    }
}

/// The chunks of a file of so many bytes: at least one, which is empty where the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    chunk: ChunkLen,
    len: u64,
    /// The number of the last chunk, counted from 0.
    last: u32,
}

impl Layout {
    /// `None` where a file has more chunks than are counted.
    pub(crate) fn new(len: u64, chunk: ChunkLen) -> Option<Self> {
        let last = len.saturating_sub(1) / u64::from(chunk.0);
        let last = u32::try_from(last).ok()?;
        Some(Self { chunk, len, last })
    }

    pub(crate) fn chunk_len(&self) -> ChunkLen {
        self.chunk
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn is_last(&self, chunk: u32) -> bool {
        chunk == self.last
    }

    /// Bytes of plaintext in that chunk.
    pub(crate) fn len_of(&self, chunk: u32) -> usize {
        let full = u64::from(self.chunk.0);
        let before = full * u64::from(chunk);
        self.len.saturating_sub(before).min(full) as usize
    }

    /// Bytes of all chunks with their tags.
    pub(crate) fn encrypted_len(&self) -> u64 {
        self.len + (u64::from(self.last) + 1) * TAG_LEN as u64
    }
}

/// Whether nothing more comes.
pub(crate) fn is_at_end(reader: &mut impl Read) -> io::Result<bool> {
    Ok(io::copy(&mut reader.take(1), &mut io::sink())? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(len: u64) -> Layout {
        Layout::new(len, ChunkLen::new(1024).unwrap()).unwrap()
    }

    #[test]
    fn a_file_is_cut_into_full_chunks_and_a_last_one() {
        for (len, lens) in [
            (0, &[0][..]),
            (1, &[1]),
            (1023, &[1023]),
            (1024, &[1024]),
            (1025, &[1024, 1]),
            (2048, &[1024, 1024]),
            (2049, &[1024, 1024, 1]),
        ] {
            let layout = layout(len);
            for (chunk, expected) in (0u32..).zip(lens) {
                assert_eq!(layout.len_of(chunk), *expected, "{len}");
                assert_eq!(layout.is_last(chunk), chunk as usize + 1 == lens.len());
            }
            assert_eq!(layout.encrypted_len(), len + 16 * lens.len() as u64);
        }
    }

    #[test]
    fn lengths_that_cannot_be() {
        assert_eq!(ChunkLen::new(MIN_CHUNK_LEN - 1), None);
        assert_eq!(ChunkLen::new(MAX_CHUNK_LEN + 1), None);
        let chunk = ChunkLen::new(1024).unwrap();
        assert!(Layout::new(1024 << 32, chunk).is_some());
        assert!(Layout::new((1024 << 32) + 1, chunk).is_none());
        assert!(Layout::new(u64::MAX, chunk).is_none());
    }
}
