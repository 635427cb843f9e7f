//! `sealnote key new`: a fresh private key.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Args;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_client::PrivateKey;

use crate::exit::Failure;
use crate::facts::print;
use crate::files::unwritten;

const EXAMPLES: &str = "\
Examples:
  $ sealnote key new ~/.config/sealnote/client.pem";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct New {
    /// Where the private key goes: PKCS#8 PEM, for its owner alone (mode 0600). A file that is there is not replaced.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl New {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let key = PrivateKey::generate(&mut UnwrapErr(SysRng));
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600);
        let written = opened.open(&self.file).and_then(|mut file| {
            file.write_all(key.to_pem().as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| unwritten(&self.file, &error))?;
        print(&[key.public().to_string()])
    }
}
