//! PID 1 of an enclave whose image we build ourselves: what a kernel needs somebody to do.
//!
//! The kernel starts `/init`, which is this program: it mounts the kernel's file systems, loads the
//! modules that the image has, tells the parent that the enclave has booted, starts this program once
//! more as the service, reaps, and ends the enclave when the service ends. In an image by `nitro-cli`,
//! AWS's own init does all this, and in a container or a shell nobody has to: there none of it is done.
//!
//! The service's arguments are read from the image, where they are measured. Arguments and environment
//! that the kernel hands to its first process come from its command line, to which a hypervisor may add;
//! they do not reach the service, and of the line itself only the heartbeat's address is read.

mod heartbeat;
mod setup;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use rustix::process::{Pid, WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};

/// The service's arguments, one a line.
const ARGUMENTS: &str = "/arguments";

/// Whether this process is an enclave's init: the first one, in an image that has the service's arguments.
/// (A container's first process has the same number, and its image no such file. How the kernel came to
/// start this program does not count: its command line may name it otherwise.)
pub fn is_init() -> bool {
    std::process::id() == 1 && Path::new(ARGUMENTS).exists()
}

/// Sets the machine up, runs the service, and ends the machine.
pub fn run() -> ! {
    match supervise() {
        Ok(ended) => event(&format!("the service ended ({ended}); the enclave ends")),
        Err(error) => event(&format!("{error:#}; the enclave ends")),
    }
    // An init that returns would be a kernel panic; so would this if it failed.
    let _ = reboot(RebootCommand::Restart);
    std::process::exit(1);
}

fn event(message: &str) {
    use std::io::Write;
    // Not `eprintln!`, which panics where the console is gone.
    let _ = writeln!(std::io::stderr(), "sealnote-enclave: init: {message}");
}

fn supervise() -> anyhow::Result<String> {
    setup::mount_all()?;
    setup::load_modules(Path::new("/modules"))?;
    let file = read(ARGUMENTS)?;
    let service = arguments(&file)?;
    // Whatever bytes are in it: its ends are not measured apart from what stands beside it in the image.
    let command_line = fs::read("/proc/cmdline").context("/proc/cmdline cannot be read")?;
    heartbeat::beat(&String::from_utf8_lossy(&command_line))?;
    event("booted");
    let child = Command::new("/proc/self/exe")
        .arg0("sealnote-enclave")
        .args(service)
        .env_clear()
        .stdin(Stdio::null())
        .spawn()
        .context("the service cannot be started")?;
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    loop {
        // Whatever else ends was orphaned, and is only reaped.
        match wait(WaitOptions::empty()).context("waiting for the service")? {
            Some((pid, status)) if Some(pid) == child => {
                return Ok(match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => format!("exit code {code}"),
                    (_, Some(signal)) => format!("signal {signal}"),
                    _ => "unknown".into(),
                });
            }
            _ => {}
        }
    }
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))
}

/// One argument a line; an empty line or an empty file is a fault of the image.
fn arguments(file: &str) -> anyhow::Result<Vec<&str>> {
    let arguments: Vec<&str> = file.lines().collect();
    if arguments.is_empty() || arguments.contains(&"") {
        bail!("{ARGUMENTS} has an empty line, or none; the image is made wrongly");
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_no_init() {
        assert!(!is_init());
    }

    #[test]
    fn arguments_are_lines() {
        assert_eq!(
            arguments("--model\n/a model\n").unwrap(),
            ["--model", "/a model"]
        );
        for wrong in ["", "\n", "--model\n\n/model\n"] {
            assert!(arguments(wrong).is_err(), "{wrong:?}");
        }
    }
}
