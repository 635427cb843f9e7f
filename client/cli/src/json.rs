//! What `--json` prints: docs/json.md.

use serde::Serialize;

use crate::exit::Failure;
use crate::facts;

/// What is printed where a command failed, beside what standard error says.
#[derive(Serialize)]
struct Failed<'a> {
    ok: bool,
    /// The exit code.
    exit: u8,
    /// The check that evidence failed.
    check: Option<&'static str>,
    message: &'a str,
}

/// Prints a report.
pub(crate) fn print(report: &impl Serialize) -> Result<(), Failure> {
    match serde_json::to_string_pretty(report) {
        Ok(json) => facts::print(&[json]),
        Err(error) => unreachable!("a report of texts and numbers: {error}"),
    }
}

/// The same result; its failure is printed too, if JSON is asked for.
pub(crate) fn told<T>(json: bool, result: Result<T, Failure>) -> Result<T, Failure> {
    if let (true, Err(failure)) = (json, &result) {
        print(&Failed {
            ok: false,
            exit: failure.exit().code(),
            check: failure.check(),
            message: failure.message(),
        })?;
    }
    result
}
