//! A stand-in for configfs-tsm, which does wrong in one way at a time.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use super::{Entries, Provider};

/// How the stand-in differs from a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::attester) enum Fault {
    None,
    /// There is no configfs.
    Absent,
    /// There is, and the driver was unloaded.
    NoDriver,
    OtherProvider,
    /// Another provider from the second entry on.
    ChangesProvider,
    /// It takes no privilege level, as where the guest runs below VMPL 0.
    RefusesLevel,
    /// Somebody else writes to the entry too.
    Raced,
    /// What was written does not count, as where the kernel refuses it when the file is closed.
    IgnoresWrites,
    NoNumber,
    Empty,
    TooLong,
    RefusesReport,
    /// The report carries other data.
    OtherData,
    /// It does not remove entries.
    KeepsEntries,
}

/// What makes a report of the data that it is to carry.
pub(in crate::attester) type Report = fn(&[u8; 64]) -> Vec<u8>;

/// As the kernel has it: entries, each with a generation and what was written to it.
#[derive(Clone)]
pub(in crate::attester) struct Double {
    provider: Provider,
    report: Report,
    pub fault: Fault,
    pub state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(in crate::attester) struct State {
    pub entries: HashMap<String, Vec<(String, Vec<u8>)>>,
    pub made: usize,
    /// What was written to the last entry.
    pub written: Vec<(String, Vec<u8>)>,
}

impl Double {
    pub fn new(provider: Provider, report: Report, fault: Fault) -> Self {
        Self {
            provider,
            report,
            fault,
            state: Arc::default(),
        }
    }
}

fn os(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl Entries for Double {
    fn make(&self, entry: &str) -> io::Result<()> {
        match self.fault {
            Fault::Absent => return Err(os(2)),
            Fault::NoDriver => return Err(os(6)),
            _ => {}
        }
        let mut state = self.state.lock().unwrap();
        state.made += 1;
        match state.entries.insert(entry.to_owned(), Vec::new()) {
            None => Ok(()),
            Some(_) => Err(os(17)),
        }
    }

    fn read(&self, entry: &str, attribute: &str, max: usize) -> io::Result<Vec<u8>> {
        let state = self.state.lock().unwrap();
        let written = state.entries.get(entry).ok_or_else(|| os(2))?;
        let mut bytes = match attribute {
            "provider" => {
                let other = self.fault == Fault::OtherProvider
                    || self.fault == Fault::ChangesProvider && state.made > 1;
                match other {
                    true => b"arm_cca_guest\n".to_vec(),
                    false => format!("{}\n", self.provider.name()).into_bytes(),
                }
            }
            "generation" => match (self.fault, written.len()) {
                (Fault::NoNumber, _) => b"many\n".to_vec(),
                (Fault::IgnoresWrites, _) => b"0\n".to_vec(),
                (Fault::Raced, 1..) => format!("{}\n", written.len() + 1).into_bytes(),
                (_, count) => format!("{count}\n").into_bytes(),
            },
            "outblob" => {
                let data = written.iter().rfind(|(name, _)| name == "inblob");
                let (_, data) = data.ok_or_else(|| os(22))?;
                let mut data = *data.first_chunk().ok_or_else(|| os(22))?;
                match self.fault {
                    Fault::RefusesReport => return Err(os(5)),
                    Fault::Empty => Vec::new(),
                    Fault::TooLong => vec![0; 1 << 20],
                    Fault::OtherData => {
                        data[63] ^= 1;
                        (self.report)(&data)
                    }
                    _ => (self.report)(&data),
                }
            }
            _ => return Err(os(2)),
        };
        bytes.truncate(max + 1);
        Ok(bytes)
    }

    fn write(&self, entry: &str, attribute: &str, value: &[u8]) -> io::Result<()> {
        let known = match self.provider {
            Provider::SevGuest => ["inblob", "privlevel"].contains(&attribute),
            Provider::TdxGuest => attribute == "inblob",
        };
        if !known {
            return Err(os(2));
        }
        if attribute == "privlevel" && self.fault == Fault::RefusesLevel {
            return Err(os(22));
        }
        let mut state = self.state.lock().unwrap();
        let write = (attribute.to_owned(), value.to_vec());
        let entry = state.entries.get_mut(entry).ok_or_else(|| os(2))?;
        entry.push(write);
        state.written = entry.clone();
        Ok(())
    }

    fn remove(&self, entry: &str) -> io::Result<()> {
        if self.fault == Fault::KeepsEntries {
            return Err(os(16));
        }
        let removed = self.state.lock().unwrap().entries.remove(entry);
        removed.map(|_| ()).ok_or_else(|| os(2))
    }
}
