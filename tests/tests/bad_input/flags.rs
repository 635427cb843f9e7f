//! Flags.

use super::case::{Case, case, good};

pub fn flags() -> Vec<Case> {
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
