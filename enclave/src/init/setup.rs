//! Mounts and modules.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_remount};
use rustix::system::finit_module;

/// Mounts what the service needs, and closes the root to writing: no mistake of ours can change what was
/// measured.
pub(super) fn mount_all() -> anyhow::Result<()> {
    let plain = MountFlags::NOSUID | MountFlags::NOEXEC;
    for (kind, at, flags) in [
        ("devtmpfs", "/dev", plain),
        ("proc", "/proc", plain | MountFlags::NODEV),
        ("sysfs", "/sys", plain | MountFlags::NODEV),
        ("tmpfs", "/tmp", plain | MountFlags::NODEV),
    ] {
        fs::create_dir_all(at).with_context(|| format!("{at} cannot be made"))?;
        match mount(kind, at, kind, flags, None) {
            // The kernel may have done it.
            Ok(()) | Err(Errno::BUSY) => {}
            Err(error) => {
                return Err(io::Error::from(error))
                    .with_context(|| format!("{at} cannot be mounted"));
            }
        }
    }
    mount_remount("/", MountFlags::RDONLY, "")
        .map_err(io::Error::from)
        .context("the root cannot be made read-only")
}

/// Loads the modules of `folder` in the order of their names. An image with a kernel of its own has
/// none, and no such folder.
pub(super) fn load_modules(folder: &Path) -> anyhow::Result<()> {
    for path in modules(folder)? {
        let loaded = File::open(&path)
            .and_then(|module| finit_module(module, c"", 0).map_err(io::Error::from));
        loaded.with_context(|| format!("{} cannot be loaded", path.display()))?;
    }
    Ok(())
}

fn modules(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", folder.display()));
        }
    };
    let names: io::Result<Vec<OsString>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let mut names = names.with_context(|| format!("{} cannot be read", folder.display()))?;
    names.sort();
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_in_the_order_of_their_names_and_need_not_be_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(modules(&dir.path().join("none")).unwrap().is_empty());
        for name in ["01-b.ko", "00-z.ko"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let found = modules(dir.path()).unwrap();
        assert_eq!(
            found,
            ["00-z.ko", "01-b.ko"].map(|name| dir.path().join(name))
        );
        // Not a module.
        assert!(load_modules(dir.path()).is_err());
    }
}
