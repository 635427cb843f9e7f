//! RTMR3, as the kernel shows it since 6.16 (Linux, Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use sealnote_model::SHA384_LEN;

/// Where the kernel has it.
pub(super) const PATH: &str = "/sys/class/misc/tdx_guest/measurements/rtmr3:sha384";

/// The register that is extended by the model: [`RegisterFile`], or a stand-in in tests.
pub trait ModelRegister: Send + Sync {
    /// Its value; another length than 48 bytes is no register's.
    fn read(&self) -> io::Result<Vec<u8>>;
    /// Extends it.
    fn extend(&self, measurement: &[u8; SHA384_LEN]) -> io::Result<()>;
}

/// The kernel's file, or one that stands in for it.
pub struct RegisterFile {
    path: PathBuf,
}

impl RegisterFile {
    /// The kernel's.
    pub fn of_the_kernel() -> Self {
        Self { path: PATH.into() }
    }
}

impl ModelRegister for RegisterFile {
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut value = Vec::new();
        let file = File::open(&self.path)?;
        file.take(SHA384_LEN as u64 + 1).read_to_end(&mut value)?;
        Ok(value)
    }

    /// In one write: the kernel extends the register by each, and takes none of another length.
    fn extend(&self, measurement: &[u8; SHA384_LEN]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        match file.write(measurement)? {
            SHA384_LEN => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_written_whole_and_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rtmr3:sha384");
        let register = RegisterFile { path: path.clone() };
        for error in [register.read().map(|_| ()), register.extend(&[1; 48])] {
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        std::fs::write(&path, [0; 100]).unwrap();
        assert_eq!(register.read().unwrap(), [0; 49]);
        register.extend(&[1; 48]).unwrap();
        assert_eq!(
            std::fs::read(&path).unwrap(),
            [[1; 48].as_slice(), &[0; 52]].concat()
        );
    }
}
