//! What is read of a machine: files under a root, CPUID, model-specific registers. Nothing is written, and no device is
//! opened but the one that shows the registers.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::say::escaped;

/// Bytes of a file that are read. The flags of the first processor are within them.
const MOST: u64 = 1 << 16;

/// EAX, EBX, ECX and EDX.
pub(super) type Registers = [u32; 4];

pub(super) struct Machine {
    pub(super) root: PathBuf,
    pub(super) processor: Box<dyn Processor>,
    /// Whether this user may open a device. It is asked without opening it: that may claim it.
    pub(super) may_open: fn(&Path) -> bool,
}

pub(super) trait Processor {
    /// As the instruction answers, of subleaf 0; none on a processor without it.
    fn cpuid(&self, leaf: u32) -> Option<Registers>;
    /// The first processor's.
    fn msr(&self, number: u32) -> std::io::Result<u64>;
}

/// What a file says.
#[derive(Debug, PartialEq)]
pub(super) enum Text {
    Is(String),
    Missing,
    Unreadable(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Device {
    Open,
    /// It is there, and this user may not open it.
    Closed,
    Missing,
    Unreadable(ErrorKind),
}

impl Machine {
    pub(super) fn this() -> Self {
        let root = PathBuf::from("/");
        Self {
            processor: Box::new(ThisProcessor {
                msr: root.join("dev/cpu/0/msr"),
            }),
            root,
            may_open: |path| access(path, Access::READ_OK | Access::WRITE_OK).is_ok(),
        }
    }

    /// The processor's maker, as CPUID 0 has it.
    pub(super) fn vendor(&self) -> Option<String> {
        let [_, b, c, d] = self.processor.cpuid(0)?;
        Some(letters([b, d, c]))
    }

    /// Whether a hypervisor says that it is there: CPUID 1, ECX bit 31, which processors leave clear (AMD APM volume 3,
    /// Fn0000_0001). None without CPUID.
    pub(super) fn is_virtual(&self) -> Option<bool> {
        let [_, _, c, _] = self.processor.cpuid(1)?;
        Some(c >> 31 == 1)
    }

    /// The hypervisor's name, as its first leaf has it.
    pub(super) fn hypervisor(&self) -> Option<String> {
        if !self.is_virtual()? {
            return None;
        }
        let [_, b, c, d] = self.processor.cpuid(0x4000_0000)?;
        Some(letters([b, c, d]))
    }

    pub(super) fn text(&self, path: &str) -> Text {
        let mut bytes = Vec::new();
        let file = File::open(self.path(path));
        match file.and_then(|file| file.take(MOST).read_to_end(&mut bytes)) {
            Ok(_) => Text::Is(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Err(error) if is_missing(&error) => Text::Missing,
            Err(error) => Text::Unreadable(error.kind().to_string()),
        }
    }

    /// A folder is no device: container engines make one in the place of a device that is not there.
    pub(super) fn device(&self, path: &str) -> Device {
        let path = self.path(path);
        match path.metadata() {
            Ok(found) if found.is_dir() => Device::Missing,
            Ok(_) if (self.may_open)(&path) => Device::Open,
            Ok(_) => Device::Closed,
            Err(error) if is_missing(&error) => Device::Missing,
            Err(error) => Device::Unreadable(error.kind()),
        }
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.path(path).is_dir()
    }

    /// The names in a folder; none if it cannot be read.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let entries = self.path(folder).read_dir().into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

impl Device {
    pub(super) fn is_there(self) -> bool {
        matches!(self, Self::Open | Self::Closed)
    }
}

/// Twelve letters that come in registers, fit for a terminal.
fn letters(registers: [u32; 3]) -> String {
    let bytes = registers.map(u32::to_le_bytes).concat();
    escaped(String::from_utf8_lossy(&bytes).trim_end_matches('\0'))
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

struct ThisProcessor {
    /// msr(4): a register's number is its place in the file.
    msr: PathBuf,
}

impl Processor for ThisProcessor {
    #[cfg(target_arch = "x86_64")]
    fn cpuid(&self, leaf: u32) -> Option<Registers> {
        let found = raw_cpuid::native_cpuid::cpuid_count(leaf, 0);
        Some([found.eax, found.ebx, found.ecx, found.edx])
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn cpuid(&self, _leaf: u32) -> Option<Registers> {
        None
    }

    fn msr(&self, number: u32) -> std::io::Result<u64> {
        let mut value = [0; 8];
        File::open(&self.msr)?.read_exact_at(&mut value, number.into())?;
        Ok(u64::from_le_bytes(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_eight_bytes_at_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let msr = folder.path().join("msr");
        let processor = ThisProcessor { msr: msr.clone() };
        assert_eq!(processor.msr(0x87).unwrap_err().kind(), ErrorKind::NotFound);
        let file = File::create(&msr).unwrap();
        file.write_all_at(&7u64.to_le_bytes(), 0xc001_0131).unwrap();
        assert_eq!(processor.msr(0xc001_0131).unwrap(), 7);
        assert_eq!(processor.msr(0xc001_0130).unwrap(), 7 << 8);
        assert_eq!(
            processor.msr(0xc001_0132).unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
    }
}
