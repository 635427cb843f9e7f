//! Issuers of tokens in software: their keys, claims that a policy accepts, and that policy.

use std::str::FromStr;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::PrivateKey;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::pss;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use sealnote_software_attester::CertificateSpec;
use sealnote_verifier::token::{VerifiedToken, inspect};
use sealnote_verifier::{Policy, Rejection, UnixTime};
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

use crate::Seeded;

/// When everything here holds.
pub const NOW_SECONDS: u64 = 1_795_000_000;
/// What tokens are bound to.
pub const BINDING: [u8; 64] = [0x5a; 64];

/// The issuer whose keys come by certificates.
pub const GOOGLE: &str = "https://confidentialcomputing.googleapis.com";
/// RSASSA-PKCS1-v1_5, with which all sign.
pub const RS256: &str = "RS256";
/// RSASSA-PSS, with which Intel signs.
pub const PS384: &str = "PS384";

const AZURE: &str = "https://sharedweu.weu.attest.azure.net";
/// The issuer that signs by either algorithm.
pub const INTEL: &str = "https://portal.trustauthority.intel.com";
const POLICY_HASH: &str = "wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs";
const DAY: u64 = 24 * 3600;

/// Keys, and what is published of them.
pub struct Fixture {
    /// A key set that has the issuers' key.
    pub jwks: String,
    /// Google's root.
    pub root_pem: String,
    /// The key's certificate, and the root's.
    pub x5c: Value,
    key: SigningKey<Sha256>,
    pss: pss::SigningKey<Sha384>,
}

/// The same in every run.
pub static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

impl Fixture {
    fn new() -> Self {
        let rng = &mut Seeded(5);
        let mut generate = || PrivateKey::new(rng, 2048).expect("a key");
        let (key, root_key) = (generate(), generate());
        let root_signer = SigningKey::<Sha256>::new(root_key.clone());
        let sign = |spec: CertificateSpec| -> Vec<u8> {
            let signed = spec.sign::<_, Signature>(&root_signer);
            signed.expect("a certificate")
        };
        let root = sign(certificate("CN=Root", &root_key, true));
        let leaf = sign(certificate("CN=Leaf", &key, false));
        let parsed = x509_cert::Certificate::from_der(&root).expect("a certificate");
        let n = URL_SAFE_NO_PAD.encode(key.n().to_be_bytes_trimmed_vartime());
        let of_set = json!({"kty": "RSA", "kid": "key", "use": "sig", "n": n, "e": "AQAB"});
        let by_certificate = json!({"kty": "RSA", "kid": "x5c", "x5c": [STANDARD.encode(&leaf)]});
        Self {
            jwks: json!({"keys": [of_set, by_certificate]}).to_string(),
            root_pem: parsed.to_pem(LineEnding::LF).expect("PEM"),
            x5c: json!([STANDARD.encode(&leaf), STANDARD.encode(&root)]),
            pss: pss::SigningKey::new(key.clone()),
            key: SigningKey::new(key),
        }
    }

    /// A token of these claims, signed.
    pub fn token(&self, algorithm: &str, x5c: &Value, claims: &[u8]) -> Vec<u8> {
        self.signed(&unsigned(algorithm, x5c, claims))
    }

    /// The token with the key's signature in place of its own, by the algorithm that it names; RS256 where that is none. The
    /// salt is the same in every run.
    ///
    /// # Panics
    ///
    /// If it is no token.
    pub fn signed(&self, token: &[u8]) -> Vec<u8> {
        let dot = token.iter().rposition(|byte| *byte == b'.').expect("a dot");
        let signed = &token[..dot];
        let names_pss = inspect(token).is_ok_and(|token| {
            let header: Value = serde_json::from_str(&token.header()).unwrap_or_default();
            header["alg"] == PS384
        });
        let signature = match names_pss {
            true => self.pss.sign_with_rng(&mut Seeded(6), signed).to_vec(),
            false => self.key.sign(signed).to_vec(),
        };
        let signature = URL_SAFE_NO_PAD.encode(signature);
        [&token[..=dot], signature.as_bytes()].concat()
    }

    /// The keys that tokens of these claims' issuer are checked by.
    pub fn keys_of(&self, claims: &Value) -> &[u8] {
        match claims["iss"] == GOOGLE {
            true => self.root_pem.as_bytes(),
            false => self.jwks.as_bytes(),
        }
    }
}

