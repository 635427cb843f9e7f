//! Rows of separated values, of bounded length.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use zeroize::Zeroize;

/// Columns that a header may have.
const MOST_COLUMNS: usize = 16 * 1024;

/// Reads rows, and never holds more of one than a limit.
pub(super) struct Rows<R> {
    input: R,
    parser: Reader,
    /// The fields of the row, one after the other, and where each ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
    lines: Ends,
    limit: usize,
    /// As the header has; before it, as many as it may have.
    columns: usize,
    /// Columns of the last row.
    found: usize,
}

/// A row that was read.
pub(super) struct Row<'a> {
    fields: &'a [u8],
    ends: &'a [usize],
}

/// Why a row was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    TooLong,
    /// It has more or fewer columns than the header.
    Columns {
        wanted: usize,
    },
    /// A quote goes on to the end of the input.
    Unclosed,
}

impl Row<'_> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Without its quotes. Empty where there is none.
    pub(super) fn field(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.fields[start..self.ends[at]]
    }
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(input: R, delimiter: u8, limit: usize) -> Self {
        Self {
            input,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            fields: vec![0; 1024.min(limit.max(1))],
            ends: vec![0; 16],
            lines: Ends::default(),
            limit,
            columns: MOST_COLUMNS,
            found: 0,
        }
    }

    /// The last row was the header: all others must have as many columns.
    pub(super) fn fix_columns(&mut self) {
        self.columns = self.found;
        self.ends = vec![0; self.found + 1];
    }

    /// The next row, and the line on which it begins, from 1; blank lines are skipped. What was read before is erased.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<Row<'_>, Bad>)>> {
        self.fields.as_mut_slice().zeroize();
        if !self.skip_blank_lines()? {
            return Ok(None);
        }
        let line = self.lines.count + 1;
        let header = self.columns == MOST_COLUMNS;
        let (mut read, mut filled, mut columns) = (0usize, 0, 0);
        let mut bad = None;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            // At the end, a line's end would end the row, too, unless a quote is open.
            let ended = available.is_empty();
            let bytes = if ended { b"\n" } else { available };
            let (result, taken, written, ends) = self.parser.read_record(
                bytes,
                &mut self.fields[filled..],
                &mut self.ends[columns..],
            );
            if !ended {
                self.lines.pass(&bytes[..taken]);
                self.input.consume(taken);
                read += taken;
            }
            filled += written;
            columns += ends;
            if read > self.limit.saturating_add(2) && bad != Some(Bad::TooLong) {
                bad = Some(Bad::TooLong);
            }
            match result {
                ReadRecordResult::Record => break,
                ReadRecordResult::End => break,
                ReadRecordResult::InputEmpty if ended => {
                    bad = bad.or(Some(Bad::Unclosed));
                    break;
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if bad.is_none() => {
                    if !self.grow() {
                        bad = Some(Bad::TooLong);
                    }
                }
                ReadRecordResult::OutputEndsFull if bad.is_none() => {
                    if header && self.ends.len() < MOST_COLUMNS {
                        self.ends.resize(self.ends.len() * 2, 0);
                    } else {
                        let wanted = self.columns;
                        bad = Some(Bad::Columns { wanted });
                    }
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
            if bad.is_some() {
                // What follows goes where the beginning was.
                (filled, columns) = (0, 0);
            }
        }
        self.found = columns;
        if bad.is_none() && !header && columns != self.columns {
            let wanted = self.columns;
            bad = Some(Bad::Columns { wanted });
        }
        Ok(Some((
            line,
            match bad {
                Some(bad) => Err(bad),
                None => Ok(Row {
                    fields: &self.fields[..filled],
                    ends: &self.ends[..columns],
                }),
            },
        )))
    }

    /// Whether anything is left.
    fn skip_blank_lines(&mut self) -> io::Result<bool> {
        loop {
            match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok([]) => return Ok(false),
                Ok([byte @ (b'\n' | b'\r'), ..]) => {
                    self.lines.pass(&[*byte]);
                    self.input.consume(1);
                }
                Ok(_) => return Ok(true),
            }
        }
    }

    /// Makes room for more of a row, and erases where it was; false if there is as much as a row may have.
    fn grow(&mut self) -> bool {
        let most = self.limit.saturating_add(2);
        if self.fields.len() >= most {
            return false;
        }
        let mut larger = vec![0; (self.fields.len() * 2).min(most)];
        larger[..self.fields.len()].copy_from_slice(&self.fields);
        self.fields.zeroize();
        self.fields = larger;
        true
    }
}

