//! A folder of .txt files, in the order of their paths.

use std::fs::File;
use std::path::{Path, PathBuf};

use sealnote_client::NoteBytes;
use walkdir::{DirEntry, IntoIter, WalkDir};

use super::whole::read_text;
use super::{Input, Source, SourceError};
use crate::record::{Id, InputError, Origin, Passed, Record};

/// Reads the folder's and its folders' files. It holds the names of one folder at a time, and of those above it.
pub(super) struct Folder {
    /// Without links, so that a link can be seen to lead out of it.
    root: PathBuf,
    entries: IntoIter,
    input: Input,
    files: u64,
    skipped: u64,
    first: Option<Record>,
}

impl Folder {
    /// Reads the first file; a folder without one is refused.
    pub(super) fn new(path: PathBuf, input: Input) -> Result<Self, SourceError> {
        let root = path.canonicalize().map_err(|error| input.unread(error))?;
        let entries = WalkDir::new(&root).min_depth(1).sort_by_file_name();
        let mut folder = Self {
            root,
            entries: entries.into_iter(),
            input,
            files: 0,
            skipped: 0,
            first: None,
        };
        folder.first = folder.read();
        match folder.first {
            Some(_) => Ok(folder),
            None => Err(folder.input.refused("holds no .txt file")),
        }
    }

    fn read(&mut self) -> Option<Record> {
        loop {
            let entry = match self.entries.next()? {
                Ok(entry) => entry,
                Err(error) => {
                    self.files += 1;
                    let kind = error
                        .io_error()
                        .map_or(std::io::ErrorKind::Other, |io| io.kind());
                    let id = error.path().and_then(|path| self.id(path));
                    return Some(self.record(id, Err(InputError::File(kind))));
                }
            };
            if entry.file_type().is_dir() {
                continue;
            }
            if !is_text(entry.path()) {
                self.skipped += 1;
                continue;
            }
            self.files += 1;
            let id = self.id(entry.path());
            let text = match id {
                Some(_) => self.text(&entry),
                None => Err(InputError::NoId("the file's name is not UTF-8")),
            };
            return Some(self.record(id, text));
        }
    }

    /// The path in the folder.
    fn id(&self, path: &Path) -> Option<Id> {
        let path = path.strip_prefix(&self.root).ok()?;
        Some(Id::Text(path.to_str()?.into()))
    }

    fn record(&self, id: Option<Id>, text: Result<NoteBytes, InputError>) -> Record {
        Record {
            origin: Origin {
                line: self.files,
                id,
                passed: Passed {
                    names: self.input.pass.clone(),
                    values: vec![serde_json::Value::Null; self.input.pass.len()],
                },
            },
            text,
        }
    }

    fn text(&self, entry: &DirEntry) -> Result<NoteBytes, InputError> {
        let unread = |error: std::io::Error| InputError::File(error.kind());
        let path = if entry.path_is_symlink() {
            match entry.path().canonicalize() {
                Ok(path) if path.starts_with(&self.root) => path,
                Ok(_) => return Err(InputError::NoFile("a link that leads out of the folder")),
                Err(_) => return Err(InputError::NoFile("a link that leads nowhere")),
            }
        } else {
            entry.path().into()
        };
        // Opening a pipe would wait for somebody to write to it.
        if !path.metadata().map_err(unread)?.is_file() {
            return Err(InputError::NoFile("neither a file nor a link to one"));
        }
        let file = File::open(path).map_err(unread)?;
        read_text(file, self.input.max_record).map_err(unread)?
    }
}

impl Source for Folder {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.first.take().or_else(|| self.read()))
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }
}

fn is_text(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, write};
    use std::os::unix::fs::symlink;

    use super::super::tests::{codes, input, read_all};
    use super::*;

    #[test]
    fn each_text_file_is_a_note_and_the_bad_do_not_lose_the_good() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("notes");
        let at = |name: &str| root.join(name);
        create_dir(&root).unwrap();
        write(dir.path().join("outside.txt"), "CANARY").unwrap();
        create_dir(at("b")).unwrap();
        write(at("b/2.TXT"), "two").unwrap();
        write(at("b/1.txt"), "one").unwrap();
        write(at("a.txt"), "a").unwrap();
        write(at("c.pdf"), "CANARY").unwrap();
        write(at("d.txt"), "CANARY".repeat(500)).unwrap();
        write(at("e.txt"), b"CANARY\xff").unwrap();
        symlink("a.txt", at("f.txt")).unwrap();
        symlink("../outside.txt", at("g.txt")).unwrap();
        symlink("gone", at("h.txt")).unwrap();
        symlink("b", at("i.txt")).unwrap();
        let mut folder = Folder::new(root.clone(), input()).unwrap();
        let records: Vec<_> = std::iter::from_fn(|| folder.next().unwrap()).collect();
        assert_eq!(folder.skipped(), 1);
        let id = |record: &Record| record.origin.id.as_ref().unwrap().to_string();
        let ids: Vec<_> = records.iter().map(id).collect();
        let expected = [
            "a.txt", "b/1.txt", "b/2.TXT", "d.txt", "e.txt", "f.txt", "g.txt", "h.txt", "i.txt",
        ];
        assert_eq!(ids, expected);
        let (long, file) = ("record_too_long", "unreadable_file");
        assert_eq!(
            codes(&records),
            ["", "", "", long, "not_utf8", "", file, file, file]
        );
        assert_eq!(records[2].text.as_ref().unwrap().as_ref(), b"two");
        assert_eq!(records[5].text.as_ref().unwrap().as_ref(), b"a");
        assert_eq!(records[8].origin.line, 9);
        read_all(Folder::new(root, input()).unwrap());
        let empty = tempfile::tempdir().unwrap();
        let error = Folder::new(empty.path().into(), input()).err().unwrap();
        assert!(error.to_string().contains("no .txt file"));
    }
}