/// A token with a signature that is none.
pub fn unsigned(algorithm: &str, x5c: &Value, claims: &[u8]) -> Vec<u8> {
    let header = json!({"typ": "JWT", "alg": algorithm, "kid": "key", "x5c": x5c}).to_string();
    let parts = [header.as_bytes(), claims, &[0; 256]];
    let parts = parts.map(|part| URL_SAFE_NO_PAD.encode(part));
    parts.join(".").into_bytes()
}

/// Checks a token by a policy that pins the fixture's keys.
pub fn check(token: &[u8], keys: &[u8]) -> Result<VerifiedToken, Rejection> {
    static POLICY: LazyLock<Policy> =
        LazyLock::new(|| policy(&[FIXTURE.root_pem.as_bytes(), FIXTURE.jwks.as_bytes()]));
    check_by(&POLICY, token, keys)
}

/// Checks a token by a policy that pins these keys, whatever they are.
pub fn check_by_any(token: &[u8], keys: &[u8]) -> Result<VerifiedToken, Rejection> {
    check_by(&policy(&[keys]), token, keys)
}

fn check_by(policy: &Policy, token: &[u8], keys: &[u8]) -> Result<VerifiedToken, Rejection> {
    let now = UnixTime::from_seconds(NOW_SECONDS);
    policy.check_token(token, keys, Some(&BINDING), now)
}

