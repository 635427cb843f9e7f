//! Lines of bounded length.

use std::io::{self, BufRead};

use zeroize::Zeroize;

/// Reads lines, and never holds more of one than a limit.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    limit: usize,
}

/// A line that was read.
pub(super) enum Read<'a> {
    /// Without its end.
    Line(&'a [u8]),
    /// It was longer than the limit, and was skipped.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self {
            input,
            line: Vec::new(),
            number: 0,
            limit,
        }
    }

    /// The next line and its number, from 1; `None` at the end of the input. What was read before is erased.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Read<'_>)>> {
        self.line.zeroize();
        let mut too_long = false;
        let mut any = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            any = true;
            let end = memchr::memchr(b'\n', available);
            let part = &available[..end.unwrap_or(available.len())];
            too_long |= self.line.len() + part.len() > self.limit;
            if !too_long {
                self.line.extend_from_slice(part);
            }
            let taken = part.len() + usize::from(end.is_some());
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        if too_long {
            self.line.zeroize();
            return Ok(Some((self.number, Read::TooLong)));
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Ok(Some((self.number, Read::Line(line))))
    }
}

impl<R> Drop for Lines<R> {
    fn drop(&mut self) {
        self.line.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn a_line_past_the_limit_is_skipped_and_the_next_is_read() {
        let input = [b"abcd\r\n", &b"x".repeat(100)[..], b"\n\nabcde\nend"].concat();
        // A buffer that is smaller than lines.
        let mut lines = Lines::new(BufReader::with_capacity(3, &input[..]), 5);
        let mut seen = Vec::new();
        while let Some((number, read)) = lines.next().unwrap() {
            let read = match read {
                Read::Line(line) => Some(line.to_vec()),
                Read::TooLong => None,
            };
            seen.push((number, read));
            assert!(lines.line.capacity() <= 16);
        }
        let line = |text: &str| Some(text.as_bytes().to_vec());
        let expected = [line("abcd"), None, line(""), line("abcde"), line("end")];
        assert_eq!(seen, (1..).zip(expected).collect::<Vec<_>>());
    }
}
