//! What is there before a run, and what it may write: nothing is replaced that was not made for it.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::Options;
use super::growing::{Growing, beside};
use super::manifest::{Manifest, State};
use super::writer::Outputs;
use crate::exit::{Exit, Failure};
use crate::files::shown;

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

    /// Opens new files, or those of a run that goes on.
    pub(super) fn open(&self, resumed: Option<&Manifest>) -> Result<Outputs, Failure> {
        let open = |path: &Path, bytes: Option<u64>| {
            let opened = match bytes {
                Some(bytes) => Growing::resume(path, bytes),
                None => Growing::create(path),
            };
            opened.map_err(|error| unwritable(path, &error))
        };
        let bytes = resumed.map(|manifest| manifest.output);
        let results = open(&self.partial(), bytes.map(|bytes| bytes.bytes))?;
        let rejects = match self.rejects_partial() {
            Some(path) => Some(open(&path, bytes.map(|bytes| bytes.rejects_bytes))?),
            None => None,
        };
        Ok(Outputs { results, rejects })
    }
}

impl Files {
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
        let made = [
            Some(self.partial()),
            self.rejects_partial(),
            Some(self.manifest()),
        ];
        for path in made.into_iter().flatten() {
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
        for path in [Some(output), rejects].into_iter().flatten() {
            if let Some(input) = self.inputs.iter().find(|input| same_file(input, path)) {
                let (path, input) = (shown(path), shown(input));
                return Err(
                    Exit::Usage.because(format!("{path} would overwrite the input {input}"))
                );
            }
        }
        if rejects == Some(output) {
            return Err(Exit::Usage.because("results and rejects cannot go to the same file"));
        }
        if output.metadata().is_ok_and(|target| !target.is_file()) {
            return self.special(output);
        }
        let files = Files {
            results: real(output)?,
            rejects: rejects.map(real).transpose()?,
        };
        match self.resume {
            true => self.resumed(files),
            false => self.new_files(files),
        }
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
        let partials = [
            Some(files.partial()),
            files.rejects_partial(),
            Some(files.manifest()),
        ];
        let partials: Vec<PathBuf> = partials.into_iter().flatten().collect();
        if self.force {
            for path in &partials {
                remove_if_there(path)?;
            }
            return Ok(Start::New(Target::File(files)));
        }
        let finals = [Some(&files.results), files.rejects.as_ref()];
        for path in finals.into_iter().flatten() {
            if path.symlink_metadata().is_ok() {
                return Err(Exit::Usage.because(format!(
                    "{} is there already; move it away, name another, or replace it with --force",
                    shown(path)
                )));
            }
        }
        if let Some(path) = partials.iter().find(|path| path.symlink_metadata().is_ok()) {
            return Err(Exit::Usage.because(format!(
                "{} is there, of a run that was cut short; go on with it by --resume, or give it up by --force",
                shown(path)
            )));
        }
        Ok(Start::New(Target::File(files)))
    }

    fn resumed(&self, files: Files) -> Result<Start, Failure> {
        let path = files.manifest();
        let manifest = match Manifest::read(&path) {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A run that was cut short before its first checkpoint has nothing to resume.
                if files.results.symlink_metadata().is_ok() {
                    return Err(Exit::Usage.because(format!(
                        "{} is there, and no {} that tells of its run: it cannot be resumed",
                        shown(&files.results),
                        shown(&path)
                    )));
                }
                for partial in [Some(files.partial()), files.rejects_partial()]
                    .into_iter()
                    .flatten()
                {
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
            State::Complete => Ok(Start::Complete(Box::new(manifest))),
            State::Finishing => {
                let mut manifest = manifest;
                let finished = files.finish(&mut manifest, self);
                finished.map_err(|error| unwritable(&files.results, &error))?;
                Ok(Start::Complete(Box::new(manifest)))
            }
            State::Running => Ok(Start::Resumed(files, Box::new(manifest))),
        }
    }
}

/// What a link leads to is replaced, not the link.
fn real(path: &Path) -> Result<PathBuf, Failure> {
    let is_link = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_symlink());
    match path.canonicalize() {
        Ok(real) => Ok(real),
        Err(error) if is_link => {
            let error = io::Error::other(format!("it is a link that leads nowhere ({error})"));
            Err(unwritable(path, &error))
        }
        Err(_) => Ok(path.to_owned()),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
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
