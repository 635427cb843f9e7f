//! What goes into the image: read from files, and checked, so that a mistake is found here and not by
//! an enclave that does not boot.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use thiserror::Error;

use crate::ramdisk::{Node, Ramdisk};

/// Where the inputs are.
#[derive(Args, Clone, Debug)]
pub struct Inputs {
    /// The kernel, a bzImage.
    #[arg(long)]
    pub kernel: PathBuf,
    /// File with the kernel's command line, one line.
    #[arg(long)]
    pub cmdline_file: PathBuf,
    /// The enclave's program, a static binary.
    #[arg(long)]
    pub program: PathBuf,
    /// File with the program's arguments, one a line.
    #[arg(long)]
    pub arguments: PathBuf,
    /// Folder with the model's three files, or the three encrypted, and nothing else.
    #[arg(long)]
    pub model: PathBuf,
    /// The image's name, in its metadata.
    #[arg(long)]
    pub name: String,
    /// The image's version, in its metadata.
    #[arg(long)]
    pub version: String,
}

/// The contents of an image.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Where the kernel is.
    pub kernel: PathBuf,
    /// What the kernel says that it is.
    pub kernel_version: String,
    /// The kernel's command line.
    pub cmdline: String,
    /// What does not change with the program: PCR1 covers it, with kernel and command line.
    pub base: Ramdisk,
    /// Program, arguments and model: PCR2.
    pub application: Ramdisk,
    /// The image's name.
    pub name: String,
    /// The image's version.
    pub version: String,
}

/// What is wrong with the inputs.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum ContentsError {
    #[error("{path}: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{0}: not a Linux kernel (bzImage)")]
    NotAKernel(PathBuf),
    #[error("{0}: not one line of printable ASCII")]
    NotOneLine(PathBuf),
    #[error("{0}: not a list of arguments, one a line, none empty, the last line ended")]
    NotArguments(PathBuf),
    #[error("{0}: not a program (ELF)")]
    NotAProgram(PathBuf),
    #[error("{folder}: {name:?} does not belong into a model's folder")]
    Extra { folder: PathBuf, name: OsString },
}

/// Reads and checks the inputs.
///
/// # Errors
/// [`ContentsError`], of the first input that will not do.
pub fn read(inputs: &Inputs) -> Result<Contents, ContentsError> {
    Ok(Contents {
        kernel: inputs.kernel.clone(),
        kernel_version: kernel_version(&inputs.kernel)?,
        cmdline: cmdline(&inputs.cmdline_file)?,
        base: base(),
        application: application(inputs)?,
        name: inputs.name.clone(),
        version: inputs.version.clone(),
    })
}

fn base() -> Ramdisk {
    Ramdisk::default()
        .with("/dev", Node::Folder(0o755))
        .with("/dev/console", Node::CharDevice(0o600, 5, 1))
        .with("/proc", Node::Folder(0o755))
        .with("/run", Node::Folder(0o755))
        .with("/sys", Node::Folder(0o755))
        .with("/tmp", Node::Folder(0o1777))
}

