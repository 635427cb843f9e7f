//! What a proxy's processes have used, by /proc.

use std::{fs, path::PathBuf};

use anyhow::Context;

/// Processor time of all processes of a group but its leader, which is the guard; with that of their children that have
/// ended.
pub fn cpu_seconds(group: u32) -> anyhow::Result<f64> {
    let ticks = members(group)?.into_iter().map(|member| member.ticks);
    Ok(ticks.sum::<u64>() as f64 / USER_HZ)
}

/// Memory that is no file's, of the same processes, in bytes; what several of them share is counted once.
pub fn memory(group: u32) -> anyhow::Result<f64> {
    let mut kib = 0;
    for member in members(group)? {
        // One that has ended meanwhile has none.
        if let Ok(rollup) = fs::read_to_string(member.folder.join("smaps_rollup")) {
            kib += pss_anon(&rollup).unwrap_or(0);
        }
    }
    Ok(kib as f64 * 1024.0)
}

/// In which /proc counts processor time, on x86-64 and AArch64.
const USER_HZ: f64 = 100.0;

struct Member {
    folder: PathBuf,
    ticks: u64,
}

fn members(group: u32) -> anyhow::Result<Vec<Member>> {
    let mut members = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        let pid = folder
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok());
        let Some(pid) = pid.filter(|pid| *pid != group) else {
            continue;
        };
        // One that has ended meanwhile is no member; of one that ends right now the file is empty.
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        if stat.is_empty() {
            continue;
        }
        let (of, ticks) = parse_stat(&stat).with_context(|| format!("/proc/{pid}/stat"))?;
        if of == group {
            members.push(Member { folder, ticks });
        }
    }
    Ok(members)
}

/// Process group; utime, stime, cutime and cstime together: proc_pid_stat(5).
fn parse_stat(stat: &str) -> Option<(u32, u64)> {
    // The name before may hold anything, spaces and parentheses too.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let mut ticks = 0;
    for field in fields.get(11..15)? {
        ticks += field.parse::<u64>().ok()?;
    }
    Some((fields.get(2)?.parse().ok()?, ticks))
}

fn pss_anon(rollup: &str) -> Option<u64> {
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss_Anon:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 3 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0";
        assert_eq!(parse_stat(stat), Some((42, 127)));
    }

    #[test]
    fn anonymous_memory_is_found() {
        let rollup = "x\nPss:  900 kB\nPss_Dirty: 8 kB\nPss_Anon:             344 kB\n";
        assert_eq!(pss_anon(rollup), Some(344));
    }
}
