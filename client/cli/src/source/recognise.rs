//! What an input is: by its content first, then by its name. What is not recognised is refused with what it looks like
//! and what to do; nothing is taken for a note that was not said to be one.

use std::path::Path;

use super::head::Head;
use super::json_scan::Outline;
use super::{Format, Input};

/// The format of an input, or why it is none: what follows the input's name in a sentence.
pub(super) fn recognise(head: &Head, input: &Input) -> Result<Format, &'static str> {
    let raw = head.raw();
    if head.text().is_empty() && head.ended {
        return Err(if raw.is_empty() {
            "is empty"
        } else {
            "holds nothing but blanks"
        });
    }
    if raw.starts_with(b"PAR1") && matches!(input.format, None | Some(Format::Parquet)) {
        return Ok(Format::Parquet);
    }
    if let Some(problem) = never_read(raw) {
        return Err(problem);
    }
    match input.format {
        Some(Format::Parquet) => Err("is not Parquet, which begins with PAR1"),
        Some(Format::Folder) => Err("is no folder"),
        Some(format) => Ok(format),
        None => text(head.text(), input),
    }
}

/// What no `--format` reads.
fn never_read(bytes: &[u8]) -> Option<&'static str> {
    const UTF_16: &str = "looks like UTF-16, and notes have to be UTF-8: convert it, as by `iconv -f UTF-16 -t UTF-8`";
    let magic: &[(&[u8], &str)] = &[
        (
            b"\xff\xfe\0\0",
            "looks like UTF-32: convert it to UTF-8, as by `iconv -f UTF-32 -t UTF-8`",
        ),
        (
            b"\0\0\xfe\xff",
            "looks like UTF-32: convert it to UTF-8, as by `iconv -f UTF-32 -t UTF-8`",
        ),
        (b"\xff\xfe", UTF_16),
        (b"\xfe\xff", UTF_16),
        (
            b"\x1f\x8b",
            "is compressed twice: decompress it once, as by `gzip -d`",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "is compressed twice: decompress it once, as by `zstd -d`",
        ),
        (
            b"BZh",
            "looks like bzip2, which is not read: decompress it, or compress it by gzip or zstd",
        ),
        (
            b"\xfd7zXZ\0",
            "looks like xz, which is not read: decompress it, or compress it by gzip or zstd",
        ),
        (
            b"7z\xbc\xaf\x27\x1c",
            "looks like a 7z archive: extract it, and name the folder",
        ),
        (
            b"PK\x03\x04",
            "looks like a ZIP archive, or a document of Word or Excel, which is one: extract it and name the folder, or export CSV or text",
        ),
        (b"PK\x05\x06", "looks like an empty ZIP archive"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "looks like a document of Word or Excel: export it as CSV or text",
        ),
        (b"%PDF-", "looks like a PDF: extract its text first"),
        (b"{\\rtf", "looks like RTF: convert it to text first"),
        (
            b"PAR1",
            "looks like Parquet, and is named as another format",
        ),
        (b"ARROW1", "looks like an Arrow file: write it as Parquet"),
        (b"ORC", "looks like ORC: write it as Parquet"),
        (
            b"Obj\x01",
            "looks like Avro: write it as Parquet or JSON Lines",
        ),
        (
            b"SQLite format 3\0",
            "looks like an SQLite database: export the table as CSV",
        ),
        (b"\x7fELF", "looks like a program"),
        (
            b"\x89PNG\r\n\x1a\n",
            "looks like an image: notes have to be text",
        ),
        (
            b"\xff\xd8\xff",
            "looks like an image: notes have to be text",
        ),
        (b"II*\0", "looks like an image: notes have to be text"),
        (b"MM\0*", "looks like an image: notes have to be text"),
    ];
    // ORC and bzip2 could begin a sentence; what is binary has other bytes soon.
    let word = |magic: &[u8]| magic.iter().all(u8::is_ascii_alphabetic);
    if let Some((_, problem)) = magic
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic) && (!word(magic) || binary(bytes)))
    {
        return Some(problem);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("looks like a tar archive: extract it, and name the folder");
    }
    if bytes.get(128..132) == Some(b"DICM") {
        return Some("looks like DICOM: extract the report's text first");
    }
    match bytes {
        _ if bytes.len() > 4 && bytes.iter().all(|byte| *byte == 0) => {
            Some("holds nothing but zeros")
        }
        [0, _, 0, _, ..] | [_, 0, _, 0, ..] => Some(UTF_16),
        _ if binary(bytes) => Some("looks like binary data, not like text"),
        _ => None,
    }
}

