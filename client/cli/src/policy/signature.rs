//! Signatures of policies: detached, in the format of `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig).

use std::path::{Path, PathBuf};

use ssh_key::{Algorithm, Fingerprint, HashAlg, LineEnding, PrivateKey, SshSig};
use zeroize::Zeroizing;

use super::signers::{Signer, Signers};
use crate::exit::{Exit, Failure};
use crate::files;
use crate::files::shown;

/// What a signature is for: a key's signature of anything else is none of a policy.
pub const NAMESPACE: &str = "sealnote-policy";

/// Longest key or signature that is read.
const MAX_LEN: usize = 1 << 16;

/// Set in the signature of a security key if somebody touched it.
const USER_PRESENT: u8 = 1;

/// Bytes behind the signature of a security key: the flags, and a counter of four bytes.
const SECURITY_KEY_TRAILER: usize = 5;

/// Why a signature is not one that is asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not the format.
    #[error("this is no signature of `ssh-keygen -Y sign` or `sealnote policy sign`")]
    Malformed,
    /// Of a key that is not a signer's.
    #[error("it is signed by {0}, which is not a key that may sign policies")]
    OtherSigner(Fingerprint),
    /// For something else.
    #[error("the signature is for something else than a policy; sign with -n {NAMESPACE}")]
    OtherNamespace,
    /// Made without a touch.
    #[error("the security key signed without being touched")]
    Untouched,
    /// A key that this program cannot use.
    #[error("keys of type {0} are not supported; ed25519 and ECDSA (P-256, P-384) are")]
    Unsupported(Algorithm),
    /// Of other bytes.
    #[error("the signature is not of this file: one of the two was changed")]
    OtherBytes,
}

/// The file of a policy's signature, as ssh-keygen names it.
pub(crate) fn path(policy: &Path) -> PathBuf {
    let mut path = policy.as_os_str().to_owned();
    path.push(".sig");
    path.into()
}

/// Reads a signature's file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, "the signature", MAX_LEN)
}

/// Whether a file is a signature, of whatever.
pub(crate) fn is_signature(pem: &[u8]) -> bool {
    SshSig::from_pem(pem).is_ok()
}

/// The signer whose signature of `bytes` this is.
///
/// # Errors
///
/// A signature that is none, or is not such a one.
pub fn verify<'a>(
    signers: &'a Signers,
    bytes: &[u8],
    pem: &[u8],
) -> Result<&'a Signer, SignatureError> {
    let signature = SshSig::from_pem(pem).map_err(|_| SignatureError::Malformed)?;
    let key = signature.public_key();
    let signer = signers
        .all()
        .iter()
        .find(|signer| signer.key.key_data() == key)
        .ok_or_else(|| SignatureError::OtherSigner(key.fingerprint(HashAlg::Sha256)))?;
    signer
        .key
        .verify(NAMESPACE, bytes, &signature)
        .map_err(|error| match error {
            ssh_key::Error::Namespace => SignatureError::OtherNamespace,
            ssh_key::Error::AlgorithmUnsupported { algorithm } => {
                SignatureError::Unsupported(algorithm)
            }
            _ => SignatureError::OtherBytes,
        })?;
    match is_touched(&signature) {
        true => Ok(signer),
        false => Err(SignatureError::Untouched),
    }
}

/// True for keys that are not security keys.
fn is_touched(signature: &SshSig) -> bool {
    let is_security_key = matches!(
        signature.algorithm(),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256
    );
    let trailer = signature.signature_bytes().last_chunk();
    let flags = trailer.map(|[flags, ..]: &[u8; SECURITY_KEY_TRAILER]| *flags);
    !is_security_key || flags.is_some_and(|flags| flags & USER_PRESENT != 0)
}

/// A key that is there to sign with.
pub(crate) struct Key(PrivateKey);

impl Key {
    /// Reads a private key that is not encrypted. The error for any other says how to sign `policy` with it.
    pub(crate) fn read(path: &Path, policy: &Path) -> Result<Self, Failure> {
        let pem = Zeroizing::new(files::read(path, "the key", MAX_LEN)?);
        let instead = |why: &str| {
            Exit::Usage.because(format!(
                "{} {why}; sign with: ssh-keygen -Y sign -f {} -n {NAMESPACE} {}",
                shown(path),
                quoted(path),
                quoted(policy)
            ))
        };
        let key = match PrivateKey::from_openssh(&*pem) {
            Ok(key) => key,
            Err(_) if pem.starts_with(b"ssh-") || pem.starts_with(b"ecdsa-") => {
                return Err(instead(
                    "is a public key, whose private key an agent may have",
                ));
            }
            Err(_) => {
                return Err(Exit::Usage.because(format!(
                    "{} is no private key of OpenSSH's; make one with: ssh-keygen -t ed25519",
                    shown(path)
                )));
            }
        };
        match key.algorithm() {
            _ if key.is_encrypted() => {
                Err(instead("is encrypted, and no passphrase is asked for here"))
            }
            Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
                Err(instead("is of a security key"))
            }
            _ => Ok(Self(key)),
        }
    }

    /// Who signs with it.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint(HashAlg::Sha256)
    }

    /// The signature of these bytes.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Result<String, Failure> {
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, bytes);
        signature
            .and_then(|signature| signature.to_pem(LineEnding::LF))
            .map_err(|_| {
                let error = SignatureError::Unsupported(self.0.algorithm());
                Exit::Usage.because(error.to_string())
            })
    }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    match path.chars().all(is_plain) {
        true => path.into_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use ssh_key::private::Ed25519Keypair;
    use ssh_key::public::{KeyData, SkEd25519};
    use ssh_key::{PublicKey, Signature, SigningKey};

    use super::*;

    fn raw(key: &impl SigningKey, bytes: &[u8]) -> Vec<u8> {
        key.try_sign(bytes).unwrap().as_bytes().to_vec()
    }

    /// A security key's signature has flags, here those of a key that nobody may have touched (OpenSSH's PROTOCOL.u2f).
    #[test]
    fn a_security_key_must_have_been_touched() {
        use sha2::{Digest, Sha256};
        let pair = Ed25519Keypair::from_seed(&[1; 32]);
        let public = KeyData::SkEd25519(SkEd25519::new(pair.public, "ssh:"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pub");
        let line = PublicKey::new(public.clone(), "").to_openssh().unwrap();
        std::fs::write(&file, line).unwrap();
        let signers = Signers::read(&file).unwrap();
        let key = PrivateKey::from(pair);
        let verified = |flags: u8| {
            let trailer = [flags, 0, 0, 0, 7];
            let signed = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, b"policy").unwrap();
            let signed = [
                &Sha256::digest("ssh:")[..],
                &trailer,
                &Sha256::digest(signed)[..],
            ];
            let signature = [raw(&key, &signed.concat()), trailer.to_vec()].concat();
            let signature = Signature::new(Algorithm::SkEd25519, signature).unwrap();
            let signature = SshSig::new(public.clone(), NAMESPACE, HashAlg::Sha512, signature);
            let pem = signature.unwrap().to_pem(LineEnding::LF).unwrap();
            verify(&signers, b"policy", pem.as_bytes()).map(|_| ())
        };
        assert_eq!(verified(USER_PRESENT), Ok(()));
        assert_eq!(verified(5), Ok(()));
        assert_eq!(verified(0), Err(SignatureError::Untouched));
        assert_eq!(verified(4), Err(SignatureError::Untouched));
    }
}
