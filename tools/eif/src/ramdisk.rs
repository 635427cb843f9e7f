//! Ramdisks: newc archives, compressed by gzip, in which nothing depends on who made them, where and when.

use std::collections::BTreeMap;
use std::io::{self, Write};

use cpio::newc::{Builder, ModeFileType, trailer};
use flate2::{Compression, GzBuilder};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Permissions.
    Folder(u32),
    /// Permissions, contents.
    File(u32, Vec<u8>),
    /// Target.
    Link(String),
    /// Permissions, major and minor number.
    CharDevice(u32, u32, u32),
}

/// A file system for the kernel to unpack. Paths are absolute.
#[derive(Clone, Debug, Default)]
pub struct Ramdisk {
    // Sorted, so that a folder comes before what is in it, and the order of insertion does not matter.
    nodes: BTreeMap<&'static str, Node>,
}

impl Ramdisk {
    /// The same with another node.
    #[must_use]
    pub fn with(mut self, path: &'static str, node: Node) -> Self {
        self.nodes.insert(path, node);
        self
    }

    /// The compressed archive. Owners are root, times are zero, inodes are numbered from 1.
    ///
    /// # Errors
    /// Those of the writers, of which none is expected in memory; a file of 4 GiB or more.
    pub fn to_gzip(&self) -> io::Result<Vec<u8>> {
        let gzip = GzBuilder::new()
            .mtime(0)
            .operating_system(255)
            .write(Vec::new(), Compression::new(LEVEL));
        self.write_archive(gzip)?.finish()
    }

    fn write_archive<W: Write>(&self, mut out: W) -> io::Result<W> {
        for ((path, node), ino) in self.nodes.iter().zip(1..) {
            // Relative, as cpio has it.
            let entry = Builder::new(path.trim_start_matches('/')).ino(ino);
            let (entry, data): (_, &[u8]) = match node {
                Node::Folder(mode) => (typed(entry, *mode, ModeFileType::Directory).nlink(2), b""),
                Node::File(mode, data) => (typed(entry, *mode, ModeFileType::Regular), data),
                Node::Link(to) => (typed(entry, 0o777, ModeFileType::Symlink), to.as_bytes()),
                Node::CharDevice(mode, major, minor) => (
                    typed(entry, *mode, ModeFileType::Char)
                        .rdev_major(*major)
                        .rdev_minor(*minor),
                    b"",
                ),
            };
            let len = u32::try_from(data.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
            let mut writer = entry.write(out, len);
            writer.write_all(data)?;
            out = writer.finish()?;
        }
        trailer(out)
    }
}

/// Most of an image is weights, which hardly shrink: more than this costs time and saves nothing.
const LEVEL: u32 = 6;

fn typed(entry: Builder, mode: u32, kind: ModeFileType) -> Builder {
    entry.mode(mode).set_mode_file_type(kind)
}

#[cfg(test)]
pub mod tests {
    use std::io::Read;

    use cpio::newc::Reader;
    use flate2::read::GzDecoder;

    use super::*;

    /// An entry as a reader finds it.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Found {
        pub name: String,
        pub mode: u32,
        pub rdev: (u32, u32),
        pub data: Vec<u8>,
    }

    /// The entries of an archive, in its order, all of them root's and without a time.
    pub fn unpack(gzip: &[u8]) -> Vec<Found> {
        let mut archive = Vec::new();
        GzDecoder::new(gzip).read_to_end(&mut archive).unwrap();
        let mut rest = archive.as_slice();
        let mut found = Vec::new();
        loop {
            let mut reader = Reader::new(rest).unwrap();
            let entry = reader.entry().clone();
            if entry.is_trailer() {
                // Nothing behind it.
                assert!(reader.finish().unwrap().is_empty());
                return found;
            }
            assert_eq!((entry.uid(), entry.gid(), entry.mtime()), (0, 0, 0));
            assert_eq!(entry.ino() as usize, found.len() + 1);
            let mut data = Vec::new();
            reader.read_to_end(&mut data).unwrap();
            found.push(Found {
                name: entry.name().into(),
                mode: entry.mode(),
                rdev: (entry.rdev_major(), entry.rdev_minor()),
                data,
            });
            rest = reader.finish().unwrap();
        }
    }

    fn nodes() -> [(&'static str, Node); 4] {
        [
            ("/dev", Node::Folder(0o755)),
            ("/dev/console", Node::CharDevice(0o600, 5, 1)),
            ("/init", Node::Link("/program".into())),
            ("/program", Node::File(0o755, b"#!".to_vec())),
        ]
    }

    #[test]
    fn what_goes_in_comes_out() {
        let ramdisk = nodes()
            .into_iter()
            .fold(Ramdisk::default(), |disk, (path, node)| {
                disk.with(path, node)
            });
        let entry = |name: &str, mode, rdev, data: &[u8]| Found {
            name: name.into(),
            mode,
            rdev,
            data: data.into(),
        };
        assert_eq!(
            unpack(&ramdisk.to_gzip().unwrap()),
            [
                entry("dev", 0o040755, (0, 0), b""),
                entry("dev/console", 0o020600, (5, 1), b""),
                entry("init", 0o120777, (0, 0), b"/program"),
                entry("program", 0o100755, (0, 0), b"#!"),
            ]
        );
    }

    #[test]
    fn the_order_of_insertion_does_not_matter() {
        let add = |disk: Ramdisk, (path, node)| disk.with(path, node);
        let forwards = nodes().into_iter().fold(Ramdisk::default(), add);
        let backwards = nodes().into_iter().rev().fold(Ramdisk::default(), add);
        assert_eq!(forwards.to_gzip().unwrap(), backwards.to_gzip().unwrap());
    }

    #[test]
    fn gzip_says_neither_when_nor_on_what_it_was_made() {
        let gzip = Ramdisk::default().to_gzip().unwrap();
        // RFC 1952: magic, method, flags, time (4 bytes), extra flags, operating system (unknown).
        assert_eq!(gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }
}
