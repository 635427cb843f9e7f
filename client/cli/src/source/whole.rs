//! The whole input as one note.

use std::io::{BufRead, Read};

use sealnote_client::NoteBytes;
use zeroize::Zeroizing;

use super::{Input, Source, SourceError};
use crate::record::{Id, InputError, Origin, Passed, Record};

/// Gives one record.
pub(super) struct Whole<R> {
    bytes: Option<R>,
    input: Input,
}

impl<R: BufRead> Whole<R> {
    pub(super) fn new(bytes: R, input: Input) -> Self {
        Self {
            bytes: Some(bytes),
            input,
        }
    }
}

impl<R: BufRead + Send> Source for Whole<R> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        let Some(bytes) = self.bytes.take() else {
            return Ok(None);
        };
        let text = read_text(bytes, self.input.max_record);
        let name = self.input.path.as_ref().and_then(|path| path.file_name());
        let id = name.map_or("stdin".into(), |name| name.to_string_lossy().into_owned());
        Ok(Some(Record {
            origin: Origin {
                line: 1,
                id: Some(Id::Text(id)),
                passed: Passed {
                    names: self.input.pass.clone(),
                    values: vec![serde_json::Value::Null; self.input.pass.len()],
                },
            },
            text: text.map_err(|error| self.input.unread(error))?,
        }))
    }
}

/// All of it, if it is UTF-8 and within the limit.
pub(super) fn read_text(
    bytes: impl Read,
    limit: usize,
) -> std::io::Result<Result<NoteBytes, InputError>> {
    let mut read = Zeroizing::new(Vec::new());
    bytes.take(limit as u64 + 1).read_to_end(&mut read)?;
    Ok(if read.len() > limit {
        Err(InputError::TooLong { limit })
    } else if std::str::from_utf8(&read).is_err() {
        Err(InputError::NotUtf8)
    } else {
        Ok(std::mem::take(&mut *read).into())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input, read_all};
    use super::*;

    #[test]
    fn it_is_one_note_of_the_files_name() {
        let path = Some("a/b.txt".into());
        let records = read_all(Whole::new(&b"one\ntwo\n"[..], Input { path, ..input() }));
        assert_eq!(records[0].origin.id, Some(Id::Text("b.txt".into())));
        assert_eq!(records[0].text.as_ref().unwrap().as_ref(), b"one\ntwo\n");
        assert_eq!(records.len(), 1);
        let long = "CANARY".repeat(200);
        let records = read_all(Whole::new(long.as_bytes(), input()));
        assert_eq!(records[0].origin.id, Some(Id::Text("stdin".into())));
        assert_eq!(codes(&records), ["record_too_long"]);
        assert_eq!(
            codes(&read_all(Whole::new(&b"CANARY\xff"[..], input()))),
            ["not_utf8"]
        );
    }
}
