//! Tables, and FHIR.

use super::CANARY;
use super::case::{Case, case, cut};

pub fn tables() -> Vec<Case> {
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

pub fn fhir() -> Vec<Case> {
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

fn document(attachment: &str) -> String {
    format!(
        "{{\"resourceType\":\"DocumentReference\",\"id\":\"d1\",\"status\":\"current\",\"content\":[{{\"attachment\":{attachment}}}]}}\n"
    )
}
