//! What an input is, plain and compressed.

use super::CANARY;
use super::case::{Case, case, cut, good, gzip};

pub fn whole_inputs() -> Vec<Case> {
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

pub fn compressed() -> Vec<Case> {
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
