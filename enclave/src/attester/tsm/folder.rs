//! The folder of configfs-tsm.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::Entries;

/// The kernel's folder, or one that stands in for it.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Where the kernel has it.
    pub fn of_the_kernel() -> Self {
        Self::at("/sys/kernel/config/tsm/report")
    }

    /// Another folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Entries for Folder {
    fn make(&self, entry: &str) -> io::Result<()> {
        fs::create_dir(self.root.join(entry))
    }

    fn read(&self, entry: &str, attribute: &str, max: usize) -> io::Result<Vec<u8>> {
        let file = File::open(self.root.join(entry).join(attribute))?;
        let mut bytes = Vec::new();
        file.take(max as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A binary attribute is taken when the file is closed, and nothing is said then; that it was shows in `generation`.
    fn write(&self, entry: &str, attribute: &str, value: &[u8]) -> io::Result<()> {
        let path = self.root.join(entry).join(attribute);
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(value)
    }

    fn remove(&self, entry: &str) -> io::Result<()> {
        fs::remove_dir(self.root.join(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_folders_and_attributes_files_that_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path());
        folder.make("one").unwrap();
        assert!(folder.make("one").is_err(), "somebody has it");
        assert!(folder.write("one", "inblob", b"data").is_err());
        assert!(!dir.path().join("one/inblob").exists());

        fs::write(dir.path().join("one/inblob"), "").unwrap();
        folder.write("one", "inblob", b"data").unwrap();
        assert_eq!(folder.read("one", "inblob", 4).unwrap(), b"data");
        assert_eq!(folder.read("one", "inblob", 2).unwrap(), b"dat");

        // The kernel takes the attributes with the entry; here they are in the way.
        assert!(folder.remove("one").is_err());
        fs::remove_file(dir.path().join("one/inblob")).unwrap();
        folder.remove("one").unwrap();
        assert!(!dir.path().join("one").exists());
    }
}
