//! An input of the client. However it comes, in whatever pieces, the same records come out, one after the other, within
//! bounded memory; a text is no longer than a record may be, and is text. Of JSON Lines another reader finds the same.
//!
//! Input: a letter for the format (`j`, `c`, `t`, `f` as below; any other: recognised), and the input's bytes. What is
//! compressed is passed over: a few bytes may stand for any number of others.

#![no_main]

use std::io::{BufRead, BufReader, Cursor};
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sealnote_cli::record::{Id, Passed, Record};
use sealnote_cli::source::{Format, Input};
use sealnote_fuzz::within;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Some((letter, bytes)) = bytes.split_first() else {
        return;
    };
    if COMPRESSED.iter().any(|magic| bytes.starts_with(magic)) {
        return;
    }
    let format = match letter {
        b'j' => Some(Format::Jsonl),
        b'c' => Some(Format::Csv),
        b't' => Some(Format::Tsv),
        b'f' => Some(Format::Fhir),
        _ => None,
    };
    check(bytes, format);
});

/// gzip's first bytes, and zstd's.
const COMPRESSED: [&[u8]; 2] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd"];

const MAX_RECORD: usize = 1000;

/// What one reader may hold: the head of the input, its buffers, a record as JSON and as text.
const OF_SOURCE: usize = 512 * 1024;

fn check(bytes: &[u8], format: Option<Format>) {
    // FHIR has no ward, the others no date.
    let pass = match format {
        Some(Format::Jsonl) => "ward",
        Some(Format::Fhir) => "date",
        _ => "id",
    };
    let input = Input {
        path: None,
        format,
        text_field: "text".into(),
        id_field: "id".into(),
        pass: Arc::new([pass.into()]),
        max_record: MAX_RECORD,
    };
    let whole = read(&input, Box::new(Cursor::new(bytes.to_vec())));
    // What an input is, and that it looks like what none reads, is told by as much as has come.
    if let Some(format) = format {
        let pieces = BufReader::with_capacity(3, Cursor::new(bytes.to_vec()));
        let by_pieces = read(&input, Box::new(pieces));
        let foreign = [&whole, &by_pieces].into_iter().any(All::looks_foreign);
        assert!(foreign || by_pieces == whole, "{format:?}");
    }
    let mut last = 0;
    for row in &whole.rows {
        assert!(row.line > last, "a record out of its place");
        last = row.line;
        if let Ok(text) = &row.text {
            let text = str::from_utf8(text).expect("text");
            // An attachment in Latin-1 is longer in UTF-8.
            assert!(text.len() <= 2 * MAX_RECORD);
        }
    }
    if format == Some(Format::Jsonl) {
        check_jsonl(bytes, &whole.rows);
    }
}

#[derive(PartialEq)]
struct All {
    rows: Vec<Row>,
    skipped: u64,
    /// Why no more came; `None` at the end of the input.
    refused: Option<String>,
}

impl All {
    fn looks_foreign(&self) -> bool {
        let foreign = |said: &String| said.contains(" looks like ") || said.contains(" but zeros");
        self.refused.as_ref().is_some_and(foreign)
    }
}

#[derive(PartialEq)]
struct Row {
    line: u64,
    id: Option<Id>,
    passed: Passed,
    text: Result<Vec<u8>, &'static str>,
}

impl From<Record> for Row {
    fn from(Record { origin, text }: Record) -> Self {
        if let Err(error) = &text {
            // Facts are told, in one line.
            assert!(!error.to_string().contains('\n'));
        }
        Self {
            line: origin.line,
            id: origin.id,
            passed: origin.passed,
            text: text
                .map(|text| text.as_ref().to_vec())
                .map_err(|error| error.code()),
        }
    }
}

fn read(input: &Input, bytes: Box<dyn BufRead + Send>) -> All {
    let mut all = All {
        rows: Vec::new(),
        skipped: 0,
        refused: None,
    };
    let opened = within(OF_SOURCE, || input.read(bytes));
    let mut source = match opened {
        Ok(source) => source,
        Err(error) => {
            all.refused = Some(error.to_string());
            return all;
        }
    };
    loop {
        match within(OF_SOURCE, || source.next()) {
            Ok(Some(record)) => all.rows.push(record.into()),
            Ok(None) => break,
            Err(error) => {
                all.refused = Some(error.to_string());
                break;
            }
        }
    }
    all.skipped = source.skipped();
    all
}

/// Each line is an object that has this id and this text.
fn check_jsonl(bytes: &[u8], rows: &[Row]) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for row in rows {
        let Ok(text) = &row.text else { continue };
        let line = lines[row.line as usize - 1];
        let json: Value = serde_json::from_slice(line).expect("what was read as JSON");
        assert_eq!(json["text"].as_str().map(str::as_bytes), Some(&text[..]));
        let id = match &row.id {
            Some(Id::Text(id)) => Value::String(id.clone()),
            Some(Id::Number(id)) => Value::Number(id.clone()),
            None => Value::Null,
        };
        assert_eq!(json["id"], id);
    }
}