/// A zero byte, or many control characters: a few of them are in the texts of some record systems.
fn binary(bytes: &[u8]) -> bool {
    let control = |byte: &&u8| matches!(byte, 1..=8 | 0x0e..=0x1a | 0x1c..=0x1f);
    bytes.contains(&0) || bytes.iter().filter(control).count() > bytes.len() / 32
}

fn text(text: &[u8], input: &Input) -> Result<Format, &'static str> {
    const PLAIN: &str = "looks like plain text. If all of it is one note, say so by --format whole; otherwise give JSON Lines, CSV, TSV, Parquet, FHIR, or a folder of .txt files";
    match json(text) {
        Some(recognised) => return recognised,
        None if starts(text, "<?xml")
            || starts(text, "<!doctype html")
            || starts(text, "<html") =>
        {
            return Err("looks like XML or HTML: convert it to text or JSON Lines first");
        }
        None if text.starts_with(b"MSH|") => {
            return Err("looks like HL7 version 2: convert it to JSON Lines or FHIR first");
        }
        None => {}
    }
    let first = text.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let first = first.unwrap_or_default();
    let has = |delimiter: u8| {
        let is = |name: &str| {
            first
                .split(|byte| *byte == delimiter)
                .any(|column| unquoted(column) == name.as_bytes())
        };
        is(&input.id_field) && is(&input.text_field)
    };
    if has(b'\t') {
        return Ok(Format::Tsv);
    }
    if has(b',') {
        return Ok(Format::Csv);
    }
    if has(b';') || has(b'|') {
        return Err(
            "looks like a table whose columns are separated by semicolons or bars: separate them by commas or tabs",
        );
    }
    match extension(input.path.as_deref()).as_deref() {
        Some("csv") => Ok(Format::Csv),
        Some("tsv" | "tab") => Ok(Format::Tsv),
        Some("jsonl" | "ndjson" | "json") => Err(
            "is named as JSON, and does not begin with a JSON object; to read it as JSON Lines all the same, say --format jsonl",
        ),
        Some("parquet") => Err("is named as Parquet, and is not"),
        _ => Err(PLAIN),
    }
}

/// `None` if it does not begin as JSON does.
fn json(text: &[u8]) -> Option<Result<Format, &'static str>> {
    let after = text.get(1..)?.trim_ascii_start().first();
    match text[0] {
        b'[' if matches!(after?, b'{' | b'[' | b'"' | b']') => Some(Err(
            "looks like a JSON array: write an object a line, as by `jq -c '.[]'`",
        )),
        b'{' if matches!(after, None | Some(b'"' | b'}')) => {
            let outline = Outline::of(text);
            Some(match outline {
                Outline {
                    resource_type: Some(_),
                    ..
                } => Ok(Format::Fhir),
                Outline { lines: true, .. } => Err(
                    "looks like a JSON object over several lines: write an object a line, as by `jq -c .`, or say --format fhir if it is a FHIR resource",
                ),
                _ => Ok(Format::Jsonl),
            })
        }
        _ => None,
    }
}

