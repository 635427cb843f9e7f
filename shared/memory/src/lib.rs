//! How much memory this process may still take, and what bounds it: the machine (proc_meminfo(5)), its control group
//! (cgroups(7)), or its own limit (getrlimit(2)).

#![forbid(unsafe_code)]

mod cgroup;

use std::fmt;
use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// Bytes that may still be taken, and what allows no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Available {
    /// How many.
    pub bytes: u64,
    /// Whose word it is.
    pub bound: Bound,
}

/// What bounds a process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// `ulimit -v`.
    AddressSpace,
    /// The control group: a container's limit, or a service's.
    ControlGroup,
    /// What the machine has free, and could free without swapping.
    Machine,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressSpace => "ulimit -v",
            Self::ControlGroup => "the cgroup",
            Self::Machine => "this machine",
        })
    }
}

/// The least of what the bounds leave; `None` where the system says nothing of any.
pub fn available() -> Option<Available> {
    let limit = getrlimit(Resource::As).current;
    let in_use = field(Path::new("/proc/self/status"), "VmSize:");
    let address_space = limit.map(|limit| limit.saturating_sub(in_use.unwrap_or(0)));
    let bounds = [
        (address_space, Bound::AddressSpace),
        (cgroup::available(Path::new("/")), Bound::ControlGroup),
        (
            field(Path::new("/proc/meminfo"), "MemAvailable:"),
            Bound::Machine,
        ),
    ];
    let bounds = bounds.into_iter();
    bounds
        .filter_map(|(bytes, bound)| {
            let bytes = bytes?;
            Some(Available { bytes, bound })
        })
        .min()
}

/// Bytes of memory that the machine has, without what its kernel keeps.
pub fn total() -> Option<u64> {
    field(Path::new("/proc/meminfo"), "MemTotal:")
}

/// The most bytes that this process has had in memory at once.
pub fn peak() -> Option<u64> {
    field(Path::new("/proc/self/status"), "VmHWM:")
}

/// A line `NAME   NUMBER kB`.
fn field(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says() {
        let (available, total, peak) = (available().unwrap(), total().unwrap(), peak().unwrap());
        assert!(0 < available.bytes && available.bytes <= total);
        assert!(0 < peak && peak <= total);
    }
}
