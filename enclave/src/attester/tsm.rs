//! Reports and quotes by the kernel's configfs-tsm (Linux, Documentation/ABI/testing/configfs-tsm-report): one way for
//! every confidential machine whose driver takes part.
//!
//! A report is asked for by making an entry, writing what the report is to carry, and reading the report. Each call here
//! makes an entry of its own, under a name that is drawn for it, and removes it whatever happens. The entry's
//! `generation` tells whether somebody else has written to it meanwhile.

mod folder;

use getrandom::SysRng;
use getrandom::rand_core::TryRng;
use thiserror::Error;

pub use folder::Folder;

/// Longest report that is read, in bytes. An SEV-SNP report has 1,184, a TDX quote some 5,000, or 8,000 where it is padded.
pub const MAX_REPORT: usize = 16 * 1024;

/// The file system, as far as it is needed: [`Folder`], or a stand-in in tests.
pub trait Entries: Send + Sync {
    /// Makes an entry; the kernel puts its attributes into it.
    fn make(&self, entry: &str) -> std::io::Result<()>;
    /// Reads an attribute, and of a longer one no more than `max` bytes and one.
    fn read(&self, entry: &str, attribute: &str, max: usize) -> std::io::Result<Vec<u8>>;
    /// Writes an attribute that is there, in one go.
    fn write(&self, entry: &str, attribute: &str, value: &[u8]) -> std::io::Result<()>;
    /// Removes an entry.
    fn remove(&self, entry: &str) -> std::io::Result<()>;
}

/// The driver behind configfs-tsm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `sev_guest`. It is asked for a report of privilege level (VMPL) 0.
    SevGuest,
    /// `tdx_guest`, which has no such levels.
    TdxGuest,
}

impl Provider {
    /// Its name in the attribute `provider`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SevGuest => "sev_guest",
            Self::TdxGuest => "tdx_guest",
        }
    }

    fn privilege_level(self) -> Option<&'static [u8]> {
        match self {
            Self::SevGuest => Some(b"0"),
            Self::TdxGuest => None,
        }
    }
}

/// Reports by one provider.
pub struct Tsm<E = Folder> {
    entries: E,
    provider: Provider,
}

impl<E: Entries> Tsm<E> {
    /// Makes sure that it is this provider that answers.
    ///
    /// # Errors
    /// [`TsmError::Absent`] where there is no configfs-tsm; others if it does not answer, or another provider does.
    pub fn open(entries: E, provider: Provider) -> Result<Self, TsmError> {
        let tsm = Self { entries, provider };
        tsm.with_entry(|entry| entry.check_provider(provider))?;
        Ok(tsm)
    }

    /// A report that carries `data`, of 1 to [`MAX_REPORT`] bytes. What is in it is the caller's to look at.
    ///
    /// # Errors
    /// When the kernel gives none, another provider answers, or somebody else has written to the entry.
    pub fn report(&self, data: &[u8; 64]) -> Result<Vec<u8>, TsmError> {
        self.with_entry(|entry| {
            entry.check_provider(self.provider)?;
            let before = entry.generation()?;
            let level = self.provider.privilege_level();
            let writes = level.map(|level| ("privlevel", level));
            let writes = writes.into_iter().chain([("inblob", &data[..])]);
            let mut expected = before;
            for (attribute, value) in writes {
                entry.write(attribute, value)?;
                expected = expected.wrapping_add(1);
            }
            let report = entry.read("outblob", MAX_REPORT)?;
            let found = entry.generation()?;
            match found == expected {
                true if report.is_empty() => Err(TsmError::Empty),
                true => Ok(report),
                false => Err(TsmError::Raced { expected, found }),
            }
        })
    }

    fn with_entry<T>(
        &self,
        work: impl FnOnce(Entry<E>) -> Result<T, TsmError>,
    ) -> Result<T, TsmError> {
        let mut random = [0; 8];
        SysRng
            .try_fill_bytes(&mut random)
            .map_err(|_| TsmError::Random)?;
        let name = format!("sealnote-{:016x}", u64::from_be_bytes(random));
        self.entries
            .make(&name)
            .map_err(|reason| match reason.raw_os_error() {
                Some(ENOENT | ENXIO) => TsmError::Absent,
                _ => TsmError::Make(reason),
            })?;
        let done = work(Entry {
            entries: &self.entries,
            name: &name,
        });
        let removed = self.entries.remove(&name);
        let done = done?;
        // Otherwise each handshake would leave one behind.
        removed.map_err(TsmError::Remove)?;
        Ok(done)
    }
}

