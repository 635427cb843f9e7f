//! `sealnote report` as it is run: its numbers, its page, and what is in neither.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const EVIL: &str = "<script>x</script>\u{202e}\u{1b}[2J\"'";

/// Six rows of a run that wrote a seventh to its rejects.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let row = |line: u64, more: Value| {
        let mut row = json!({"id": "CANARY-ID", "line": line, "note": "CANARY-TEXT", "message": "CANARY-MESSAGE"});
        row.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        row.to_string() + "\n"
    };
    let label = |label: &str, score: f64, known: f64| json!({"label": label, "score": score, "known": known, "evidence": "aaaa"});
    let rows = [
        row(1, label("sepsis", 0.5, 1.0)),
        row(2, label("sepsis", 1.0, 0.9)),
        row(3, label(EVIL, 0.75, 0.7)),
        row(4, label("sepsis", 0.97, 1.0)),
        row(5, json!({"error": "too_long", "evidence": "bbbb"})),
        row(6, json!({"error": EVIL})),
    ];
    std::fs::write(folder.path().join("r.jsonl"), rows.concat()).unwrap();
    let session = |evidence: &str| json!({"evidence": evidence, "kind": "nitro", "measured_as": EVIL, "model": "0123456789abcdef0123", "at": "t"});
    let run = json!({
        "state": "complete",
        "started": "2026-01-02T03:04:05Z",
        "updated": "2026-01-02T03:04:07Z",
        "input": {"name": "CANARY-INPUT"},
        "counts": {"classified": 4, "failed": 3, "errors": {"too_long": 2, "bad": 1}},
        "sessions": [session("aaaa"), session("bbbb")],
        "a field of a later release": 1,
    });
    std::fs::write(folder.path().join("r.jsonl.run.json"), run.to_string()).unwrap();
    folder
}

fn report(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .current_dir(folder)
        .arg("report")
        .args(arguments)
        .output()
        .unwrap()
}