/// Ends of lines that were passed: a line feed, a carriage return, or both. A row, too, ends at any of them.
#[derive(Default)]
struct Ends {
    count: u64,
    /// A line feed that follows is of the same end.
    after_return: bool,
}

impl Ends {
    fn pass(&mut self, bytes: &[u8]) {
        for at in memchr::memchr2_iter(b'\r', b'\n', bytes) {
            let after_return = match at.checked_sub(1) {
                Some(before) => bytes[before] == b'\r',
                None => self.after_return,
            };
            self.count += u64::from(bytes[at] == b'\r' || !after_return);
        }
        if let Some(last) = bytes.last() {
            self.after_return = *last == b'\r';
        }
    }
}

impl<R> Drop for Rows<R> {
    fn drop(&mut self) {
        self.fields.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// With a buffer that is smaller than fields.
    fn read(bytes: &[u8], limit: usize) -> Vec<(u64, Result<Vec<String>, Bad>)> {
        let mut rows = Rows::new(BufReader::with_capacity(3, bytes), b',', limit);
        let mut all = Vec::new();
        while let Some((line, row)) = rows.next().unwrap() {
            let row = row.map(|row| {
                (0..row.len())
                    .map(|at| String::from_utf8(row.field(at).to_vec()).unwrap())
                    .collect()
            });
            all.push((line, row));
            if all.len() == 1 {
                rows.fix_columns();
            }
            assert!(rows.fields.capacity() <= 1024.max(limit + 2));
        }
        all
    }

    #[test]
    fn a_row_past_the_limit_is_skipped_and_the_next_is_read() {
        let long = "x\n".repeat(2000);
        let bytes = format!("a,b\n1,\"{long}\"\n2,c\n3,\"{}\"\n4,d", "\"\"".repeat(2000));
        let rows = read(bytes.as_bytes(), 40);
        assert_eq!(rows[1], (2, Err(Bad::TooLong)));
        assert_eq!(rows[2], (2003, Ok(vec!["2".into(), "c".into()])));
        assert_eq!(rows[3], (2004, Err(Bad::TooLong)));
        assert_eq!(rows[4], (2005, Ok(vec!["4".into(), "d".into()])));
        assert_eq!(rows.len(), 5);
    }

    /// However it comes: in the test's buffer, a carriage return is once the last byte, and once not.
    #[test]
    fn a_row_is_on_the_line_that_it_begins_on_whatever_ends_lines() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["a,b", "12,\"c", "d\"", "3,e", "", "456,f", "7,g"].join(end);
            let rows = read(text.as_bytes(), 100);
            let lines: Vec<u64> = rows.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [1, 2, 4, 6, 7], "{end:?}");
            assert!(rows.iter().all(|(_, row)| row.is_ok()));
        }
    }

    #[test]
    fn a_row_of_many_columns_takes_no_room_for_them() {
        let bytes = format!("a,b\n{}\n4,d\n\"5,\n6,e\n", ",".repeat(5000));
        let rows = read(bytes.as_bytes(), 100_000);
        assert_eq!(rows[1], (2, Err(Bad::Columns { wanted: 2 })));
        assert_eq!(rows[2], (3, Ok(vec!["4".into(), "d".into()])));
        assert_eq!(rows[3], (4, Err(Bad::Unclosed)));
        assert_eq!(rows.len(), 4);
        let header = format!("{}\n1", ",".repeat(MOST_COLUMNS + 1));
        assert!(matches!(
            read(header.as_bytes(), 100_000)[0],
            (1, Err(Bad::Columns { .. }))
        ));
    }

    #[test]
    fn a_row_as_long_as_the_limit_is_read() {
        let rows = read(b"a,b\r\n123456,8\r\n1234567,9\r\n12345678,9\r\n", 8);
        assert!(rows[1].1.is_ok());
        assert_eq!(rows[3].1, Err(Bad::TooLong));
    }
}
