//! The entries of a Bundle, one by one, so that the Bundle is never held.

use std::io::{self, BufRead};

use zeroize::Zeroize;

use super::super::json_scan::{Part, Scanner};
use super::super::lines::Read;

/// Finds the objects in the array `entry` of an object, and never holds more of one than a limit.
pub(super) struct Entries<R> {
    input: R,
    scanner: Scanner,
    /// The last string of the Bundle itself, as far as it is needed.
    name: Vec<u8>,
    /// Whether what follows the colon is the value of `entry`.
    named: bool,
    /// Whether its array is open.
    open: bool,
    entry: Vec<u8>,
    limit: usize,
    number: u64,
    /// Whether the Bundle has ended: nothing may follow.
    ended: bool,
}

/// As many bytes of a name as tell `"entry` from others.
const NAME: usize = 8;

impl<R: BufRead> Entries<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self {
            input,
            scanner: Scanner::default(),
            name: Vec::new(),
            named: false,
            open: false,
            entry: Vec::new(),
            limit,
            number: 0,
            ended: false,
        }
    }

    /// The next entry and its number, from 1; `None` at the end. What was read before is erased. What is no JSON, or
    /// cut short, is an error.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Read<'_>)>> {
        self.entry.zeroize();
        let mut too_long = false;
        let mut inside = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                if self.scanner.depth > 0 || self.scanner.in_string() {
                    let said = "the Bundle is cut short: its end is missing";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, said));
                }
                return Ok(None);
            }
            let mut start = 0;
            let mut end = None;
            for (at, &byte) in available.iter().enumerate() {
                let was_string = self.scanner.in_string();
                let part = self.scanner.next(byte);
                if inside {
                    if part == Part::Close && self.scanner.depth == 2 {
                        end = Some(at + 1);
                        break;
                    }
                    continue;
                }
                match (part, self.scanner.depth) {
                    (Part::Open, 1) if self.ended => return Err(more()),
                    (Part::Close, 0) => self.ended = true,
                    (Part::String, 1) => {
                        if !was_string {
                            self.name.clear();
                        }
                        if self.name.len() < NAME {
                            self.name.push(byte);
                        }
                    }
                    (Part::Other, 1) if byte == b':' => self.named = self.name == b"\"entry\"",
                    (Part::Other, 1) if byte == b',' => self.named = false,
                    (Part::Open, 2) if self.named && byte == b'[' => self.open = true,
                    (Part::Open, 3) if self.open && byte == b'{' => {
                        inside = true;
                        start = at;
                    }
                    (Part::Close, 1) => {
                        self.open = false;
                        self.named = false;
                    }
                    (Part::Stray, _) | (Part::String, 0) => return Err(not_json()),
                    (Part::Other, 0) if !byte.is_ascii_whitespace() => return Err(not_json()),
                    _ => {}
                }
            }
            let taken = end.unwrap_or(available.len());
            if inside {
                let part = &available[start..taken];
                too_long |= self.entry.len() + part.len() > self.limit;
                if !too_long {
                    self.entry.extend_from_slice(part);
                }
            }
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        if too_long {
            self.entry.zeroize();
            return Ok(Some((self.number, Read::TooLong)));
        }
        Ok(Some((self.number, Read::Line(&self.entry))))
    }
}

fn more() -> io::Error {
    let said = "something follows the Bundle: give each its own file, or write a resource a line without a Bundle";
    io::Error::new(io::ErrorKind::InvalidData, said)
}

fn not_json() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the Bundle is not JSON")
}

impl<R> Drop for Entries<R> {
    fn drop(&mut self) {
        self.entry.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(bytes: &str, limit: usize) -> (Vec<Option<String>>, Option<String>) {
        let mut entries = Entries::new(BufReader::with_capacity(3, bytes.as_bytes()), limit);
        let mut all = Vec::new();
        loop {
            match entries.next() {
                Ok(None) => return (all, None),
                Err(error) => return (all, Some(error.to_string())),
                Ok(Some((_, Read::TooLong))) => all.push(None),
                Ok(Some((_, Read::Line(entry)))) => {
                    all.push(Some(String::from_utf8(entry.to_vec()).unwrap()));
                }
            }
            assert!(entries.entry.capacity() <= 2 * limit.max(8) && entries.name.len() <= NAME);
        }
    }

    #[test]
    fn entries_are_found_and_a_long_one_is_skipped() {
        let bundle = r#"{"resourceType":"Bundle", "meta":{"entry":[{"no":1}]}, "x":"entry", "link":[{"entry":1}],
            "entry" : [ {"a":"]}\"{"}, {"b":{"c":[{}]}}, {"long":"CANARYCANARYCANARY"}, {} ], "entry2":[{"no":2}], "aaaaaaaaaentry":[{}]}"#;
        let (entries, error) = read(bundle, 20);
        let some = |text: &str| Some(text.to_owned());
        let expected = [
            some(r#"{"a":"]}\"{"}"#),
            some(r#"{"b":{"c":[{}]}}"#),
            None,
            some("{}"),
        ];
        assert_eq!(entries, expected);
        assert_eq!(error, None);
    }

    #[test]
    fn what_is_cut_short_or_no_json_says_so_after_what_was_good() {
        let (entries, error) = read(r#"{"entry":[{"a":1},{"b":"CAN"#, 50);
        assert_eq!(entries.len(), 1);
        assert!(error.unwrap().contains("cut short"));
        assert!(
            read("{\"entry\":[{}]}\n{}", 50)
                .1
                .unwrap()
                .contains("follows the Bundle")
        );
        for bad in ["{}}", "{\"entry\":[{}]} CANARY", "\"CANARY\""] {
            assert!(read(bad, 50).1.unwrap().contains("not JSON"));
        }
    }
}