/// Of each issuer and each kind of machine, claims that the policy accepts.
pub fn claims() -> [(&'static str, Value); 4] {
    let report_data = hex::encode(BINDING);
    let google = json!({
        "aud": "sealnote",
        "eat_nonce": hex::encode(Sha256::digest(BINDING)),
        "secboot": true,
        "hwmodel": "GCP_INTEL_TDX",
        "swname": "CONFIDENTIAL_SPACE",
        "swversion": ["250800"],
        "attester_tcb": ["INTEL"],
        "dbgstat": "disabled-since-boot",
        "submods": {
            "confidential_space": {"support_attributes": ["LATEST", "STABLE", "USABLE"]},
            "container": {
                "image_digest": format!("sha256:{}", "a1".repeat(32)),
                "restart_policy": "Never",
                "env": {"HOSTNAME": "one-of-many", "PATH": "/usr/bin"},
                "args": ["/usr/bin/sealnote-enclave"],
            },
        },
        "tdx": {"gcp_attester_tcb_status": "UpToDate"},
    });
    let sev_snp = json!({
        "x-ms-attestation-type": "sevsnpvm",
        "x-ms-compliance-status": "azure-compliant-uvm",
        "x-ms-policy-hash": POLICY_HASH,
        "x-ms-sevsnpvm-authorkeydigest": "00".repeat(48),
        "x-ms-sevsnpvm-bootloader-svn": 4,
        "x-ms-sevsnpvm-hostdata": "b2".repeat(32),
        "x-ms-sevsnpvm-idkeydigest": "b3".repeat(48),
        "x-ms-sevsnpvm-is-debuggable": false,
        "x-ms-sevsnpvm-launchmeasurement": "b1".repeat(48),
        "x-ms-sevsnpvm-microcode-svn": 219,
        "x-ms-sevsnpvm-migration-allowed": false,
        "x-ms-sevsnpvm-reportdata": report_data,
        "x-ms-sevsnpvm-smt-allowed": true,
        "x-ms-sevsnpvm-snpfw-svn": 24,
        "x-ms-sevsnpvm-tee-svn": 0,
        "x-ms-sevsnpvm-vmpl": 0,
        "x-ms-ver": "1.0",
    });
    let domain = json!({
        "attester_tcb_status": "UpToDate",
        "dbgstat": "disabled",
        "tdx_mrconfigid": "00".repeat(48),
        "tdx_mrowner": "00".repeat(48),
        "tdx_mrownerconfig": "c6".repeat(48),
        "tdx_mrseam": "c7".repeat(48),
        "tdx_mrtd": "c1".repeat(48),
        "tdx_report_data": report_data,
        "tdx_rtmr0": "d0".repeat(48),
        "tdx_rtmr1": "d1".repeat(48),
        "tdx_rtmr2": "d2".repeat(48),
        "tdx_rtmr3": "d3".repeat(48),
        "tdx_td_attributes": "0000001000000000",
        "tdx_td_attributes_debug": false,
        "tdx_xfam": "e718060000000000",
    });
    let mut azure = domain.clone();
    azure["x-ms-attestation-type"] = "tdxvm".into();
    azure["x-ms-policy-hash"] = POLICY_HASH.into();
    let mut intel = domain;
    intel["ver"] = "1.0.0".into();
    intel["attester_type"] = "TDX".into();
    intel["tdx_is_debuggable"] = false.into();
    intel["policy_ids_matched"] = json!([{"id": "one", "version": "v1", "hash": POLICY_HASH}]);
    let of = |issuer: &str, mut claims: Value| {
        claims["iss"] = issuer.into();
        claims["iat"] = (NOW_SECONDS - 60).into();
        claims["nbf"] = (NOW_SECONDS - 60).into();
        claims["exp"] = (NOW_SECONDS + 3600).into();
        claims
    };
    [
        ("google", of(GOOGLE, google)),
        ("azure-sev-snp", of(AZURE, sev_snp)),
        ("azure-tdx", of(AZURE, azure)),
        ("intel", of(INTEL, intel)),
    ]
}

fn policy(keys: &[&[u8]]) -> Policy {
    let pins: Vec<_> = keys.iter().map(Sha256::digest).map(hex::encode).collect();
    let tdx = json!({
        "mrtd": "c1".repeat(48),
        "rtmr0": "d0".repeat(48),
        "rtmr1": "d1".repeat(48),
        "rtmr2": "d2".repeat(48),
        "rtmr3": "d3".repeat(48),
        "mr_config_id": "zero",
        "mr_owner": "zero",
        "mr_owner_config": "c6".repeat(48),
        "td_attributes": "0000001000000000",
        "xfam": "e718060000000000",
    });
    let google = json!({
        "profile": "google",
        "issuer": GOOGLE,
        "audience": "sealnote",
        "keys": {"root": pins},
        "tcb_status": ["UpToDate"],
        "measurements": [{"label": "google", "container": {
            "image_digest": format!("sha256:{}", "a1".repeat(32)),
            "args": ["/usr/bin/sealnote-enclave"],
            "env": {"PATH": "/usr/bin"},
        }}],
    });
    let azure = json!({
        "profile": "azure",
        "issuer": AZURE,
        "keys": {"jwks": pins},
        "policy_hash": POLICY_HASH,
        "tcb_status": ["UpToDate"],
        "least_svn": {"bootloader": 4, "tee": 0, "snp": 24, "microcode": 219},
        "measurements": [{"label": "azure-tdx", "tdx": tdx}, {"label": "azure-sev-snp", "sev_snp": {
            "measurement": "b1".repeat(48),
            "host_data": "b2".repeat(32),
            "id_key_digest": "b3".repeat(48),
            "author_key_digest": "zero",
            "smt_allowed": true,
        }}],
    });
    let intel = json!({
        "profile": "intel",
        "issuer": INTEL,
        "keys": {"jwks": pins},
        "policy_hash": POLICY_HASH,
        "tcb_status": ["UpToDate"],
        "measurements": [{"label": "intel", "tdx": tdx}],
    });
    let file = json!({"version": 2, "evidence": {"token": {"issuers": [google, azure, intel]}}});
    Policy::from_json(file.to_string()).expect("a policy")
}

fn certificate(subject: &str, key: &PrivateKey, ca: bool) -> CertificateSpec {
    let name = |name| Name::from_str(name).expect("a name");
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let constraints = BasicConstraints {
        ca,
        path_len_constraint: None,
    };
    let usage = match ca {
        true => KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
        false => KeyUsage(KeyUsages::DigitalSignature.into()),
    };
    let public_key = SubjectPublicKeyInfo::from_key(&key.to_public_key());
    CertificateSpec {
        serial: SerialNumber::new(&[1]).expect("a number"),
        issuer: name("CN=Root"),
        subject: name(subject),
        not_before: at(NOW_SECONDS - DAY),
        not_after: at(NOW_SECONDS + 60 * DAY),
        public_key: public_key.expect("a key"),
        extensions: vec![critical(&constraints), critical(&usage)],
    }
}

fn critical<E: AssociatedOid + Encode>(extension: &E) -> Extension {
    let der = extension.to_der().expect("DER");
    Extension {
        extn_id: E::OID,
        critical: true,
        extn_value: OctetString::new(der).expect("octets"),
    }
}