/// Standard output, of a run that must have succeeded.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = report(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = report(folder, arguments);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_numbers_are_those_of_the_rows() {
    let folder = folder();
    let json = said(folder.path(), &["r.jsonl", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let results = &json["results"];
    assert_eq!(
        (&results["rows"], &results["classified"], &results["failed"]),
        (&json!(6), &json!(4), &json!(2))
    );
    assert_eq!(results["labels"]["names"]["sepsis"]["count"], 3);
    assert_eq!(results["evidence"]["names"]["aaaa"]["count"], 4);
    assert_eq!(
        results["known"],
        json!({"all": 2, "from_95": 0, "from_80": 1, "from_50": 1, "below_50": 0})
    );
    let scores: Vec<u64> = serde_json::from_value(results["scores"].clone()).unwrap();
    let filled: Vec<_> = scores
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .collect();
    assert_eq!(filled, [(10, &1), (15, &1), (19, &2)]);
    assert_eq!(json["run"]["sessions"][1]["evidence"], "bbbb");

    let text = said(folder.path(), &["r.jsonl"]);
    let has = |line: &[&str]| {
        text.lines()
            .any(|seen| seen.split_whitespace().collect::<Vec<_>>().ends_with(line))
    };
    assert!(has(&["classified", "4", "66.7", "%"]), "{text}");
    assert!(has(&["in", "the", "rejects", "file", "1"]), "{text}");
    assert!(has(&["3", "75.0", "%", "0.823"]), "{text}");
    assert!(has(&["duration", "2", "s", "4", "a", "second"]), "{text}");
    assert!(
        has(&["2", "66.7", "%"]),
        "the run's errors, not the file's: {text}"
    );
}

#[test]
fn neither_the_page_nor_the_terminal_names_a_record_or_obeys_a_label() {
    let folder = folder();
    let text = said(folder.path(), &["r.jsonl", "-o", "page.html"]);
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    let json = said(folder.path(), &["r.jsonl", "--json"]);
    for output in [&page, &text, &json] {
        assert!(!output.contains("CANARY"));
    }
    for output in [&page, &text] {
        assert!(!output.contains('\u{202e}') && !output.contains('\u{1b}'));
        assert!(output.contains("\\u{202e}\\u{1b}[2J"));
    }
    assert!(page.contains("&lt;script&gt;x&lt;/script&gt;"));
    let tags = page.to_ascii_lowercase();
    for banned in [
        "<script", "<img", "<link", "<iframe", "src=", "href=", "url(", "@import", "http:",
        "https:",
    ] {
        assert!(!tags.contains(banned), "{banned}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_page_is_well_formed() {
    let folder = folder();
    said(folder.path(), &["r.jsonl", "-o", "page.html"]);
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    let mut open = Vec::new();
    for tag in page.split('<').skip(1).filter(|tag| !tag.starts_with('!')) {
        let name: String = tag
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '/')
            .collect();
        let tag = tag.split('>').next().unwrap();
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
            None if name == "meta" || tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn nothing_is_replaced_unless_it_is_to_be_and_the_results_never() {
    let folder = folder();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "earlier").unwrap();
    let error = refused(folder.path(), &["r.jsonl", "-o", "page.html"]);
    assert!(error.contains("page.html is there already"), "{error}");
    assert_eq!(std::fs::read(&page).unwrap(), b"earlier");
    said(folder.path(), &["r.jsonl", "-o", "page.html", "--force"]);
    assert!(
        std::fs::read(&page)
            .unwrap()
            .starts_with(b"<!DOCTYPE html>")
    );
    for own in ["r.jsonl", "./r.jsonl.run.json"] {
        let before = std::fs::read(folder.path().join(own)).unwrap();
        refused(folder.path(), &["r.jsonl", "-o", own, "--force"]);
        assert_eq!(std::fs::read(folder.path().join(own)).unwrap(), before);
    }
}

#[test]
fn without_a_manifest_the_rows_say_which_evidence_they_have() {
    let folder = folder();
    std::fs::remove_file(folder.path().join("r.jsonl.run.json")).unwrap();
    let text = said(folder.path(), &["r.jsonl"]);
    assert!(
        text.contains("evidence aaaa…  4 rows") && !text.contains("rejects"),
        "{text}"
    );
    let error = refused(folder.path(), &["missing.jsonl"]);
    assert!(error.contains("missing.jsonl cannot be read"), "{error}");
}

#[test]
fn parquet_says_what_the_rows_said_that_it_was_made_of() {
    use sealnote_cli::sink::{OutputFormat, Scores, SinkOptions};

    let folder = folder();
    let (partial, target) = (
        folder.path().join("r.partial"),
        folder.path().join("r.parquet"),
    );
    // Of these rows Parquet has the columns of a run that passed `note` through.
    let several = json!({"id": null, "line": 7, "labels": ["a", "b"], "known": 0.5, "scores": {"b": 0.9}, "model": "02"});
    let rows = std::fs::read_to_string(folder.path().join("r.jsonl")).unwrap();
    std::fs::write(folder.path().join("r.jsonl"), format!("{rows}{several}\n")).unwrap();
    std::fs::copy(folder.path().join("r.jsonl"), &partial).unwrap();
    let options = SinkOptions {
        scores: Scores::All,
        models: true,
        passed: ["note".to_owned()].into(),
    };
    OutputFormat::Parquet
        .complete(&options, &partial, &target)
        .unwrap();
    let of = |name: &str| -> Value {
        let json = said(folder.path(), &[name, "--json"]);
        serde_json::from_str::<Value>(&json).unwrap()["results"].take()
    };
    let (parquet, rows) = (of("r.parquet"), of("r.jsonl"));
    assert_eq!(
        (&rows["rows"], &rows["models"]["names"]["02"]["count"]),
        (&json!(7), &json!(1))
    );
    assert_eq!(parquet, rows);
}
