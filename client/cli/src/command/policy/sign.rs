//! `sealnote policy sign`: a detached signature, which ssh-keygen checks as well.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::shown;
use crate::files::{replace, unwritten};
use crate::policy::signature::{self, Key};
use crate::policy::stored::Stored;

#[derive(Args)]
pub(crate) struct Sign {
    /// The policy, which must have a serial. The signature is written beside it, as FILE.sig.
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// The private key, as ssh-keygen makes it, not encrypted: ed25519, or ECDSA with P-256 or P-384.
    #[arg(long, value_name = "SSH_KEY")]
    key: PathBuf,
}

impl Sign {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let stored = Stored::read_file(&self.policy)?;
        let name = shown(&self.policy);
        let Some(serial) = stored.policy.serial() else {
            return Err(Exit::Usage.because(format!(
                "{name} has no serial, by which clients know it from those before it: write \"serial\": 1 into it, \
                 beside \"version\", and count it up with each change; of nitro-cli's JSON, make a policy first, by \
                 `sealnote policy new`"
            )));
        };
        let key = Key::read(&self.key, &self.policy)?;
        let pem = key.sign(&stored.bytes)?;
        let path = signature::path(&self.policy);
        // An earlier signature is of no use any more; anything else is not for this program to replace.
        if path.exists() && !signature::is_signature(&signature::read(&path)?) {
            return Err(Exit::Output.because(format!(
                "{} cannot be written: it is there, and is no signature; move it away",
                shown(&path)
            )));
        }
        replace(&path, pem.as_bytes(), 0o644).map_err(|error| unwritten(&path, &error))?;
        print(&[format!(
            "{}: written, {name} with serial {serial} is signed by {}",
            shown(&path),
            key.fingerprint()
        )])
    }
}