fn starts(text: &[u8], with: &str) -> bool {
    let start = text.get(..with.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
}

fn unquoted(column: &[u8]) -> &[u8] {
    let inner = column.strip_prefix(b"\"");
    inner
        .and_then(|inner| inner.strip_suffix(b"\""))
        .unwrap_or(column)
}

/// Lower case, without that of a compression.
fn extension(path: Option<&Path>) -> Option<String> {
    let of = |path: &Path| Some(path.extension()?.to_str()?.to_ascii_lowercase());
    let path = path?;
    match of(path)?.as_str() {
        "gz" | "zst" | "gzip" | "zstd" => of(Path::new(path.file_stem()?)),
        extension => Some(extension.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::compressed::tests::{gzip, zstd};
    use super::super::tests::input;
    use super::*;

    fn of(
        bytes: &[u8],
        path: Option<&str>,
        format: Option<Format>,
    ) -> Result<Format, &'static str> {
        let input = Input {
            path: path.map(Into::into),
            format,
            ..input()
        };
        let head = Head::read(Box::new(std::io::Cursor::new(bytes.to_vec()))).unwrap();
        recognise(&head, &input)
    }

    #[test]
    fn each_kind_of_input_is_what_it_is() {
        let good: &[(&[u8], Option<&str>, Format)] = &[
            (b"{\"id\":1,\"text\":\"a\"}\n", None, Format::Jsonl),
            (
                b"{\"id\":1,\"text\":\"a\"}",
                Some("notes.txt"),
                Format::Jsonl,
            ),
            (
                b"\xef\xbb\xbf\n\r\n {\"id\":1}\n{\"id\":\n",
                None,
                Format::Jsonl,
            ),
            (b"{}\n", None, Format::Jsonl),
            (
                b"{\"resourceType\":\"Bundle\",\n\"entry\":[",
                None,
                Format::Fhir,
            ),
            (
                b"{\"id\":\"1\",\"resourceType\":\"Composition\"}\n",
                Some("a.ndjson"),
                Format::Fhir,
            ),
            (b"id,text\n1,a\n", None, Format::Csv),
            (b"\xef\xbb\xbfother,\"text\",\"id\"\r\n", None, Format::Csv),
            (b"id\ttext\n1\ta\n", Some("notes.csv"), Format::Tsv),
            (b"a,b\n1,a\n", Some("notes.CSV.gz"), Format::Csv),
            (b"a\tb\n1\ta\n", Some("notes.tsv"), Format::Tsv),
            (b"PAR1\x15\x04", None, Format::Parquet),
            (b"{\"id\":1,\"text\":\"\xff\"}\n", None, Format::Jsonl),
        ];
        for (bytes, path, format) in good {
            assert_eq!(of(bytes, *path, None), Ok(*format), "{bytes:?}");
        }
        let utf_16: Vec<u8> = "{\"id\""
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        let bad: &[(&[u8], Option<&str>, &str)] = &[
            (b"", None, "is empty"),
            (b"\xef\xbb\xbf", None, "blanks"),
            (b"\n \r\n", Some("a.jsonl"), "blanks"),
            (&utf_16, None, "UTF-16"),
            (&[b"\xff\xfe", &utf_16[..]].concat(), None, "UTF-16"),
            (b"\xfe\xff\0C\0A", None, "UTF-16"),
            (b"\xff\xfe\0\0C\0\0\0", None, "UTF-32"),
            (b"[{\"id\":1}]", None, "JSON array"),
            (b"[\n  {", Some("a.json"), "JSON array"),
            (b"[]", None, "JSON array"),
            (
                b"{\n  \"id\": 1,\n  \"text\": \"CANARY\"\n}\n",
                None,
                "several lines",
            ),
            (b"CANARY has a cough.\n", None, "--format whole"),
            (b"CANARY", Some("note.txt"), "--format whole"),
            (b"[CANARY] has a cough, and\n", None, "--format whole"),
            (b"{CANARY}\n", None, "--format whole"),
            (b"BZh was said\n", None, "--format whole"),
            (b"CANARY, 54\nid,text\n", None, "--format whole"),
            (b"CANARY\n{\"id\":1}\n", Some("a.jsonl"), "--format jsonl"),
            (b"CANARY", Some("a.parquet"), "named as Parquet"),
            (b"id;text\n", Some("a.csv"), "semicolons"),
            (b"%PDF-1.7\n", None, "PDF"),
            (b"PK\x03\x04\x14\0", Some("a.docx"), "Word or Excel"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, "Word or Excel"),
            (b"{\\rtf1\\ansi CANARY}", None, "RTF"),
            (b"\x7fELF\x02\x01", None, "program"),
            (b"\x89PNG\r\n\x1a\n\0", None, "image"),
            (b"\xff\xd8\xff\xe0", None, "image"),
            (b"CANARY\0\x01\x02", None, "binary"),
            (&gzip(b"{}"), None, "compressed twice"),
            (&zstd(b"{}"), None, "compressed twice"),
            (b"BZh91AY&SY\x01", None, "bzip2"),
            (b"\xfd7zXZ\0\0", None, "xz"),
            (b"ARROW1\0\0", None, "Arrow"),
            (b"Obj\x01\x04", None, "Avro"),
            (b"SQLite format 3\0", None, "SQLite"),
            (&tar, None, "tar"),
            (b"<?xml version=\"1.0\"?>", None, "XML"),
            (b"<!DOCTYPE html>\n", None, "HTML"),
            (b"MSH|^~\\&|CANARY\r", None, "HL7"),
        ];
        for (bytes, path, problem) in bad {
            let said = of(bytes, *path, None).unwrap_err();
            assert!(said.contains(problem), "{problem}: {said}");
            assert!(!said.contains("CANARY"));
        }
    }

    #[test]
    fn a_format_that_is_named_is_taken_but_for_what_none_reads() {
        assert_eq!(of(b"CANARY", None, Some(Format::Whole)), Ok(Format::Whole));
        assert_eq!(of(b"CANARY", None, Some(Format::Jsonl)), Ok(Format::Jsonl));
        assert!(of(b"", None, Some(Format::Whole)).is_err());
        assert!(of(b"%PDF-1.7\n", None, Some(Format::Whole)).is_err());
        assert!(of(b"PAR1", None, Some(Format::Csv)).is_err());
        assert!(of(b"CANARY", None, Some(Format::Parquet)).is_err());
        assert!(of(b"CANARY", None, Some(Format::Folder)).is_err());
    }
}
