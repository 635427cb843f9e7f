//! What was found, as it is printed.

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::io::{ErrorKind, Write};

use crate::exit::{Exit, Failure};
use crate::json;

#[derive(Serialize)]
pub(super) struct Finding {
    check: &'static str,
    verdict: Verdict,
    says: String,
    /// What to do about it.
    advice: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// All of them, printed as they are found.
pub(super) struct Findings {
    all: Vec<Finding>,
    json: bool,
    broken: Option<std::io::Error>,
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    exit: u8,
    checks: &'a [Finding],
}

impl Finding {
    pub(super) fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            says: says.into(),
            advice: None,
            exit: None,
        }
    }

    pub(super) fn warn(
        check: &'static str,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warn,
            advice: Some(advice.into()),
            ..Self::ok(check, says)
        }
    }

    pub(super) fn failed(
        check: &'static str,
        failure: impl Into<Failure>,
        advice: impl Into<String>,
    ) -> Self {
        let failure = failure.into();
        Self {
            verdict: Verdict::Fail,
            exit: Some(failure.exit()),
            ..Self::warn(check, failure.message(), advice)
        }
    }

    fn print(&self) -> std::io::Result<()> {
        let (word, style) = match self.verdict {
            Verdict::Ok => ("ok", AnsiColor::Green.on_default()),
            Verdict::Warn => ("warn", AnsiColor::Yellow.on_default()),
            Verdict::Fail => ("FAIL", AnsiColor::Red.on_default().bold()),
        };
        let mut out = anstream::stdout().lock();
        let (check, says, reset) = (self.check, &self.says, Style::new());
        writeln!(out, "{style}{word:<4}{style:#}{reset}  {check:<9} {says}")?;
        if let Some(advice) = &self.advice {
            writeln!(out, "{:16} → {advice}", "")?;
        }
        out.flush()
    }
}

impl Findings {
    pub(super) fn new(json: bool) -> Self {
        Self {
            all: Vec::new(),
            json,
            broken: None,
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let is_said = finding.verdict != Verdict::Ok || !crate::say::is_quiet();
        if !self.json
            && is_said
            && let Err(error) = finding.print()
        {
            self.broken.get_or_insert(error);
        }
        self.all.push(finding);
    }

    /// The failure with the worst exit code, if any.
    pub(super) fn end(self) -> Result<(), Failure> {
        let exits = self.all.iter().filter_map(|finding| finding.exit);
        let worst = exits.max_by_key(|exit| severity(*exit));
        if self.json {
            json::print(&Report {
                ok: worst.is_none(),
                exit: worst.map_or(0, Exit::code),
                checks: &self.all,
            })?;
        }
        if let Some(error) = self.broken
            && error.kind() != ErrorKind::BrokenPipe
        {
            return Err(Exit::Output.because(format!("standard output cannot be written: {error}")));
        }
        let of = |verdict| {
            let such = self.all.iter().filter(|finding| finding.verdict == verdict);
            such.count()
        };
        let (failed, all) = (of(Verdict::Fail), self.all.len());
        match worst {
            Some(exit) => Err(exit.because(format!("{failed} of {all} checks failed"))),
            None => Ok(()),
        }
    }
}

/// What somebody on the way may have done is worse than what is missing.
fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Tampered => 4,
        Exit::Rejected => 3,
        Exit::Unreachable => 2,
        _ => 1,
    }
}
