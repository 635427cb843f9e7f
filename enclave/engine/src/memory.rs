//! What the machine says of its memory (proc_meminfo(5), proc_pid_status(5)).

use std::fs;

/// Bytes that a program may still take; `None` where the system does not say.
pub fn available() -> Option<u64> {
    field("/proc/meminfo", "MemAvailable:")
}

/// Bytes of memory that the machine has, without what its kernel keeps.
pub fn total() -> Option<u64> {
    field("/proc/meminfo", "MemTotal:")
}

/// The most bytes that this process has had in memory at once.
pub fn peak() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// A line `NAME   NUMBER kB`.
fn field(path: &str, name: &str) -> Option<u64> {
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
        assert!(available <= total);
        assert!(0 < peak && peak <= total);
    }
}
