//! Why a call of `nitro-cli` failed: in one line what it said, and what to do about it.

use std::{fmt, io, path::PathBuf, time::Duration};

use thiserror::Error;

/// Why `nitro-cli` did not do what it was asked.
#[derive(Debug, Error)]
pub enum NitroCliError {
    /// There is no such program, or it may not be run.
    #[error(
        "{} cannot be run ({error}); install aws-nitro-enclaves-cli, or say with --nitro-cli where it is",
        program.display()
    )]
    NotStarted {
        /// As it was called.
        program: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// It hangs.
    #[error(
        "nitro-cli {command} did not end within {} s, and was ended; see {LOG}",
        limit.as_secs_f32()
    )]
    Deadline {
        /// What it was asked.
        command: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// More came than any answer has.
    #[error("nitro-cli {command} printed without end; is this AWS's program?")]
    TooMuch {
        /// What it was asked.
        command: &'static str,
    },
    /// The system failed.
    #[error("nitro-cli {command} was lost: {error}")]
    Io {
        /// What it was asked.
        command: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// It said that it failed.
    #[error("nitro-cli {command} failed: {said}{}", advice(*code, said))]
    Failed {
        /// What it was asked.
        command: &'static str,
        /// The first of the codes that it printed: those after it are of what failed because of it.
        code: Option<ErrorCode>,
        /// The line of that code, without what is not printable.
        said: String,
    },
    /// It said that it succeeded, and not as this version is known to.
    #[error(
        "the answer of nitro-cli {command} is not understood ({error}); version 1.2 or later is needed"
    )]
    Unreadable {
        /// What it was asked.
        command: &'static str,
        /// Where in the JSON.
        error: serde_json::Error,
    },
    /// The image's checksum is wrong.
    #[error(
        "the image's checksum is wrong: it was damaged, or is still being written; copy it again"
    )]
    Damaged,
    /// The answer of `terminate-enclave` is of another enclave, or says no.
    #[error("nitro-cli terminate-enclave did not say that it ended the enclave")]
    NotTerminated,
}

/// `nitro-cli`'s number of an error, as E27.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode(pub u8);

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:02}", self.0)
    }
}

impl NitroCliError {
    /// Out of what it printed on standard error.
    pub(super) fn failed(command: &'static str, stderr: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stderr);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let coded = lines.clone().position(|line| code(line).is_some());
        let said = match coded {
            Some(at) => {
                // E19 says on the line below which file it was.
                let rest: Vec<&str> = lines.skip(at).take(2).collect();
                match rest[..] {
                    [line, file] if file.starts_with("File:") => format!("{line} {file}"),
                    _ => rest[0].to_owned(),
                }
            }
            None => lines.next_back().unwrap_or("it did not say why").to_owned(),
        };
        let code = code(&said);
        let said = said.chars().filter(|letter| !letter.is_control());
        NitroCliError::Failed {
            command,
            code,
            said: said.take(MAX_SAID).collect(),
        }
    }

    /// Whether this is, or may be, for want of memory or processors in the allocator's pool. Processors that another
    /// enclave has show as a failed ioctl (E29), as do other things.
    pub fn is_want_of_room(&self) -> bool {
        matches!(
            self,
            NitroCliError::Failed {
                code: Some(ErrorCode(21 | 22 | 27 | 29 | 31 | 32)),
                ..
            }
        )
    }

    /// Whether it is certain that `run-enclave` has left no enclave behind.
    pub fn started_nothing(&self) -> bool {
        matches!(
            self,
            NitroCliError::NotStarted { .. } | NitroCliError::Failed { .. }
        )
    }

    /// Whether it is no use to try again: the operator must do something first.
    pub fn is_lasting(&self) -> bool {
        matches!(self, NitroCliError::NotStarted { .. })
    }
}

/// Letters of `nitro-cli`'s line that are repeated; its longest is about 450.
const MAX_SAID: usize = 500;

const LOG: &str = "/var/log/nitro_enclaves/nitro_enclaves.log";

/// `[ E27 ] Insufficient memory available. …`
fn code(line: &str) -> Option<ErrorCode> {
    let digits = line.strip_prefix("[ E")?.split_once(" ]")?.0;
    match digits.len() {
        2 => digits.parse().ok().map(ErrorCode),
        _ => None,
    }
}

