//! The control group's limit, of version 2 and of version 1, and of every group above: the least counts.

use std::fs;
use std::path::{Path, PathBuf};

/// How a version names its files, below `/sys/fs/cgroup`.
struct Version {
    /// The memory controller's folder.
    folder: &'static str,
    limit: &'static str,
    in_use: &'static str,
    /// Of `memory.stat`: cache that is given back when memory is short.
    cache: &'static str,
}

const V1: Version = Version {
    folder: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    in_use: "memory.usage_in_bytes",
    cache: "total_inactive_file",
};

const V2: Version = Version {
    folder: "sys/fs/cgroup",
    limit: "memory.max",
    in_use: "memory.current",
    cache: "inactive_file",
};

/// Bytes that this process's groups leave it; `None` if none limits it. `system` is the folder that has `proc` and `sys`.
pub(crate) fn available(system: &Path) -> Option<u64> {
    let groups = fs::read_to_string(system.join("proc/self/cgroup")).ok()?;
    let left = groups.lines().flat_map(|line| {
        // `hierarchy:controllers:/path`; version 2 has hierarchy 0 and names no controllers.
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let version = match controllers {
            "" => V2,
            names if names.split(',').any(|name| name == "memory") => V1,
            _ => return None,
        };
        let root = system.join(version.folder);
        folders(&root, path)
            .iter()
            .filter_map(|folder| version.left(folder))
            .min()
    });
    left.min()
}

/// The group's folder and those above it. A container's is often mounted as the root, under which its path is not there.
fn folders(root: &Path, path: &str) -> Vec<PathBuf> {
    let group = root.join(path.trim_start_matches('/'));
    let above = group.ancestors().take_while(|path| path.starts_with(root));
    above.map(Path::to_owned).collect()
}

impl Version {
    /// What the limit of one group leaves; `None` if it has none, as version 2's `max`. Version 1's is then beyond
    /// what any machine has.
    fn left(&self, folder: &Path) -> Option<u64> {
        let number = |file: &str| -> Option<u64> {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            text.trim().parse().ok()
        };
        let limit = number(self.limit)?;
        let in_use = number(self.in_use).unwrap_or(0);
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let cache = stat.lines().find_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            (name == self.cache).then(|| bytes.trim().parse::<u64>().ok())?
        });
        let in_use = in_use.saturating_sub(cache.unwrap_or(0));
        Some(limit.saturating_sub(in_use))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system with these files.
    fn left(files: &[(&str, &str)]) -> Option<u64> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        available(dir.path())
    }

    #[test]
    fn version_2_counts_the_least_of_all_groups_and_not_the_cache() {
        let own = ("proc/self/cgroup", "0::/a/b\n");
        assert_eq!(left(&[own]), None);
        assert_eq!(
            left(&[own, ("sys/fs/cgroup/a/b/memory.max", "max\n")]),
            None
        );
        let limit = ("sys/fs/cgroup/a/b/memory.max", "1000\n");
        assert_eq!(left(&[own, limit]), Some(1000));
        let in_use = ("sys/fs/cgroup/a/b/memory.current", "700\n");
        assert_eq!(left(&[own, limit, in_use]), Some(300));
        let stat = (
            "sys/fs/cgroup/a/b/memory.stat",
            "active_file 7\ninactive_file 200\n",
        );
        assert_eq!(left(&[own, limit, in_use, stat]), Some(500));
        let above = ("sys/fs/cgroup/a/memory.max", "100\n");
        assert_eq!(left(&[own, limit, in_use, stat, above]), Some(100));
        let of_another = ("sys/fs/cgroup/c/memory.max", "1\n");
        assert_eq!(left(&[own, limit, of_another]), Some(1000));
        let over = ("sys/fs/cgroup/a/b/memory.current", "1001\n");
        assert_eq!(left(&[own, limit, over]), Some(0));
    }

    #[test]
    fn version_1_is_read_where_it_has_the_memory_controller() {
        let own = (
            "proc/self/cgroup",
            "12:cpu,cpuacct:/a\n5:memory:/a\n0::/a\n",
        );
        let limit = ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n");
        let in_use = ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "400\n");
        let stat = (
            "sys/fs/cgroup/memory/a/memory.stat",
            "inactive_file 9\ntotal_inactive_file 100\n",
        );
        assert_eq!(left(&[own, limit, in_use, stat]), Some(700));
        let no_memory = ("proc/self/cgroup", "12:cpu,cpuacct:/a\n");
        assert_eq!(left(&[no_memory, limit, in_use, stat]), None);
    }

    #[test]
    fn a_containers_group_is_mounted_as_the_root() {
        let files = [
            ("proc/self/cgroup", "0::/docker/0123\n"),
            ("sys/fs/cgroup/memory.max", "5000\n"),
        ];
        assert_eq!(left(&files), Some(5000));
    }
}
