//! Reads notes: JSON Lines with `id` and `text`, or one text.

use std::io::{self, BufRead, Read};

use sealnote_client::NoteBytes;
use sealnote_model::NoteError;
use sealnote_protocol::plaintext::Plaintext;
use serde::Deserialize;
use thiserror::Error;

/// A note, or why a line holds none.
#[derive(Debug)]
pub struct InputNote {
    /// The note's id, or `line N` where the line has none that could be read.
    pub id: String,
    /// The text to send.
    pub text: Result<NoteBytes, InputError>,
}

/// Why a line holds no note. Never quotes the line.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// Not a JSON object with the two fields.
    #[error(
        "not a JSON object with `id` (a text or an integer) and `text` (a text), at column {column}"
    )]
    Shape {
        /// Column in the line, from 1.
        column: usize,
    },
    /// The same error that the enclave gives for a note that is not UTF-8.
    #[error("{}", NoteError::NotUtf8)]
    NotUtf8,
}

/// Reads JSON Lines: an object with `id` (text or integer) and `text` on each line; other fields are
/// ignored and never sent, blank lines are skipped. A line that cannot be read becomes a note with
/// an error, so that the others are not lost.
pub fn read_jsonl(mut input: impl BufRead) -> io::Result<Vec<InputNote>> {
    let mut notes = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        zeroize::Zeroize::zeroize(&mut bytes);
        if input.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        // A byte order mark, as spreadsheets write it.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        if !text.trim_ascii().is_empty() {
            notes.push(parse_line(text, line));
        }
    }
    Ok(notes)
}

/// Reads the whole input as one note, of the id `stdin`. JSON Lines are refused: as one note they would
/// be classified together, and fields beside the text would be sent.
pub fn read_text(mut input: impl Read) -> io::Result<Vec<InputNote>> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    if parse_line(first, 1).text.is_ok() {
        return Err(io::Error::other(
            "it holds JSON Lines; give `-` as FILE to read them",
        ));
    }
    Ok(vec![InputNote {
        id: "stdin".into(),
        text: Ok(bytes.into()),
    }])
}

#[derive(Deserialize)]
struct Line {
    id: Id,
    text: Text,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

/// Goes straight into the type that is erased on drop.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Text(Plaintext);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Plaintext::new(text))
    }
}

fn parse_line(bytes: &[u8], line: usize) -> InputNote {
    let failed = |error| InputNote {
        id: format!("line {line}"),
        text: Err(error),
    };
    if std::str::from_utf8(bytes).is_err() {
        return failed(InputError::NotUtf8);
    }
    match serde_json::from_slice::<Line>(bytes) {
        Ok(note) => InputNote {
            id: match note.id {
                Id::Text(id) => id,
                Id::Number(id) => id.to_string(),
            },
            text: Ok(note.text.0.expose().into()),
        },
        // serde_json's own message may quote the line.
        Err(error) => failed(InputError::Shape {
            column: error.column(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_are_not_taken_for_one_note() {
        let line = &b"{\"id\":1,\"text\":\"one\"}\n"[..];
        assert!(read_text(line).is_err());
        assert_eq!(
            read_jsonl(&[b"\xef\xbb\xbf", line].concat()[..]).unwrap()[0].id,
            "1"
        );
        assert_eq!(read_text(&b"{ plain text"[..]).unwrap().len(), 1);
    }

    #[test]
    fn bad_lines_do_not_lose_the_good_ones() {
        let input = b"{\"id\":\"a\",\"text\":\"one\",\"other\":1}\n\n{\"id\":7,\"text\":\"two\"}\r\n\
            {\"id\":\"c\",\"text\":\"\xff\"}\nCANARY\n{\"text\":\"CANARY\"}\n{\"id\":\"f\",\"text\":\"\"}";
        let notes = read_jsonl(&input[..]).unwrap();
        let ids: Vec<&str> = notes.iter().map(|note| note.id.as_str()).collect();
        assert_eq!(ids, ["a", "7", "line 4", "line 5", "line 6", "f"]);
        assert_eq!(notes[1].text.as_ref().unwrap().as_ref(), b"two");
        assert_eq!(notes[2].text.as_ref().unwrap_err(), &InputError::NotUtf8);
        for note in &notes[3..5] {
            let message = note.text.as_ref().unwrap_err().to_string();
            assert!(message.contains("not a JSON object") && !message.contains("CANARY"));
        }
        assert!(notes[5].text.as_ref().unwrap().as_ref().is_empty());
    }
}
