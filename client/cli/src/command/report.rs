//! `sealnote report`: what results say as a whole.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::{is_stdin, shown};
use crate::json;
use crate::report::{self, Report, ReportJson, RunFacts};

const EXAMPLES: &str = "\
Examples:
  $ sealnote report results.jsonl
  $ sealnote report results.parquet -o report.html
  $ sealnote report results.csv --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportCommand {
    /// Results as `sealnote submit` writes them: JSON Lines, CSV, TSV or Parquet; `-` is standard input. What the
    /// manifest beside them says of the run (RESULTS.run.json) is shown too.
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
    /// Write a page of HTML here. It loads nothing, runs nothing, and names no record.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the page if it is there.
    #[arg(long, requires = "output")]
    force: bool,
    /// Print JSON: docs/results.md.
    #[arg(long)]
    json: bool,
}

impl ReportCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        json::told(self.json, self.report())
    }

    fn report(&self) -> Result<(), Failure> {
        if let Some(page) = &self.output {
            self.check_page(page)?;
        }
        let path = (!is_stdin(&self.results)).then_some(self.results.as_path());
        let report = Report::of(path).map_err(|error| {
            Exit::Usage.because(format!("{} cannot be read: {error}", shown(&self.results)))
        })?;
        if let Some(page) = &self.output {
            self.write_page(page, &report::page(&report))?;
        }
        match self.json {
            true => json::print(&ReportJson::from(&report)),
            false => print(&report::lines(&report)),
        }
    }

    /// Before anything is read.
    fn check_page(&self, page: &Path) -> Result<(), Failure> {
        let same = |read: &Path| matches!((read.canonicalize(), page.canonicalize()), (Ok(a), Ok(b)) if a == b);
        if same(&self.results) || same(&RunFacts::path(&self.results)) {
            return Err(Exit::Usage.because("the page would replace what it is made of"));
        }
        if !self.force && page.symlink_metadata().is_ok() {
            return Err(is_there(page));
        }
        Ok(())
    }

    /// The whole page or none, for nobody but its owner.
    fn write_page(&self, path: &Path, page: &str) -> Result<(), Failure> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let unwritable = |error: io::Error| {
            Exit::Output.because(format!("{} cannot be written: {error}", shown(path)))
        };
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
        file.write_all(page.as_bytes()).map_err(unwritable)?;
        let persisted = match self.force {
            true => file.persist(path),
            false => file.persist_noclobber(path),
        };
        match persisted {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(is_there(path)),
            Err(error) => Err(unwritable(error.error)),
            Ok(_) => Ok(()),
        }
    }
}

fn is_there(page: &Path) -> Failure {
    Exit::Usage.because(format!(
        "{} is there already; replace it with --force",
        shown(page)
    ))
}
