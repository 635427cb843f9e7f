//! What is there before a run, and what it may write: nothing is replaced that was not made for it.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::Options;
use super::growing::{self, Growing, beside};
use super::manifest::{Manifest, State};
use super::writer::Outputs;
use crate::exit::{Exit, Failure};
use crate::files::shown;
use crate::sink::{CONVERTING, OutputFormat};

/// Where results go.
pub(super) enum Target {
    /// Standard output, a pipe or a device: what it took cannot be taken back, and such a run cannot be resumed.
    Stream(Growing),
    /// A file that appears when it is complete.
    File(Files),
}

/// A file of results, and those beside it.
#[derive(Clone)]
pub(crate) struct Files {
    pub(super) results: PathBuf,
    pub(super) rejects: Option<PathBuf>,
}

/// How a run begins.
pub(super) enum Start {
    New(Target),
    Resumed(Files, Box<Manifest>),
    /// The run that was to be resumed is complete.
    Complete(Box<Manifest>),
}

impl Target {
    /// Opens what is written, and says which files these are.
    pub(super) fn open(
        self,
        manifest: &Manifest,
        unbegun: &mut Unbegun,
    ) -> Result<(Outputs, Option<Files>), Failure> {
        match self {
            Self::Stream(results) => {
                let rejects = None;
                Ok((Outputs { results, rejects }, None))
            }
            Self::File(files) => {
                let known = files.manifest().exists().then_some(manifest);
                Ok((files.open(known, unbegun)?, Some(files)))
            }
        }
    }
}

impl Files {
    pub(super) fn partial(&self) -> PathBuf {
        beside(&self.results, "partial")
    }

    pub(super) fn rejects_partial(&self) -> Option<PathBuf> {
        self.rejects.as_deref().map(|path| beside(path, "partial"))
    }

    pub(super) fn manifest(&self) -> PathBuf {
        beside(&self.results, "run.json")
    }

    /// Opens new files, or those of a run that goes on. What has no rows yet is `unbegun`'s.
    fn open(&self, resumed: Option<&Manifest>, unbegun: &mut Unbegun) -> Result<Outputs, Failure> {
        let has_rows = resumed.is_some_and(|manifest| manifest.input.records > 0);
        let mut open = |path: &Path, bytes: Option<u64>| {
            let opened = match bytes {
                Some(bytes) => Growing::resume(path, bytes),
                None => Growing::create(path),
            };
            let opened = opened.map_err(|error| unwritable(path, &error))?;
            if !has_rows {
                unbegun.has(path.to_owned());
            }
            Ok::<_, Failure>(opened)
        };
        let bytes = resumed.map(|manifest| manifest.output);
        let results = open(&self.partial(), bytes.map(|bytes| bytes.bytes))?;
        let rejects = match self.rejects_partial() {
            Some(path) => Some(open(&path, bytes.map(|bytes| bytes.rejects_bytes))?),
            None => None,
        };
        if resumed.is_some() && !has_rows {
            unbegun.has(self.manifest());
        }
        Ok(Outputs { results, rejects })
    }

    /// Gives the files their names. What was done of it before is not done again.
    pub(super) fn finish(&self, manifest: &mut Manifest, options: &Options) -> io::Result<()> {
        let complete =
            |partial: &Path, path: &Path| options.format.complete(&options.sink, partial, path);
        manifest.state = State::Finishing;
        manifest.write(&self.manifest())?;
        if let (Some(partial), Some(rejects)) = (self.rejects_partial(), &self.rejects) {
            complete(&partial, rejects)?;
        }
        complete(&self.partial(), &self.results)?;
        manifest.state = State::Complete;
        manifest.write(&self.manifest())
    }

    /// Takes away what a run that sent nothing has made.
    pub(super) fn give_up(&self) {
        for path in self.under_way() {
            let _ = std::fs::remove_file(path);
        }
    }

