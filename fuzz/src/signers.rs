//! Who may sign policies: a key of each algorithm, and what it signs.

use std::sync::LazyLock;

use p256::ecdsa::signature::Signer;
use p256::elliptic_curve::Generate;
use sealnote_cli::policy::signature::NAMESPACE;
use sealnote_cli::policy::signers::Signers;
use ssh_key::private::{EcdsaKeypair, Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey, Signature, SshSig};

use crate::Seeded;

/// What is signed.
pub const POLICY: &[u8] = b"{\"version\": 2}\n";

/// Keys, and the file that names them.
pub struct Fixture {
    /// One of each algorithm.
    pub keys: Vec<PrivateKey>,
    /// As ssh-keygen reads it.
    pub allowed_signers: String,
    /// Those in the file.
    pub signers: Signers,
}

/// The same in every run.
pub static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

impl Fixture {
    fn new() -> Self {
        let p256 = p256::SecretKey::generate_from_rng(&mut Seeded(3));
        let p256 = EcdsaKeypair::NistP256 {
            public: p256.public_key().into(),
            private: p256.into(),
        };
        let keys = vec![
            PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32])),
            PrivateKey::new(KeypairData::Ecdsa(p256), "officer").expect("a key"),
        ];
        let lines = keys.iter().map(|key| {
            let line = key.public_key().to_openssh().expect("a line");
            format!("officer@hospital.example namespaces=\"{NAMESPACE}\" {line}\n")
        });
        let allowed_signers: String = lines.collect();
        let signers = Signers::of_file(allowed_signers.as_bytes());
        Self {
            keys,
            signers: signers.expect("signers"),
            allowed_signers,
        }
    }

    /// The policy's signature, in PEM.
    pub fn signed(&self, key: &PrivateKey, namespace: &str, hash: HashAlg) -> Option<String> {
        let signed = SshSig::signed_data(namespace, hash, POLICY).ok()?;
        let signature: Signature = key.try_sign(&signed).ok()?;
        let key = key.public_key().key_data().clone();
        let signature = SshSig::new(key, namespace, hash, signature).ok()?;
        signature.to_pem(LineEnding::LF).ok()
    }
}
