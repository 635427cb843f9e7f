//! What the client says to bad input: docs/bad-input.md is what is tried here, and is written anew with SEALNOTE_BLESS=1.

mod common;

use std::fmt::Write;
use std::io::Write as _;
use std::path::Path;

use common::programs::{Program, run_with_input};

/// In no message: the inputs' text.
const CANARY: &str = "Zyxwabergine";

/// The page, beside what is said of it.
const PAGE: &str = "../docs/bad-input.md";

struct Case {
    /// What is wrong, for a person.
    what: &'static str,
    /// The input's name; none is standard input.
    name: Option<&'static str>,
    bytes: Vec<u8>,
    flags: &'static [&'static str],
    code: i32,
    /// A part of what is said.
    says: &'static str,
}

fn case(
    what: &'static str,
    name: &'static str,
    bytes: impl Into<Vec<u8>>,
    code: i32,
    says: &'static str,
) -> Case {
    Case {
        what,
        name: Some(name),
        bytes: bytes.into(),
        flags: &[],
        code,
        says,
    }
}

impl Case {
    fn with(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

    fn on_stdin(self) -> Self {
        Self { name: None, ..self }
    }
}

fn good(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"text\":\"{CANARY} note.\"}}\n")
}

fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let units = text.encode_utf16();
    let mark = if mark { vec![0xfeff] } else { vec![] };
    let units = mark.into_iter().chain(units);
    units
        .flat_map(|unit| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn document(attachment: &str) -> String {
    format!(
        "{{\"resourceType\":\"DocumentReference\",\"id\":\"d1\",\"status\":\"current\",\"content\":[{{\"attachment\":{attachment}}}]}}\n"
    )
}

/// A good line, the bad one, and a good one: those about it are not lost.
fn between(bad: impl AsRef<[u8]>) -> Vec<u8> {
    [
        good("a").as_bytes(),
        bad.as_ref(),
        b"\n",
        good("b").as_bytes(),
    ]
    .concat()
}

fn whole_inputs() -> Vec<Case> {
    let array = format!("[{},{}]", good("a").trim(), good("b").trim());
    let pretty = format!("{{\n  \"id\": 1,\n  \"text\": \"{CANARY}\"\n}}\n");
    let csv = format!("id,text\n1,{CANARY}\n");
    let text = format!("{CANARY} for three days.\nNo fever.\n");
    vec![
        case("nothing", "notes.jsonl", "", 2, "empty"),
        case("blank lines only", "notes.jsonl", "\n \n\t\n", 2, ""),
        case("a byte order mark only", "notes.jsonl", "\u{feff}", 2, ""),
        case(
            "JSON Lines with a byte order mark",
            "notes.jsonl",
            format!("\u{feff}{}", good("a")),
            0,
            "1 of 1",
        ),
        case(
            "JSON Lines after blank lines",
            "notes.jsonl",
            format!("\n\n{}", good("a")),
            0,
            "1 of 1",
        ),
        case(
            "JSON Lines with CR LF",
            "notes.jsonl",
            good("a").replace('\n', "\r\n"),
            0,
            "1 of 1",
        ),
        case(
            "JSON Lines without a last line feed",
            "notes.jsonl",
            good("a").trim(),
            0,
            "1 of 1",
        ),
        case("JSON Lines on standard input", "", good("a"), 0, "1 of 1").on_stdin(),
        case("JSON Lines named .txt", "notes.txt", good("a"), 0, "1 of 1"),
        case("JSON Lines named .csv", "notes.csv", good("a"), 0, "1 of 1"),
        case(
            "other field names",
            "notes.jsonl",
            format!("{{\"note_id\":1,\"note\":\"{CANARY}\"}}\n"),
            2,
            "--id-field",
        ),
        case(
            "no id in the first object",
            "notes.jsonl",
            format!("{{\"text\":\"{CANARY}\"}}\n"),
            2,
            "--id-field",
        ),
        case("a JSON array", "notes.json", array.clone(), 2, "array"),
        case("a JSON array on standard input", "", array, 2, "array").on_stdin(),
        case(
            "one JSON object over several lines",
            "note.json",
            pretty,
            2,
            "",
        ),
        case("a JSON text", "note.json", format!("\"{CANARY}\"\n"), 2, ""),
        case("plain text", "note.txt", text.clone(), 2, "--format whole"),
        case(
            "plain text on standard input",
            "",
            text.clone(),
            2,
            "--format whole",
        )
        .on_stdin(),
        case(
            "plain text, as one note",
            "note.txt",
            text.clone(),
            0,
            "1 of 1",
        )
        .with(&["--format", "whole"]),
        case(
            "plain text, as JSON Lines",
            "note.txt",
            text.clone(),
            4,
            "0 of 2",
        )
        .with(&["--format", "jsonl"]),
        case("plain text, as CSV", "note.txt", text.clone(), 2, "").with(&["--format", "csv"]),
        case(
            "UTF-16, little endian, with a mark",
            "notes.jsonl",
            utf16(&good("a"), false, true),
            2,
            "UTF-16",
        ),
        case(
            "UTF-16, big endian, with a mark",
            "notes.jsonl",
            utf16(&good("a"), true, true),
            2,
            "UTF-16",
        ),
        case(
            "UTF-16, little endian, without a mark",
            "notes.jsonl",
            utf16(&good("a"), false, false),
            2,
            "UTF-16",
        ),
        case(
            "UTF-16, big endian, without a mark",
            "notes.jsonl",
            utf16(&good("a"), true, false),
            2,
            "UTF-16",
        ),
        case(
            "UTF-16 CSV",
            "notes.csv",
            utf16(&csv, false, true),
            2,
            "UTF-16",
        ),
        case("a PDF", "note.pdf", format!("%PDF-1.7\n{CANARY}"), 2, "PDF"),
        case(
            "a Word document or a spreadsheet",
            "notes.xlsx",
            b"PK\x03\x04\x14\x00\x06\x00CANARY".as_slice(),
            2,
            "ZIP",
        ),
        case("RTF", "note.rtf", format!("{{\\rtf1 {CANARY}}}"), 2, ""),
        case(
            "XML",
            "note.xml",
            format!("<?xml version=\"1.0\"?><note>{CANARY}</note>"),
            2,
            "",
        ),
        case(
            "HTML",
            "note.html",
            format!("<!DOCTYPE html><p>{CANARY}</p>"),
            2,
            "",
        ),
        case(
            "a program",
            "notes.bin",
            b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00".as_slice(),
            2,
            "",
        ),
        case("zeros", "notes.jsonl", vec![0; 4096], 2, ""),
        case(
            "random bytes",
            "notes.dat",
            b"\x8f\xe2\x03\x9c\xff\xfe\xfd\x00\x01\x02".as_slice(),
            2,
            "",
        ),
        case(
            "Latin-1 text",
            "note.txt",
            b"caf\xe9 Zyxwabergine\n".as_slice(),
            2,
            "",
        ),
        case(
            "a tar archive",
            "notes.tar",
            {
                let mut tar = vec![0; 1024];
                tar[..5].copy_from_slice(b"notes");
                tar[257..262].copy_from_slice(b"ustar");
                tar
            },
            2,
            "",
        ),
        case(
            "bzip2",
            "notes.jsonl.bz2",
            b"BZh91AY&SY\x00\x01".as_slice(),
            2,
            "",
        ),
        case(
            "xz",
            "notes.jsonl.xz",
            b"\xfd7zXZ\x00\x00\x04".as_slice(),
            2,
            "",
        ),
    ]
}

fn compressed() -> Vec<Case> {
    let lines: String = (0..500).map(|n| good(&n.to_string())).collect();
    let zipped = gzip(lines.as_bytes());
    let mut flipped = zipped.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    vec![
        case("gzip", "notes.jsonl.gz", zipped.clone(), 0, "500 of 500"),
        case(
            "gzip without the ending",
            "notes.jsonl",
            zipped.clone(),
            0,
            "500 of 500",
        ),
        case(
            "gzip on standard input",
            "",
            zipped.clone(),
            0,
            "500 of 500",
        )
        .on_stdin(),
        case(
            "two gzip members",
            "notes.jsonl.gz",
            [gzip(good("a").as_bytes()), gzip(good("b").as_bytes())].concat(),
            0,
            "2 of 2",
        ),
        case(
            "gzip that was cut short",
            "notes.jsonl.gz",
            cut(zipped.clone()),
            2,
            "",
        ),
        case("gzip with a flipped bit", "notes.jsonl.gz", flipped, 2, ""),
        case("gzip in gzip", "notes.jsonl.gz.gz", gzip(&zipped), 2, ""),
        case(
            "gzip of plain text",
            "note.txt.gz",
            gzip(CANARY.as_bytes()),
            2,
            "--format whole",
        ),
        case("gzip of nothing", "notes.jsonl.gz", gzip(b""), 2, "empty"),
        case(
            "gzip's first bytes only",
            "notes.jsonl.gz",
            b"\x1f\x8b\x08".as_slice(),
            2,
            "",
        ),
        case(
            "zstd's first bytes only",
            "notes.jsonl.zst",
            b"\x28\xb5\x2f\xfd".as_slice(),
            2,
            "",
        ),
    ]
}

fn records() -> Vec<Case> {
    let bad = |what, line: &str, says| case(what, "notes.jsonl", between(line), 4, says);
    let long = format!("{{\"id\":\"long\",\"text\":\"{}\"}}", "x".repeat(2 << 20));
    vec![
        bad("a line that is no JSON", CANARY, "line 2"),
        bad(
            "a line that was cut",
            &format!("{{\"id\":1,\"text\":\"{CANARY}"),
            "line 2",
        ),
        bad(
            "an array for an object",
            &format!("[1,\"{CANARY}\"]"),
            "line 2",
        ),
        bad(
            "two objects on a line",
            "{\"id\":1,\"text\":\"a\"}{\"id\":2,\"text\":\"b\"}",
            "line 2",
        ),
        bad(
            "two texts in an object",
            "{\"id\":1,\"text\":\"a\",\"text\":\"b\"}",
            "line 2",
        ),
        bad(
            "two ids in an object",
            "{\"id\":1,\"id\":2,\"text\":\"a\"}",
            "line 2",
        ),
        bad("no text", "{\"id\":7}", "line 2, id 7"),
        bad(
            "a text that is null",
            "{\"id\":7,\"text\":null}",
            "line 2, id 7",
        ),
        bad(
            "a text that is a number",
            "{\"id\":7,\"text\":3}",
            "line 2, id 7",
        ),
        bad(
            "a text that is a list",
            &format!("{{\"id\":7,\"text\":[\"{CANARY}\"]}}"),
            "line 2, id 7",
        ),
        bad("no id", &format!("{{\"text\":\"{CANARY}\"}}"), "line 2"),
        bad(
            "an id that is null",
            "{\"id\":null,\"text\":\"a\"}",
            "line 2",
        ),
        bad(
            "an id that is true",
            "{\"id\":true,\"text\":\"a\"}",
            "line 2",
        ),
        bad(
            "an id that is a list",
            "{\"id\":[1],\"text\":\"a\"}",
            "line 2",
        ),
        bad("a comment", "// note", "line 2"),
        bad("a comma at the end", "{\"id\":1,\"text\":\"a\",}", "line 2"),
        bad("single quotes", "{'id':1,'text':'a'}", "line 2"),
        bad("NaN as an id", "{\"id\":NaN,\"text\":\"a\"}", "line 2"),
        bad(
            "half of a surrogate pair",
            "{\"id\":1,\"text\":\"\\ud83d\"}",
            "line 2",
        ),
        bad(
            "a control character in a text",
            "{\"id\":1,\"text\":\"a\u{1}b\"}",
            "line 2",
        ),
        bad("a line of 2 MiB", &long, "--max-record-bytes"),
        case(
            "a line that is not UTF-8",
            "notes.jsonl",
            between(b"{\"id\":1,\"text\":\"caf\xe9\"}"),
            4,
            "UTF-8",
        ),
        case(
            "a nesting of 100,000",
            "notes.jsonl",
            between(format!(
                "{{\"id\":1,\"text\":\"a\",\"b\":{}",
                "[".repeat(100_000)
            )),
            4,
            "line 2",
        ),
        case(
            "a number of 400 digits as an id",
            "notes.jsonl",
            between(format!("{{\"id\":{},\"text\":\"a\"}}", "9".repeat(400))),
            4,
            "line 2",
        ),
        case(
            "an id of 1 MB, and no text",
            "notes.jsonl",
            between(format!(
                "{{\"id\":\"{}\",\"text\":3}}",
                "i".repeat(1_000_000)
            )),
            4,
            "…",
        ),
        case(
            "an escape sequence in an id, and no text",
            "notes.jsonl",
            between("{\"id\":\"\\u001b[31mred\",\"text\":3}"),
            4,
            "\\u{1b}[31mred",
        ),
        case(
            "an id that is another's",
            "notes.jsonl",
            good("a") + &good("a"),
            0,
            "the id of an earlier one: 1",
        ),
        case(
            "the same, with --unique-ids",
            "notes.jsonl",
            good("a") + &good("a"),
            4,
            "line 2, id a",
        )
        .with(&["--unique-ids"]),
        case(
            "the number 1 and the text \"1\"",
            "notes.jsonl",
            "{\"id\":1,\"text\":\"a\"}\n{\"id\":\"1\",\"text\":\"b\"}\n",
            0,
            "2 of 2",
        )
        .with(&["--unique-ids"]),
    ]
}

fn tables() -> Vec<Case> {
    let rows = |rows: &str| format!("id,text\n1,{CANARY}\n{rows}");
    vec![
        case("CSV", "notes.csv", rows(""), 0, "1 of 1"),
        case("CSV on standard input", "", rows(""), 0, "1 of 1").on_stdin(),
        case(
            "CSV with a byte order mark and CR LF",
            "notes.csv",
            format!("\u{feff}{}", rows("").replace('\n', "\r\n")),
            0,
            "1 of 1",
        ),
        case(
            "CSV with a line feed in quotes",
            "notes.csv",
            rows("2,\"a\nb\"\n3,c\n"),
            0,
            "3 of 3",
        ),
        case("TSV", "notes.tsv", rows("").replace(',', "\t"), 0, "1 of 1"),
        case("semicolons", "notes.csv", rows("").replace(',', ";"), 2, ""),
        case(
            "no header",
            "notes.csv",
            format!("1,{CANARY}\n2,{CANARY}\n"),
            2,
            "--id-field",
        ),
        case("a header only", "notes.csv", "id,text\n", 2, ""),
        case(
            "another column name",
            "notes.csv",
            format!("id,note\n1,{CANARY}\n"),
            2,
            "--text-field",
        ),
        case(
            "the column named",
            "notes.csv",
            format!("id,note\n1,{CANARY}\n"),
            0,
            "1 of 1",
        )
        .with(&["--text-field", "note"]),
        case(
            "two columns of that name",
            "notes.csv",
            "id,text,text\n1,a,b\n",
            2,
            "",
        ),
        case(
            "a row with a column too few",
            "notes.csv",
            rows("2\n3,c\n"),
            4,
            "line 3",
        ),
        case(
            "a row with a column too many",
            "notes.csv",
            rows("2,b,c\n3,c\n"),
            4,
            "line 3",
        ),
        case(
            "a quote that is never closed",
            "notes.csv",
            rows("2,\"b\n3,c\n"),
            4,
            "line 3",
        ),
        case(
            "a row that is not UTF-8",
            "notes.csv",
            [rows("").as_bytes(), b"2,caf\xe9\n3,c\n"].concat(),
            4,
            "line 3",
        ),
        case(
            "a row of 2 MiB",
            "notes.csv",
            rows(&format!("2,{}\n3,c\n", "x".repeat(2 << 20))),
            4,
            "--max-record-bytes",
        ),
        case(
            "a column to be passed that is not there",
            "notes.csv",
            rows(""),
            2,
            "ward",
        )
        .with(&["--pass", "ward"]),
        case("Parquet's first bytes only", "notes.parquet", "PAR1", 2, ""),
        case(
            "Parquet with a broken end",
            "notes.parquet",
            [b"PAR1".as_slice(), &[0; 64], b"\xff\xff\xff\x7fPAR1"].concat(),
            2,
            "",
        ),
        case(
            "Parquet on standard input",
            "",
            b"PAR1\x00\x00\x00\x00".as_slice(),
            2,
            "",
        )
        .on_stdin(),
    ]
}

fn fhir() -> Vec<Case> {
    let text = format!(
        "{{\"contentType\":\"text/plain\",\"data\":\"{}\"}}",
        "WnJ4d2FiZXJnaW5lLg=="
    );
    let bundle = |entry: &str| {
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{entry}]}}")
    };
    vec![
        case(
            "a DocumentReference",
            "note.json",
            document(&text),
            0,
            "1 of 1",
        ),
        case(
            "a Bundle",
            "notes.json",
            bundle(&format!("{{\"resource\":{}}}", document(&text).trim())),
            0,
            "1 of 1",
        ),
        case(
            "an attachment by URL",
            "note.ndjson",
            document("{\"contentType\":\"text/plain\",\"url\":\"https://ehr.example/Binary/1\"}"),
            4,
            "id DocumentReference/d1",
        ),
        case(
            "an attachment that is a PDF",
            "note.ndjson",
            document("{\"contentType\":\"application/pdf\",\"data\":\"JVBERi0=\"}"),
            4,
            "id DocumentReference/d1",
        ),
        case(
            "an attachment that is no base64",
            "note.ndjson",
            document("{\"contentType\":\"text/plain\",\"data\":\"%%%\"}"),
            4,
            "id DocumentReference/d1",
        ),
        case(
            "an attachment without data",
            "note.ndjson",
            document("{\"contentType\":\"text/plain\"}"),
            4,
            "id DocumentReference/d1",
        ),
        case(
            "a charset that nobody knows",
            "note.ndjson",
            document("{\"contentType\":\"text/plain; charset=klingon\",\"data\":\"YQ==\"}"),
            4,
            "id DocumentReference/d1",
        ),
        case(
            "other resources beside",
            "notes.ndjson",
            format!(
                "{{\"resourceType\":\"Patient\",\"id\":\"p\"}}\n{}",
                document(&text)
            ),
            0,
            "passed over",
        ),
        case(
            "other resources only",
            "notes.ndjson",
            "{\"resourceType\":\"Patient\",\"id\":\"p\"}\n",
            2,
            "",
        ),
        case("an empty Bundle", "notes.json", bundle(""), 2, ""),
        case(
            "a Bundle that was cut",
            "notes.json",
            cut(bundle(&format!("{{\"resource\":{}}}", document(&text).trim())).into_bytes()),
            2,
            "",
        ),
    ]
}

