//! Files that the commands read: every failure names the file and is a usage error.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use sealnote_client::{Client, ClientBuilder, HANDSHAKE_TIMEOUT};
use sealnote_model::{MODEL_FILES, ModelDigest};
use sealnote_verifier::{Policy, TrustRoots};

use crate::exit::{Exit, Failure};
use crate::policy::signed;
use crate::{Server, Trust};

/// Reads at most one byte more than `limit`, so that the parser can name an excess.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let failure =
        |error| Exit::Usage.because(format!("{} cannot be read: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failure)?;
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failure)?;
    Ok(bytes)
}

/// The digest of the model in a folder.
pub(crate) fn model_digest(folder: &Path) -> Result<ModelDigest, Failure> {
    let mut contents = MODEL_FILES.map(|_| Vec::new());
    for (name, bytes) in MODEL_FILES.iter().zip(&mut contents) {
        let path = folder.join(name);
        *bytes = std::fs::read(&path).map_err(|error| {
            Exit::Usage.because(format!("{} cannot be read: {error}", path.display()))
        })?;
    }
    Ok(ModelDigest::of_files(
        contents.each_ref().map(Vec::as_slice),
    ))
}

impl Trust {
    /// Loads the policy and the trust anchors, and warns of what they leave open.
    pub(crate) fn load(&self) -> Result<(Policy, TrustRoots), Failure> {
        let named = |path: &Path, error: &dyn std::fmt::Display| {
            Exit::Usage.because(format!("{}: {error}", path.display()))
        };
        let policy = signed::load(&self.policy, self.policy_signer.as_deref())?.policy;
        let mut roots = TrustRoots::vendors();
        if let Some(path) = &self.danger_accept_software_root {
            let pem = String::from_utf8_lossy(&read(path, 1 << 16)?).into_owned();
            roots
                .danger_add_software_root(&pem)
                .map_err(|error| named(path, &error))?;
            say!(
                "DANGER: evidence under the development root {} is accepted; such an \
                 enclave is ordinary software, and its operator can read every note",
                path.display()
            );
        }
        Ok((policy, roots))
    }
}

impl Server {
    pub(crate) fn client(&self) -> Result<ClientBuilder, Failure> {
        let (policy, roots) = self.trust.load()?;
        if policy.session().model_digests().is_none() {
            detail!(
                "note: the policy names no model_digests; whatever model the measured \
                 image reports is accepted"
            );
        }
        if policy.nitro().is_some_and(|rules| !rules.has_machine_pin()) {
            detail!(
                "note: the policy pins no machine (PCR3 or PCR4); anyone's machine may \
                 run the measured image"
            );
        }
        let timeout = Duration::from_secs(self.timeout);
        let client = Client::builder(self.server.clone(), policy, roots);
        Ok(client
            .timeout(timeout)
            .handshake_timeout(HANDSHAKE_TIMEOUT.min(timeout)))
    }
}
