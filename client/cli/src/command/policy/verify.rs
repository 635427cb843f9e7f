//! `sealnote policy verify`: a policy's signature, and its place among those that were accepted.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::shown;
use crate::policy::serials::Serials;
use crate::policy::signed::{Signed, SignedError};
use crate::policy::signers::Signers;

#[derive(Args)]
pub(crate) struct Verify {
    /// The policy. Its signature is read from FILE.sig.
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// Who may sign: a public key, or a file of allowed signers as ssh-keygen reads it.
    #[arg(long, value_name = "FILE")]
    signer: PathBuf,
}

impl Verify {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let signers = Signers::read(&self.signer)?;
        let checked = Signed::read(&self.policy, &signers).and_then(|signed| {
            // Looked at, and left: only a command that uses the policy has accepted it.
            Serials::of_user()?.check(&signed.seen())?;
            Ok::<_, SignedError>(signed)
        });
        let signed = checked.map_err(|error| error.because(Exit::Rejected, &self.policy))?;
        let name = match signed.signer.name.as_str() {
            "" => String::new(),
            name => format!(" ({})", name.escape_debug()),
        };
        print(&[format!(
            "{}: serial {}, signed by {}{name}",
            shown(&self.policy),
            signed.serial,
            signed.signer.fingerprint()
        )])
    }
}
