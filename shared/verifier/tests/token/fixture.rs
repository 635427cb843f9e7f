//! Issuers of our own: tokens in the genuine shape under keys made here, which pass every check, and ways to deviate.

use std::str::FromStr;
use std::thread;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use hmac::{Hmac, KeyInit, Mac};
use rsa::pkcs1v15;
use rsa::pss;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{PrivateKey, PublicKey};
use sealnote_software_attester::CertificateSpec;
use sealnote_verifier::UnixTime;
use sealnote_verifier::token::{Rejection, Rules, VerifiedToken};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384};
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::der::asn1::OctetString;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, Encode, EncodePem};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use super::claims;

pub const NOW: u64 = 1_795_000_000;
pub const DAY: u64 = 24 * 3600;
pub const BINDING: [u8; 64] = [0x5a; 64];
pub const KID: &str = "the issuer's key";

/// What an attempt starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A container, by certificates.
    Google,
    /// A guest's own report.
    AzureSevSnp,
    /// A domain's own quote.
    AzureTdx,
    /// Claims at the top, RS256.
    IntelV1,
    /// Claims under `tdx`, PS384.
    Intel,
}

/// Keys and certificates, made once.
pub struct Fixture {
    pub key: PrivateKey,
    pub other: PrivateKey,
    ca: PrivateKey,
}

/// Who signs, and how; whatever the header says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    Rs256,
    Ps384,
    /// With another key.
    Other,
    /// With the public key as if it were a secret.
    Hs256,
    None,
}

/// Everything that a check takes.
pub struct Attempt<'f> {
    pub fixture: &'f Fixture,
    pub header: Value,
    pub claims: Value,
    pub seal: Seal,
    pub keys: Vec<u8>,
    /// Where it is not SHA-256 of the keys.
    pub pin: Option<String>,
    pub policy: Value,
    pub binding: Option<[u8; 64]>,
    pub at: u64,
    /// What is changed of the JSON before it is signed.
    pub json: fn(String) -> String,
    /// What is changed of the token.
    pub after: fn(&mut Vec<u8>),
}

impl Base {
    pub const ALL: [Self; 5] = [
        Self::Google,
        Self::AzureSevSnp,
        Self::AzureTdx,
        Self::IntelV1,
        Self::Intel,
    ];

    pub fn profile(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::AzureSevSnp | Self::AzureTdx => "azure",
            Self::IntelV1 | Self::Intel => "intel",
        }
    }

    pub fn issuer(self) -> &'static str {
        match self {
            Self::Google => "https://confidentialcomputing.googleapis.com",
            Self::AzureSevSnp | Self::AzureTdx => "https://sharedweu.weu.attest.azure.net",
            Self::IntelV1 | Self::Intel => "https://portal.trustauthority.intel.com",
        }
    }
}

impl Fixture {
    pub fn new() -> Self {
        let generate = || PrivateKey::new(&mut rng(), 2048).expect("a key");
        let other = thread::spawn(generate);
        let (key, ca) = (generate(), generate());
        Self {
            key,
            other: other.join().expect("a key"),
            ca,
        }
    }

    /// What passes every check.
    pub fn attempt(&self, base: Base) -> Attempt<'_> {
        let mut header = json!({"typ": "JWT", "kid": KID, "alg": "RS256"});
        let mut seal = Seal::Rs256;
        match base {
            Base::Google => header["x5c"] = self.x5c(),
            Base::Intel => (header["alg"], seal) = ("PS384".into(), Seal::Ps384),
            _ => {}
        }
        if base != Base::Google {
            header["jku"] = format!("{}/certs", base.issuer()).into();
        }
        let keys = match base {
            Base::Google => self.root_pem(),
            _ => json!({"keys": [self.other_jwk(), self.jwk()]}).to_string(),
        };
        Attempt {
            fixture: self,
            header,
            claims: claims::claims(base),
            seal,
            keys: keys.into_bytes(),
            pin: None,
            policy: json!({"issuers": [claims::issuer_rules(base)]}),
            binding: Some(BINDING),
            at: NOW,
            json: |json| json,
            after: |_| (),
        }
    }

    pub fn jwk(&self) -> Value {
        jwk(&self.key.to_public_key(), KID)
    }

    pub fn other_jwk(&self) -> Value {
        jwk(&self.other.to_public_key(), "another")
    }

    pub fn root_pem(&self) -> String {
        let root = self.root_spec().sign(&signer(&self.other)).expect("a root");
        pem(&root)
    }

    fn x5c(&self) -> Value {
        self.chain(|_, _| ())
    }

    /// Leaf, CA and root, changed before they are signed.
    pub fn chain(&self, edit: impl Fn(usize, &mut CertificateSpec)) -> Value {
        let specs = [self.leaf_spec(), self.ca_spec(), self.root_spec()];
        let keys = [&self.ca, &self.other, &self.other];
        let mut index = 0..;
        let signed = specs.into_iter().zip(keys).map(|(mut spec, key)| {
            edit(index.next().expect("a number"), &mut spec);
            STANDARD.encode(spec.sign(&signer(key)).expect("a certificate"))
        });
        signed.collect()
    }

    /// The root's key is `other`, the leaf's is the issuer's.
    fn root_spec(&self) -> CertificateSpec {
        spec("CN=Root", "CN=Root", &self.other, 3650, ca_extensions())
    }

    fn ca_spec(&self) -> CertificateSpec {
        spec("CN=Root", "CN=CA", &self.ca, 700, ca_extensions())
    }

    fn leaf_spec(&self) -> CertificateSpec {
        let constraints = BasicConstraints {
            ca: false,
            path_len_constraint: None,
        };
        spec(
            "CN=CA",
            "CN=Leaf",
            &self.key,
            60,
            vec![critical(&constraints)],
        )
    }
}

