//! The TPM behind the attester, as the kernel has it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

/// Where the kernel has it since 4.12. Of the two devices this is the one that programs share.
const PATH: &str = "/dev/tpmrm0";

/// No TPM takes a longer command, nor gives a longer response (`TPM_BUFSIZE` of the kernel's tpm.h).
pub(super) const MAX_MESSAGE: usize = 4096;

/// A TPM 2.0: [`Device`], or what stands in for it.
pub trait Tpm: Send {
    /// Hands over one command, and waits for its response.
    ///
    /// # Errors
    /// When there is none.
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>>;
}

/// The kernel's device, open for as long as this lives.
pub struct Device {
    file: File,
}

impl Device {
    /// Opens it.
    ///
    /// # Errors
    /// Where there is none, or this process may not.
    pub fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(PATH)?;
        Ok(Self { file })
    }
}

impl Tpm for Device {
    /// A command is one write, and its response one read: the kernel takes no part of either.
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        if self.file.write(command)? != command.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let mut response = vec![0; MAX_MESSAGE];
        loop {
            match self.file.read(&mut response) {
                Ok(len) => {
                    response.truncate(len);
                    return Ok(response);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
