//! What results say as a whole: counts, and nothing of a single record.
//!
//! ```text
//! results → rows, one by one → Summary → a terminal, a page, JSON
//! ```

mod chart;
mod page;
mod rows;
mod run;
mod summary;
mod terminal;

pub(crate) use page::page;
pub(crate) use rows::ReadError;
pub(crate) use run::RunFacts;
pub(crate) use terminal::lines;

use std::path::Path;

use serde::Serialize;
use summary::Summary;

/// What a report is made of.
pub(crate) struct Report {
    /// The results' name, for a person.
    pub(crate) name: String,
    pub(crate) summary: Summary,
    /// From the manifest beside the results.
    pub(crate) run: Option<RunFacts>,
}

/// A report as `--json` prints it.
#[derive(Serialize)]
pub(crate) struct ReportJson<'a> {
    ok: bool,
    results: &'a Summary,
    run: Option<&'a RunFacts>,
}

impl<'a> From<&'a Report> for ReportJson<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            ok: true,
            results: &report.summary,
            run: report.run.as_ref(),
        }
    }
}

/// One session's part, every text of it ready to be shown.
#[derive(Default)]
struct SessionRow {
    evidence: String,
    rows: u64,
    kind: String,
    measured_as: String,
    model: String,
    at: String,
}

impl Report {
    /// Reads results, row by row, and the manifest beside them, if there is one. No path is standard input.
    pub(crate) fn of(path: Option<&Path>) -> Result<Self, ReadError> {
        let name = match path {
            None => "standard input".into(),
            Some(path) => path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy(),
        };
        let mut summary = Summary::default();
        summary.cut_short = rows::read(path, &mut |row| summary.add(row))?;
        Ok(Self {
            name: name.into_owned(),
            summary,
            run: path.and_then(RunFacts::beside),
        })
    }

    /// Records that failed and have their rows in another file.
    fn rejected(&self) -> Option<u64> {
        let failed = self.run.as_ref()?.counts.failed;
        failed
            .checked_sub(self.summary.failed)
            .filter(|more| *more > 0)
    }

    /// Codes of errors, the most frequent first, and how many there are of all others: those of the run, if some of
    /// them are in another file.
    fn errors(&self) -> (Vec<(String, u64)>, u64) {
        if let (Some(run), Some(_)) = (&self.run, self.rejected()) {
            let mut errors: Vec<_> = run.counts.errors.clone().into_iter().collect();
            errors.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
            return (errors, 0);
        }
        let (errors, others) = self.summary.errors.top(usize::MAX);
        let errors = errors
            .into_iter()
            .map(|(code, count)| (code.to_owned(), count.count));
        (errors.collect(), others)
    }

    /// The sessions that gave the results: what the manifest says of them, or what the rows say.
    fn sessions(&self, most: usize) -> Vec<SessionRow> {
        let digest = |text: &str| shown(text.get(..16).unwrap_or(text), 16);
        let Some(run) = self.run.as_ref().filter(|run| !run.sessions.is_empty()) else {
            let (evidence, _) = self.summary.evidence.top(most);
            let row = |(evidence, count): (&str, summary::Count)| SessionRow {
                evidence: digest(evidence),
                rows: count.count,
                ..SessionRow::default()
            };
            return evidence.into_iter().map(row).collect();
        };
        let row = |session: &run::SessionFacts| SessionRow {
            evidence: digest(&session.evidence),
            rows: self.summary.evidence.of(&session.evidence),
            kind: shown(&session.kind, 32),
            measured_as: shown(&session.measured_as, 64),
            model: digest(&session.model),
            at: shown(&session.at, 32),
        };
        run.sessions.iter().take(most).map(row).collect()
    }
}

/// A text of a peer, for a person: cut where it is long, and escaped where it would control a terminal or the
/// direction of what stands beside it.
fn shown(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    let mut places = 0;
    for c in text.chars() {
        let directs = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        let escaped = (c.is_control() || directs).then(|| c.escape_unicode());
        places += escaped.as_ref().map_or(1, |escaped| escaped.len());
        if places > longest {
            shown.push('…');
            break;
        }
        match escaped {
            Some(escaped) => shown.extend(escaped),
            None => shown.push(c),
        }
    }
    shown
}

/// `12.3 %`.
fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => "–".into(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_text_controls_nothing() {
        assert_eq!(
            shown("a\u{1b}[2J\u{202e}b\nc", 99),
            "a\\u{1b}[2J\\u{202e}b\\u{a}c"
        );
        assert_eq!(shown("äöü", 2), "äö…");
        assert_eq!(shown("äö", 2), "äö");
        assert_eq!(shown("a\u{1b}b", 5), "a…");
    }
}