fn application(inputs: &Inputs) -> Result<Ramdisk, ContentsError> {
    // In the ramdisk, and in the folder.
    const MODEL: [(&str, &str); 3] = [
        ("/model/config.json", "config.json"),
        ("/model/model.safetensors", "model.safetensors"),
        ("/model/tokenizer.json", "tokenizer.json"),
    ];
    // As `sealnote model encrypt` writes them.
    const ENCRYPTED: [(&str, &str); 3] = [
        ("/model/config.json.sealnote", "config.json.sealnote"),
        (
            "/model/model.safetensors.sealnote",
            "model.safetensors.sealnote",
        ),
        ("/model/tokenizer.json.sealnote", "tokenizer.json.sealnote"),
    ];
    let is_encrypted = ENCRYPTED
        .iter()
        .any(|(_, name)| inputs.model.join(name).exists());
    let files = if is_encrypted { ENCRYPTED } else { MODEL };
    let mut disk = Ramdisk::default()
        .with(
            "/arguments",
            Node::File(0o644, arguments(&inputs.arguments)?),
        )
        .with("/init", Node::Link("/sealnote-enclave".into()))
        .with("/model", Node::Folder(0o755))
        .with(
            "/sealnote-enclave",
            Node::File(0o755, program(&inputs.program)?),
        );
    for (path, name) in files {
        disk = disk.with(path, Node::File(0o644, file(&inputs.model.join(name))?));
    }
    let unreadable = |error| ContentsError::Unreadable {
        path: inputs.model.clone(),
        error,
    };
    for entry in fs::read_dir(&inputs.model).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if !files.iter().any(|(_, known)| name == *known) {
            return Err(ContentsError::Extra {
                folder: inputs.model.clone(),
                name,
            });
        }
    }
    Ok(disk)
}

/// The release that a bzImage names (Documentation/arch/x86/boot.rst: `header`, `kernel_version`).
fn kernel_version(path: &Path) -> Result<String, ContentsError> {
    let image = file(path)?;
    let version = || {
        if image.get(0x202..0x206)? != b"HdrS" {
            return None;
        }
        let at = u16::from_le_bytes(image.get(0x20e..0x210)?.try_into().ok()?);
        let text = image.get(usize::from(at) + 0x200..)?;
        let release = text.split(|byte| matches!(byte, b' ' | 0)).next()?;
        String::from_utf8(release.to_vec()).ok()
    };
    version().ok_or_else(|| ContentsError::NotAKernel(path.into()))
}

fn cmdline(path: &Path) -> Result<String, ContentsError> {
    let text = String::from_utf8_lossy(&file(path)?).into_owned();
    let line = text.strip_suffix('\n').unwrap_or(&text);
    if line.is_empty() || !line.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(ContentsError::NotOneLine(path.into()));
    }
    Ok(line.into())
}

fn arguments(path: &Path) -> Result<Vec<u8>, ContentsError> {
    let data = file(path)?;
    let valid = std::str::from_utf8(&data).is_ok_and(|text| {
        text.ends_with('\n') && text.lines().all(|line| !line.is_empty()) && !text.contains('\r')
    });
    if !valid {
        return Err(ContentsError::NotArguments(path.into()));
    }
    Ok(data)
}

fn program(path: &Path) -> Result<Vec<u8>, ContentsError> {
    let data = file(path)?;
    if !data.starts_with(b"\x7fELF") {
        return Err(ContentsError::NotAProgram(path.into()));
    }
    Ok(data)
}