impl Attempt<'_> {
    /// The one issuer's rules.
    pub fn rule(&mut self) -> &mut Value {
        &mut self.policy["issuers"][0]
    }

    /// The one measurement set.
    pub fn set(&mut self) -> &mut Value {
        &mut self.rule()["measurements"][0]
    }

    pub fn remove(&mut self, claim: &str) {
        let claims = self.claims.as_object_mut().expect("an object");
        claims.remove(claim).expect("a claim to be removed");
    }

    /// Another key set.
    pub fn set_keys(&mut self, keys: Value) {
        self.keys = json!({ "keys": keys }).to_string().into_bytes();
    }

    /// Hands in, and pins, the root that the header has.
    pub fn pin_root(&mut self) {
        let root = self.header["x5c"][2].as_str().expect("a text");
        self.keys = pem(&STANDARD.decode(root).expect("base64")).into_bytes();
    }

    /// Pins what is handed in as a key set, whatever it is.
    pub fn pin_set(&mut self) {
        let digest = hex::encode(Sha256::digest(&self.keys));
        self.rule()["keys"] = json!({ "jwks": [digest] });
    }

    pub fn signed(&self) -> Vec<u8> {
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode((self.json)(json.to_string()));
        let message = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let signature = self.signature(message.as_bytes());
        let mut token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes();
        (self.after)(&mut token);
        token
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self.seal {
            Seal::Rs256 => signer(&self.fixture.key).sign(message).to_vec(),
            Seal::Other => signer(&self.fixture.other).sign(message).to_vec(),
            Seal::Ps384 => {
                let key = pss::SigningKey::<Sha384>::new(self.fixture.key.clone());
                key.sign_with_rng(&mut rng(), message).to_vec()
            }
            Seal::Hs256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(&self.keys).expect("a key");
                mac.update(message);
                mac.finalize().into_bytes().to_vec()
            }
            Seal::None => Vec::new(),
        }
    }

    pub fn rules(&self) -> Rules {
        let mut policy = self.policy.clone();
        let digest = hex::encode(Sha256::digest(&self.keys));
        let pins = [self.pin.clone().unwrap_or(digest)];
        let rule = &mut policy["issuers"][0];
        if rule.get("keys").is_none() {
            rule["keys"] = match rule["profile"] == "google" {
                true => json!({ "root": pins }),
                false => json!({ "jwks": pins }),
            };
        }
        let file = serde_json::from_value(policy).expect("the case's rules have the shape");
        Rules::load(file).expect("the case's rules load")
    }

    pub fn check(&self) -> Result<VerifiedToken, Rejection> {
        let now = UnixTime::from_seconds(self.at);
        let rules = self.rules();
        rules.check_token(&self.signed(), &self.keys, self.binding.as_ref(), now)
    }
}

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

fn pem(der: &[u8]) -> String {
    let certificate = x509_cert::Certificate::from_der(der).expect("a certificate");
    certificate.to_pem(LineEnding::LF).expect("PEM")
}

fn signer(key: &PrivateKey) -> pkcs1v15::SigningKey<Sha256> {
    pkcs1v15::SigningKey::new(key.clone())
}

fn jwk(key: &PublicKey, kid: &str) -> Value {
    let n = URL_SAFE_NO_PAD.encode(key.n().to_be_bytes_trimmed_vartime());
    json!({"kty": "RSA", "kid": kid, "use": "sig", "n": n, "e": "AQAB"})
}

fn spec(
    issuer: &str,
    subject: &str,
    key: &PrivateKey,
    days: u64,
    extensions: Vec<Extension>,
) -> CertificateSpec {
    let name = |name| Name::from_str(name).expect("a name");
    let public_key = SubjectPublicKeyInfo::from_key(&key.to_public_key());
    CertificateSpec {
        serial: SerialNumber::new(&[1]).expect("a number"),
        issuer: name(issuer),
        subject: name(subject),
        not_before: time(NOW - DAY),
        not_after: time(NOW + days * DAY),
        public_key: public_key.expect("a key"),
        extensions,
    }
}

pub fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn ca_extensions() -> Vec<Extension> {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: None,
    };
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    vec![critical(&constraints), critical(&usage)]
}

pub fn critical<E: AssociatedOid + Encode>(extension: &E) -> Extension {
    let der = extension.to_der().expect("DER");
    Extension {
        extn_id: E::OID,
        critical: true,
        extn_value: OctetString::new(der).expect("octets"),
    }
}
