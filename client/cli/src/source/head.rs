//! The first bytes of an input, looked at before it is read.

use std::io::{self, BufRead, Read};

use super::json_scan::Outline;

/// As many bytes as are looked at, at most.
const MOST: usize = 64 * 1024;

/// The first bytes of an input, and what follows them. Nothing seeks: it may be a pipe.
pub(super) struct Head {
    bytes: Vec<u8>,
    /// Whether the bytes are the whole input.
    pub(super) ended: bool,
    rest: Box<dyn BufRead + Send>,
}

impl Head {
    /// Reads no further than to the end of the first line or JSON object that is not blank, so that nothing waits for
    /// what a pipe has not written yet.
    pub(super) fn read(mut rest: Box<dyn BufRead + Send>) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut ended = false;
        while !ended && bytes.len() < MOST && !enough(&bytes) {
            let available = match rest.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let taken = available.len().min(MOST - bytes.len());
            bytes.extend_from_slice(&available[..taken]);
            ended = taken == 0;
            rest.consume(taken);
        }
        Ok(Self { bytes, ended, rest })
    }

    /// All that was looked at.
    pub(super) fn raw(&self) -> &[u8] {
        &self.bytes
    }

    /// What was looked at, without a UTF-8 byte order mark and blanks before the first character.
    pub(super) fn text(&self) -> &[u8] {
        content(&self.bytes)
    }

    /// The input as it is.
    pub(super) fn into_raw(self) -> Box<dyn BufRead + Send> {
        Box::new(io::Cursor::new(self.bytes).chain(self.rest))
    }

    /// The input without a UTF-8 byte order mark.
    pub(super) fn into_text(self) -> Box<dyn BufRead + Send> {
        let mut bytes = io::Cursor::new(self.bytes);
        if bytes.get_ref().starts_with(BOM) {
            bytes.set_position(BOM.len() as u64);
        }
        Box::new(bytes.chain(self.rest))
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

fn content(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start()
}

/// Whether the bytes are enough to say what the input is.
fn enough(bytes: &[u8]) -> bool {
    let text = content(bytes);
    match text.first() {
        None => false,
        Some(b'{') => Outline::of(text).complete,
        Some(_) => text.len() >= 4 && memchr::memchr(b'\n', text).is_some(),
    }
}