/// There is no configfs, or nobody has registered with it.
const ENOENT: i32 = 2;
/// Somebody had, and has gone.
const ENXIO: i32 = 6;

struct Entry<'a, E> {
    entries: &'a E,
    name: &'a str,
}

impl<E: Entries> Entry<'_, E> {
    fn check_provider(&self, expected: Provider) -> Result<(), TsmError> {
        let found = self.text("provider")?;
        match found == expected.name() {
            true => Ok(()),
            false => Err(TsmError::Provider {
                expected: expected.name(),
                found,
            }),
        }
    }

    fn generation(&self) -> Result<u64, TsmError> {
        let text = self.text("generation")?;
        text.parse().map_err(|_| TsmError::Generation)
    }

    fn text(&self, attribute: &'static str) -> Result<String, TsmError> {
        let bytes = self.read(attribute, 64)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    fn read(&self, attribute: &'static str, max: usize) -> Result<Vec<u8>, TsmError> {
        let bytes = self.entries.read(self.name, attribute, max);
        let bytes = bytes.map_err(|reason| TsmError::Read { attribute, reason })?;
        match bytes.len() <= max {
            true => Ok(bytes),
            false => Err(TsmError::TooLong { attribute, max }),
        }
    }

    fn write(&self, attribute: &'static str, value: &[u8]) -> Result<(), TsmError> {
        let written = self.entries.write(self.name, attribute, value);
        written.map_err(|reason| TsmError::Write { attribute, reason })
    }
}

/// Why configfs-tsm gives no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TsmError {
    /// Nothing answers there.
    #[error(
        "no driver answers in /sys/kernel/config/tsm/report: mount configfs at /sys/kernel/config and load the \
         guest's driver, sev-guest or tdx-guest (kernels have this since 6.7)"
    )]
    Absent,
    /// The entry cannot be made.
    #[error("no entry can be made in /sys/kernel/config/tsm/report (it takes root): {0}")]
    Make(std::io::Error),
    /// The entry cannot be removed.
    #[error(
        "an entry in /sys/kernel/config/tsm/report cannot be removed, and each report would leave one: {0}"
    )]
    Remove(std::io::Error),
    /// An attribute cannot be read.
    #[error("the kernel does not give `{attribute}` of a report: {reason}; its log may say more")]
    Read {
        /// Which.
        attribute: &'static str,
        /// The kernel's reason.
        reason: std::io::Error,
    },
    /// An attribute cannot be written.
    #[error(
        "the kernel does not take `{attribute}` for a report: {reason}; of `privlevel` that means that this guest \
         does not run at VMPL 0, which is the only one that is attested here"
    )]
    Write {
        /// Which.
        attribute: &'static str,
        /// The kernel's reason.
        reason: std::io::Error,
    },
    /// Another kind of machine.
    #[error(
        "reports come from `{found}` here, not from `{expected}`: choose the --attester of this machine"
    )]
    Provider {
        /// The name that is due.
        expected: &'static str,
        /// The kernel's.
        found: String,
    },
    /// The generation is not a number.
    #[error("the kernel's `generation` of a report is not a number")]
    Generation,
    /// Somebody else has written to the entry.
    #[error(
        "something else has written to our entry in /sys/kernel/config/tsm/report (generation {found}, not \
         {expected}): leave that folder to the enclave"
    )]
    Raced {
        /// After our own writes.
        expected: u64,
        /// The kernel's.
        found: u64,
    },
    /// More bytes than any report has.
    #[error("the kernel's `{attribute}` of a report has more than {max} bytes")]
    TooLong {
        /// Which.
        attribute: &'static str,
        /// The most that is read.
        max: usize,
    },
    /// No bytes.
    #[error("the kernel's report is empty; its log may say why")]
    Empty,
    /// There are no random bytes for the entry's name.
    #[error("the kernel gives no random bytes")]
    Random,
}

#[cfg(test)]
pub(super) mod double;
#[cfg(test)]
mod tests;