fn flags() -> Vec<Case> {
    let one = |what, flags, says| case(what, "notes.jsonl", good("a"), 2, says).with(flags);
    vec![
        one("an unknown flag", &["--no-such-flag"], "--no-such-flag"),
        one("an unknown format", &["--format", "docx"], "docx"),
        one("a share beyond 1", &["--min-known", "1.5"], "from 0 to 1"),
        one(
            "a share that is no number",
            &["--min-known", "much"],
            "from 0 to 1",
        ),
        one("no connections", &["--connections", "0"], "--connections"),
        one(
            "a record limit of 1 byte",
            &["--max-record-bytes", "1"],
            "--max-record-bytes",
        ),
        one(
            "a dry run that writes",
            &["--output", "x.jsonl"],
            "--dry-run",
        ),
        one("a folder's format for a file", &["--format", "folder"], ""),
        one(
            "Parquet's format for JSON Lines",
            &["--format", "parquet"],
            "",
        ),
        case(
            "FHIR's format for JSON Lines",
            "notes.jsonl",
            good("a"),
            4,
            "line 1",
        )
        .with(&["--format", "fhir"]),
    ]
}

#[test]
fn each_bad_input_gets_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let groups = [
        ("What an input is", whole_inputs()),
        ("Compressed", compressed()),
        ("Records of JSON Lines", records()),
        ("Tables", tables()),
        ("FHIR", fhir()),
        ("Flags", flags()),
    ];
    let mut page = String::from(
        "# Bad input, and what the client says to it\n\n\
         Each line was tried: `sealnote submit --dry-run INPUT`, with the flags that are named. `tests/tests/bad_input.rs` has the\n\
         inputs, and writes this page with `SEALNOTE_BLESS=1`. Code 2: refused as a whole, and nothing is sent. Code 4: the bad records\n\
         have an error each, and the others are sent.\n",
    );
    let (mut count, mut wrong) = (0, Vec::new());
    for (title, cases) in groups {
        write!(
            page,
            "\n## {title}\n\n| input | code | what is said |\n|---|---:|---|\n"
        )
        .unwrap();
        for case in cases {
            count += 1;
            let said = said(&case, folder.path(), &mut wrong);
            let flags: String = case.flags.iter().map(|flag| format!(" {flag}")).collect();
            let flags = if flags.is_empty() {
                flags
            } else {
                format!(" (`{}`)", flags.trim())
            };
            let said = said.replace('|', "\\|");
            writeln!(page, "| {}{flags} | {} | {said} |", case.what, case.code).unwrap();
        }
    }
    assert!(count >= 100, "{count} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os("SEALNOTE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = there
        .lines()
        .zip(page.lines())
        .find(|(there, page)| there != page);
    assert!(
        there == page,
        "docs/bad-input.md is not what was seen: {differs:?}"
    );
}