    /// The files that grow.
    fn partials(&self) -> Vec<PathBuf> {
        [Some(self.partial()), self.rejects_partial()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What is there beside the finished files.
    fn under_way(&self) -> Vec<PathBuf> {
        let mut paths = self.partials();
        paths.push(self.manifest());
        paths
    }

    /// The finished files.
    fn finals(&self) -> Vec<&PathBuf> {
        let finals = [Some(&self.results), self.rejects.as_ref()];
        finals.into_iter().flatten().collect()
    }

    /// Every file that a run may write.
    fn all(&self) -> Vec<PathBuf> {
        let mut paths = self.under_way();
        for path in self.finals() {
            paths.push(path.clone());
            paths.push(beside(path, CONVERTING));
        }
        paths
    }

    fn check_finals(&self) -> Result<(), Failure> {
        let mut finals = self.finals().into_iter();
        match finals.find(|path| path.symlink_metadata().is_ok()) {
            None => Ok(()),
            Some(path) => Err(Exit::Usage.because(format!(
                "{} is there already; move it away, name another, or replace it with --force",
                shown(path)
            ))),
        }
    }

    /// Fails if another run has them open.
    fn claim(&self) -> Result<(), Failure> {
        for path in self.partials() {
            growing::is_free(&path).map_err(|error| unwritable(&path, &error))?;
        }
        Ok(())
    }
}

/// Files that are open for a run that sent nothing yet: if it never does, they are taken away.
#[derive(Default)]
pub(super) struct Unbegun(Vec<PathBuf>);

impl Unbegun {
    fn has(&mut self, path: PathBuf) {
        self.0.push(path);
    }

    pub(super) fn has_begun(mut self) {
        self.0.clear();
    }
}

impl Drop for Unbegun {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Options {
    /// Looks at what is there. Nothing is changed but what `--force` gives up.
    pub(super) fn start(&self) -> Result<Start, Failure> {
        let output = self.output.as_deref();
        let Some(output) = output.filter(|path| *path != Path::new("-")) else {
            return self.stream(Growing::stream(io::stdout()));
        };
        let rejects = self.rejects.as_deref();
        if let Some(path) = rejects
            && path.extension().is_some()
            && let Ok(named) = OutputFormat::choose(None, Some(path))
            && named != self.format
            && (named, self.format) != (OutputFormat::Jsonl, OutputFormat::Fhir)
        {
            return Err(Exit::Usage.because(format!(
                "{} is named as another format than that of the results, which rejects have, too",
                shown(path)
            )));
        }
        if let Some(path) = rejects
            && path.metadata().is_ok_and(|target| !target.is_file())
        {
            return Err(unwritable(path, &io::Error::other("it is not a file")));
        }
        if output.metadata().is_ok_and(|target| !target.is_file()) {
            return self.special(output);
        }
        let files = Files {
            results: real(output)?,
            rejects: rejects.map(real).transpose()?,
        };
        self.check_paths(&files)?;
        match self.resume {
            true => self.resumed(files),
            false => self.new_files(files),
        }
    }

    /// No file of the run is another of it, or one that is read.
    fn check_paths(&self, files: &Files) -> Result<(), Failure> {
        let mut taken = Vec::new();
        for path in files.all() {
            for input in &self.inputs {
                if real(input).is_ok_and(|input| input == path) {
                    let (path, input) = (shown(&path).to_string(), shown(input));
                    return Err(
                        Exit::Usage.because(format!("{path} would overwrite the input {input}"))
                    );
                }
            }
            if taken.contains(&path) {
                return Err(Exit::Usage.because(format!(
                    "results and rejects cannot both go to {}",
                    shown(&path)
                )));
            }
            taken.push(path);
        }
        Ok(())
    }

    fn stream(&self, out: Growing) -> Result<Start, Failure> {
        let problem = match (self.resume, &self.rejects) {
            (true, _) => {
                "a run can be resumed only with -o FILE: what a stream took cannot be seen"
            }
            (_, Some(_)) => "--rejects needs -o FILE, so that both files are of one run",
            _ if self.format.needs_file() => {
                "results in this format need -o FILE: they are not written row by row"
            }
            _ => return Ok(Start::New(Target::Stream(out))),
        };
        Err(Exit::Usage.because(problem))
    }

    /// A pipe or a device: there is nothing to replace.
    fn special(&self, output: &Path) -> Result<Start, Failure> {
        let kind = output.metadata().map(|target| target.file_type());
        if kind.is_ok_and(|kind| kind.is_char_device() || kind.is_fifo()) {
            let file = std::fs::File::options().write(true).open(output);
            let file = file.map_err(|error| unwritable(output, &error))?;
            return self.stream(Growing::stream(file));
        }
        Err(unwritable(output, &io::Error::other("it is not a file")))
    }

    fn new_files(&self, files: Files) -> Result<Start, Failure> {
        if self.force {
            files.claim()?;
            for path in files.under_way() {
                remove_if_there(&path)?;
            }
            return Ok(Start::New(Target::File(files)));
        }
        files.check_finals()?;
        let mut under_way = files.under_way().into_iter();
        if let Some(path) = under_way.find(|path| path.symlink_metadata().is_ok()) {
            return Err(Exit::Usage.because(format!(
                "{} is there, of a run that was cut short; go on with it by --resume, or give it up by --force",
                shown(&path)
            )));
        }
        Ok(Start::New(Target::File(files)))
    }

    fn resumed(&self, files: Files) -> Result<Start, Failure> {
        let path = files.manifest();
        let manifest = match Manifest::read(&path) {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A run that was cut short before it sent anything has nothing to resume, and left nothing.
                files.check_finals()?;
                files.claim()?;
                for partial in files.partials() {
                    if partial.metadata().is_ok_and(|found| found.len() > 0) {
                        return Err(Exit::Usage.because(format!(
                            "{} has rows, and no {} tells of their run: it cannot be resumed; --force gives it up",
                            shown(&partial),
                            shown(&path)
                        )));
                    }
                    remove_if_there(&partial)?;
                }
                return Ok(Start::New(Target::File(files)));
            }
            Err(error) => {
                return Err(Exit::Usage.because(format!(
                    "{} cannot be read ({error}); begin anew with --force",
                    shown(&path)
                )));
            }
        };
        if let Some((name, now, then)) = self.settings().difference(&manifest.settings) {
            return Err(Exit::Usage.because(format!(
                "the run was begun with {name} {then}, and this is {now}: resume it as it was begun, or begin anew with --force"
            )));
        }
        match manifest.state {
            State::Complete if !files.results.exists() => Err(Exit::Usage.because(format!(
                "{} tells of a complete run, whose results are gone; begin anew with --force",
                shown(&path)
            ))),
            State::Complete => Ok(Start::Complete(Box::new(manifest))),
            State::Finishing => {
                files.claim()?;
                let mut manifest = manifest;
                let finished = files.finish(&mut manifest, self);
                finished.map_err(|error| unwritable(&files.results, &error))?;
                Ok(Start::Complete(Box::new(manifest)))
            }
            State::Running => Ok(Start::Resumed(files, Box::new(manifest))),
        }
    }
}

/// What a link leads to is replaced, not the link. One spelling for each file, whether it is there or not.
fn real(path: &Path) -> Result<PathBuf, Failure> {
    let is_link = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_symlink());
    match path.canonicalize() {
        Ok(real) => return Ok(real),
        Err(error) if is_link => {
            let error = io::Error::other(format!("it is a link that leads nowhere ({error})"));
            return Err(unwritable(path, &error));
        }
        Err(_) => {}
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize();
    let folder = folder.map_err(|error| unwritable(path, &error))?;
    match path.file_name() {
        Some(name) => Ok(folder.join(name)),
        None => Err(unwritable(path, &io::Error::other("it is not a file"))),
    }
}

fn remove_if_there(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(path, &error)),
        _ => Ok(()),
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let path = shown(path).to_string();
    Exit::Output.because(format!(
        "{} cannot be written: {error}",
        path.escape_debug()
    ))
}