fn file(path: &Path) -> Result<Vec<u8>, ContentsError> {
    fs::read(path).map_err(|error| ContentsError::Unreadable {
        path: path.into(),
        error,
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::ramdisk::tests::{Found, unpack};

    /// Inputs that will do, in a folder.
    pub fn inputs(folder: &Path) -> Inputs {
        let mut kernel = vec![0; 0x400];
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        kernel[0x300..0x314].copy_from_slice(b"6.12.1-test (builder");
        let write = |name: &str, data: &[u8]| {
            let path = folder.join(name);
            fs::write(&path, data).unwrap();
            path
        };
        fs::create_dir(folder.join("model")).unwrap();
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            write(&format!("model/{name}"), name.as_bytes());
        }
        Inputs {
            kernel: write("kernel", &kernel),
            cmdline_file: write("cmdline", b"console=ttyS0 quiet\n"),
            program: write("program", b"\x7fELF program"),
            arguments: write("arguments", b"--model\n/model\n"),
            model: folder.join("model"),
            name: "test".into(),
            version: "0.0.0".into(),
        }
    }

    #[test]
    fn ramdisks_hold_what_belongs_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let contents = read(&inputs(folder.path())).unwrap();
        assert_eq!(contents.kernel_version, "6.12.1-test");
        assert_eq!(contents.cmdline, "console=ttyS0 quiet");

        let listed = |disk: &Ramdisk| -> Vec<(String, u32, Vec<u8>)> {
            unpack(&disk.to_gzip().unwrap())
                .into_iter()
                .map(
                    |Found {
                         name, mode, data, ..
                     }| (name, mode, data),
                )
                .collect()
        };
        let entry = |name: &str, mode, data: &[u8]| (name.to_owned(), mode, data.to_vec());
        assert_eq!(
            listed(&contents.base),
            [
                entry("dev", 0o040755, b""),
                entry("dev/console", 0o020600, b""),
                entry("proc", 0o040755, b""),
                entry("run", 0o040755, b""),
                entry("sys", 0o040755, b""),
                entry("tmp", 0o041777, b""),
            ]
        );
        assert_eq!(
            listed(&contents.application),
            [
                entry("arguments", 0o100644, b"--model\n/model\n"),
                entry("init", 0o120777, b"/sealnote-enclave"),
                entry("model", 0o040755, b""),
                entry("model/config.json", 0o100644, b"config.json"),
                entry("model/model.safetensors", 0o100644, b"model.safetensors"),
                entry("model/tokenizer.json", 0o100644, b"tokenizer.json"),
                entry("sealnote-enclave", 0o100755, b"\x7fELF program"),
            ]
        );
    }

    #[test]
    fn a_model_may_be_encrypted_but_not_half() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = inputs(folder.path());
        for name in ["config.json", "model.safetensors", "tokenizer.json"] {
            let from = inputs.model.join(name);
            fs::rename(&from, inputs.model.join(format!("{name}.sealnote"))).unwrap();
        }
        let contents = read(&inputs).unwrap();
        let files = unpack(&contents.application.to_gzip().unwrap());
        let names: Vec<_> = files.iter().map(|found| found.name.as_str()).collect();
        assert!(
            names.contains(&"model/model.safetensors.sealnote"),
            "{names:?}"
        );
        fs::write(inputs.model.join("config.json"), b"{}").unwrap();
        let error = read(&inputs).unwrap_err().to_string();
        assert!(
            error.ends_with(r#""config.json" does not belong into a model's folder"#),
            "{error}"
        );
    }

    /// The error's first line, after `spoil` has changed something in the folder.
    fn error_after(spoil: impl FnOnce(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let inputs = inputs(folder.path());
        spoil(folder.path());
        let error = read(&inputs).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn each_fault_is_named() {
        let missing = "No such file or directory (os error 2)";
        let write = |name: &'static str, data: &'static [u8]| {
            move |folder: &Path| fs::write(folder.join(name), data).unwrap()
        };
        let remove =
            |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).unwrap();
        assert_eq!(error_after(remove("kernel")), format!("kernel: {missing}"));
        assert_eq!(
            error_after(remove("model/tokenizer.json")),
            format!("model/tokenizer.json: {missing}")
        );
        assert_eq!(
            error_after(write("model/notes.txt", b"")),
            r#"model: "notes.txt" does not belong into a model's folder"#
        );
        assert_eq!(
            error_after(write("kernel", b"MZ")),
            "kernel: not a Linux kernel (bzImage)"
        );
        assert_eq!(
            error_after(write("program", b"#!/bin/sh\n")),
            "program: not a program (ELF)"
        );
        for two_lines in [b"quiet\nloglevel=1\n".as_slice(), b"\n", b"a\0b"] {
            assert_eq!(
                error_after(write("cmdline", two_lines)),
                "cmdline: not one line of printable ASCII"
            );
        }
        for not_arguments in [
            b"".as_slice(),
            b"--model\n\n/model\n",
            b"--model",
            b"--model\r\n",
        ] {
            assert_eq!(
                error_after(write("arguments", not_arguments)),
                "arguments: not a list of arguments, one a line, none empty, the last line ended"
            );
        }
    }
}