/// Runs it, and gives what was said, without what differs from run to run.
fn said(case: &Case, folder: &Path, wrong: &mut Vec<String>) -> String {
    let mut arguments = vec!["submit".to_owned(), "--dry-run".to_owned()];
    let mut path = String::new();
    if let Some(name) = case.name {
        let file = folder.join(name);
        std::fs::write(&file, &case.bytes).unwrap();
        path = file.display().to_string();
        arguments.push(path.clone());
    }
    arguments.extend(case.flags.iter().map(|flag| (*flag).to_owned()));
    let stdin = if case.name.is_none() {
        &case.bytes[..]
    } else {
        b""
    };
    let finished = run_with_input(Program::Client, &arguments, stdin);
    let lower = finished.stderr.to_lowercase();
    let right = finished.code == Some(case.code)
        && finished.stdout.is_empty()
        && finished.stderr.contains(case.says)
        && !lower.contains(&CANARY.to_lowercase()[..8])
        && finished.stderr.len() < 2000;
    if !right {
        let (what, says) = (case.what, case.says);
        wrong.push(format!(
            "{what}: expected {} and {says:?}: {finished:?}",
            case.code
        ));
    }
    let lines = finished
        .stderr
        .lines()
        .filter(|line| !line.trim().is_empty());
    let lines = lines.map(|line| line.trim().trim_start_matches("sealnote: "));
    let lines = lines
        .filter(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let said = lines.collect::<Vec<_>>().join("; ");
    if path.is_empty() {
        said
    } else {
        said.replace(&path, "INPUT")
    }
}