fn advice(code: Option<ErrorCode>, said: &str) -> &'static str {
    match code.map(|code| code.0) {
        Some(7 | 18 | 56) => " To do: put this user into the group ne, and start the service anew.",
        Some(19) if said.contains("/dev/nitro_enclaves") => {
            " To do: launch the instance with enclaves enabled, and put this user into the group ne."
        }
        Some(19) if said.contains("/var/log/") || said.contains("/run/") => {
            " To do: put this user into the group ne, and start the service anew."
        }
        Some(19) => " To do: see that the image is there, and that this user may read it.",
        Some(21 | 22) => {
            " To do: more for cpu_count in /etc/nitro_enclaves/allocator.yaml, then restart \
             nitro-enclaves-allocator; or less for --cpus."
        }
        Some(26) => " To do: more for --memory.",
        Some(27) => {
            " To do: more for memory_mib in /etc/nitro_enclaves/allocator.yaml, then restart \
             nitro-enclaves-allocator; or less for --memory."
        }
        Some(29 | 31 | 32 | 33) => {
            " To do: see that no other enclave has the CPUs or the CID, and that --cpus are whole cores."
        }
        Some(35 | 59) => " To do: copy the image again: it is damaged, or its signature is.",
        Some(36) => {
            " To do: see with --debug-console what the image says as it boots, and that nobody else \
             listens on vsock port 9000."
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is printed where the pool has too little memory.
    const NO_MEMORY: &str = "Start allocating memory...
[ E27 ] Insufficient memory available. User provided `memory` is 512 MB, which is more than the available hugepage memory.
You can increase the available memory by editing the `memory_mib` value from '/etc/nitro_enclaves/allocator.yaml' and then restart the nitro-enclaves-allocator.service.

For more details, please visit https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#E27

If you open a support ticket, please provide the error log found at \"/var/log/nitro_enclaves/err2026-11-28T09:08:13.244096311+00:00.log\"
Failed connections: 1
[ E39 ] Enclave process connection failure. Such error appears when the enclave manager fails to connect to at least one enclave process for retrieving the description information.
";

    const NO_DEVICE: &str =
        "[ E19 ] File operation failure. Such error appears when the system fails.
File: '/dev/nitro_enclaves', failing operation: 'Open'.

For more details, please visit https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#E19
Failed connections: 1
[ E39 ] Enclave process connection failure.
";

    #[test]
    fn the_first_code_is_the_cause() {
        let error = NitroCliError::failed("run-enclave", NO_MEMORY.as_bytes());
        assert!(error.is_want_of_room());
        assert_eq!(
            error.to_string(),
            "nitro-cli run-enclave failed: [ E27 ] Insufficient memory available. User provided `memory` is 512 MB, \
             which is more than the available hugepage memory. To do: more for memory_mib in \
             /etc/nitro_enclaves/allocator.yaml, then restart nitro-enclaves-allocator; or less for --memory."
        );
    }

    #[test]
    fn the_file_is_named() {
        let error = NitroCliError::failed("run-enclave", NO_DEVICE.as_bytes());
        assert!(!error.is_want_of_room());
        assert_eq!(
            error.to_string(),
            "nitro-cli run-enclave failed: [ E19 ] File operation failure. Such error appears when the system fails. \
             File: '/dev/nitro_enclaves', failing operation: 'Open'. To do: launch the instance with enclaves \
             enabled, and put this user into the group ne."
        );
    }

    #[test]
    fn whatever_is_printed_is_one_printable_line() {
        for (stderr, said) in [
            ("", "it did not say why"),
            ("one\ntwo\u{1b}[31m\n\n", "two[31m"),
            ("[ E2x ] no\n[ E271 ] no", "[ E271 ] no"),
        ] {
            let error = NitroCliError::failed("describe-enclaves", stderr.as_bytes());
            let expected = format!("nitro-cli describe-enclaves failed: {said}");
            assert_eq!(error.to_string(), expected);
        }
        let long = NitroCliError::failed("describe-enclaves", "x".repeat(10_000).as_bytes());
        assert_eq!(
            long.to_string().len(),
            "nitro-cli describe-enclaves failed: ".len() + MAX_SAID
        );
    }
}
