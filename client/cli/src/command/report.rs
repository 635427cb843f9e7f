//! `sealnote report`: what results say as a whole.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::report::{self, ReadError, Report, RunFacts};

#[derive(Args)]
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
    /// Print the numbers as JSON instead of for a person.
    #[arg(long)]
    json: bool,
}

impl ReportCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some(page) = &self.output {
            self.check_page(page)?;
        }
        let path = (self.results != Path::new("-")).then_some(self.results.as_path());
        let report = Report::of(path).map_err(|error| unreadable(&self.results, &error))?;
        if let Some(page) = &self.output {
            self.write_page(page, &report::page(&report))?;
        }
        match self.json {
            true => {
                let json = json!({"results": report.summary, "run": report.run});
                print(&[format!("{json:#}")])
            }
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
            Exit::Output.because(format!("{} cannot be written: {error}", escaped(path)))
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

fn unreadable(path: &Path, error: &ReadError) -> Failure {
    Exit::Usage.because(format!("{} cannot be read: {error}", escaped(path)))
}

fn is_there(page: &Path) -> Failure {
    Exit::Usage.because(format!(
        "{} is there already; replace it with --force",
        escaped(page)
    ))
}

fn escaped(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}
