//! `sealnote-parent`: see the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sealnote_parent::program::main()
}
