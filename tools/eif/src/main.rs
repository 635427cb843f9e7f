//! Puts an enclave image (EIF) together, so that equal inputs give an equal file, and prints its
//! measurements as `nitro-cli build-enclave` does.

#![forbid(unsafe_code)]

mod contents;
mod image;
mod ramdisk;
mod sections;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use contents::Inputs;

/// `nitro-cli run-enclave` wants four times the image as memory: this is what fits into 512 MiB.
const COMFORTABLE_LEN: u64 = 128 << 20;

/// Puts an enclave image together, reproducibly.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write OUT.eif, and beside it OUT.json with its measurements.
    Build {
        /// The image to write.
        #[arg(short, long)]
        out: PathBuf,
        #[command(flatten)]
        inputs: Inputs,
    },
    /// List an image's sections: what each is, its length, and its SHA-256.
    Sections {
        /// The image.
        image: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Options::parse().command {
        Command::Build { out, inputs } => build(&inputs, &out),
        Command::Sections { image } => sections::list(&image)
            .map(|list| print!("{list}"))
            .map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sealnote-eif-builder: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(inputs: &Inputs, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let built = image::build(&contents::read(inputs)?, out)?;
    println!("{}", built.measurements);
    let mebibytes = built.len as f64 / f64::from(1 << 20);
    eprintln!("{}: {mebibytes:.1} MiB", out.display());
    if built.len > COMFORTABLE_LEN {
        eprintln!(
            "{}: more than 128 MiB: nitro-cli wants four times the image as memory, here {:.0} MiB",
            out.display(),
            4.0 * mebibytes
        );
    }
    Ok(())
}
