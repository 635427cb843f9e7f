//! Files that the commands read and write: every failure names the file. `-` is standard input.

use std::fmt::Display;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sealnote_client::{Client, ClientBuilder, HANDSHAKE_TIMEOUT, KeyFileError, PrivateKey};
use sealnote_model::{MODEL_FILES, ModelDigest};
use sealnote_transport::Endpoint;
use sealnote_verifier::{Policy, TrustRoots};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::policy::signed;
use crate::{Server, Trust};

/// Bytes of a path that are shown.
const LONGEST: usize = 400;

/// A path, fit for a terminal.
pub(crate) fn shown(path: &Path) -> impl Display {
    crate::say::cut(&path.to_string_lossy(), LONGEST)
}

/// The digest of the model in a folder.
pub(crate) fn model_digest(folder: &Path) -> Result<ModelDigest, Failure> {
    let mut contents = MODEL_FILES.map(|_| Vec::new());
    for (name, bytes) in MODEL_FILES.iter().zip(&mut contents) {
        let path = folder.join(name);
        *bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
    }
    Ok(ModelDigest::of_files(
        contents.each_ref().map(Vec::as_slice),
    ))
}

/// Whether this path names standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What standard input is read as: it can be read only once.
pub(crate) fn claim_stdin(what: &'static str) -> Result<(), Failure> {
    static CLAIMED: OnceLock<&'static str> = OnceLock::new();
    let first = *CLAIMED.get_or_init(|| what);
    match first == what {
        true => Ok(()),
        false => Err(Exit::Usage.because(format!(
            "standard input cannot be both {first} and {what}: name a file for one of them"
        ))),
    }
}

/// What is held without growing.
const SMALL: usize = 64 * 1024;

/// Reads `what`: at most one byte more than `limit`, so that the parser can name an excess.
pub(crate) fn read(path: &Path, what: &'static str, limit: usize) -> Result<Vec<u8>, Failure> {
    // At once: growing would leave copies, and it may be a key.
    let mut bytes = Vec::with_capacity(limit.min(SMALL) + 1);
    let limit = limit as u64 + 1;
    let done = match is_stdin(path) {
        true => {
            claim_stdin(what)?;
            std::io::stdin().take(limit).read_to_end(&mut bytes)
        }
        false => {
            let file = std::fs::File::open(path);
            file.and_then(|file| file.take(limit).read_to_end(&mut bytes))
        }
    };
    match done {
        Ok(_) => Ok(bytes),
        Err(error) => Err(unreadable(path, &error)),
    }
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Exit::Usage.because(format!("{} cannot be read: {error}", shown(path)))
}

/// Reads a private key, and warns if others can.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKey, Failure> {
    const MAX_LEN: usize = 4096;
    let pem = Zeroizing::new(read(path, "the private key", MAX_LEN)?);
    if !is_stdin(path) && std::fs::metadata(path).is_ok_and(|file| file.mode() & 0o077 != 0) {
        say!(
            "warning: others than its owner may use the private key {0}; `chmod 600 {0}`",
            shown(path)
        );
    }
    let key = core::str::from_utf8(&pem).map_err(|_| KeyFileError);
    key.and_then(PrivateKey::from_pem)
        .map_err(|error| malformed(path, &error))
}

/// What is wrong with the content of a file.
pub(crate) fn malformed(path: &Path, error: &dyn Display) -> Failure {
    let name = match is_stdin(path) {
        true => "standard input".to_owned(),
        false => shown(path).to_string(),
    };
    Exit::Usage.because(format!("{name}: {error}"))
}

/// Puts bytes in the place of a file, all or none of them.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // What a link leads to is replaced, not the link.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    let file_mode = Permissions::from_mode(mode);
    file.as_file().set_permissions(file_mode)?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Takes a file away, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unwritten(path, &error)),
        _ => Ok(()),
    }
}

/// Why a file could not be written.
pub(crate) fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        ErrorKind::AlreadyExists => "it is there already; move it away, or name another",
        _ => &error.to_string(),
    };
    Exit::Output.because(format!("{} cannot be written: {advice}", shown(path)))
}

impl Trust {
    /// The policy's file.
    pub(crate) fn policy(&self) -> Result<&Path, Failure> {
        let policy = self.policy.as_deref();
        policy.ok_or_else(|| unnamed("policy", "FILE", "a policy"))
    }

    /// Loads the policy and the trust anchors, and warns of what they leave open.
    pub(crate) fn load(&self) -> Result<(Policy, TrustRoots), Failure> {
        Ok((self.load_policy()?.0, self.roots()?))
    }

    /// The policy, and the bytes of its file.
    pub(crate) fn load_policy(&self) -> Result<(Policy, Vec<u8>), Failure> {
        let stored = signed::load(self.policy()?, self.policy_signer.as_deref())?;
        Ok((stored.policy, stored.bytes))
    }

    /// The trust anchors; says so if one was added.
    pub(crate) fn roots(&self) -> Result<TrustRoots, Failure> {
        let mut roots = TrustRoots::vendors();
        for path in &self.danger_accept_software_root {
            let pem = read(path, "the development root", 1 << 16)?;
            let kind = roots
                .danger_add_development_root(&String::from_utf8_lossy(&pem))
                .map_err(|error| malformed(path, &error))?;
            say!(
                "DANGER: {} evidence under the development root {} is accepted; such an \
                 enclave is ordinary software, and its operator can read every note",
                kind.name(),
                shown(path)
            );
        }
        Ok(roots)
    }
}

/// There are three ways to name it, and none was used.
fn unnamed(flag: &str, value: &str, what: &str) -> Failure {
    let file = match crate::config::default_file() {
        Some(file) => shown(&file).to_string(),
        None => "a config file".into(),
    };
    Exit::Usage.because(format!(
        "{what} is needed: give --{flag} {value}, or set SEALNOTE_{}, or write `{flag} = \"{value}\"` under \
         [profile.default] in {file}",
        flag.to_uppercase()
    ))
}

impl Server {
    /// Whom to talk to.
    pub(crate) fn endpoint(&self) -> Result<&Endpoint, Failure> {
        let server = self.server.as_ref();
        server.ok_or_else(|| unnamed("server", "ADDR", "a server"))
    }

    /// How long to wait for the server.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    pub(crate) fn client(&self) -> Result<ClientBuilder, Failure> {
        let server = self.endpoint()?.clone();
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
        let timeout = self.timeout();
        let client = Client::builder(server, policy, roots)
            .timeout(timeout)
            .handshake_timeout(HANDSHAKE_TIMEOUT.min(timeout));
        Ok(match self.client_key()? {
            Some(key) => client.key(Arc::new(key)),
            None => client,
        })
    }

    /// What this client signs with, if it was named.
    pub(crate) fn client_key(&self) -> Result<Option<PrivateKey>, Failure> {
        self.client_key.as_deref().map(private_key).transpose()
    }
}
