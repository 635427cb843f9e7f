//! What the client says to bad input: docs/bad-input.md is what is tried here, and is written anew with SEALNOTE_BLESS=1.

mod common;

#[path = "bad_input/case.rs"]
mod case;
#[path = "bad_input/flags.rs"]
mod flags;
#[path = "bad_input/formats.rs"]
mod formats;
#[path = "bad_input/records.rs"]
mod records;
#[path = "bad_input/whole.rs"]
mod whole;

use std::fmt::Write;
use std::path::Path;

use case::Case;
use common::programs::{Program, run_with_input};

/// In no message: the inputs' text.
const CANARY: &str = "Zyxwabergine";

/// The page, beside what is said of it.
const PAGE: &str = "../docs/bad-input.md";

#[test]
fn each_bad_input_gets_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let groups = [
        ("What an input is", whole::whole_inputs()),
        ("Compressed", whole::compressed()),
        ("Records of JSON Lines", records::records()),
        ("Tables", formats::tables()),
        ("FHIR", formats::fhir()),
        ("Flags", flags::flags()),
    ];
    let mut page = String::from(
        "# Bad input, and what the client says to it\n\n\
         Each line was tried: `sealnote submit --dry-run INPUT`, with the flags that are named. `tests/tests/bad_input/` has the\n\
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
