//! What is around the enclave: a KMS that checks what it is asked, instance metadata, and a machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use getrandom::SysRng;
use hmac::{Hmac, KeyInit, Mac};
use minicbor::Decoder;
use minicbor::data::Type;
use rand_core::UnwrapErr;
use sealnote_key_release::aws_kms::{AwsKms, KmsError};
use sealnote_key_release::evidence::{Evidence, EvidenceError};
use sealnote_key_release::{Locator, Wanted};
use sealnote_model::ModelDigest;
use sealnote_software_attester::nitro::{AttestationRequest, SoftwareAttester, SoftwareRoot};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::kit::{Authority, Received, Server, answer};

pub const ARN: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub const HOST: &str = "kms.eu-central-1.amazonaws.com";
pub const WRAPPED: &[u8] = b"what aws kms encrypt gave";
pub const MODEL_KEY: [u8; 32] = *b"thirty-two bytes of a model key.";
pub const ACCESS_KEY: &str = "ASIAQWERTYUIOPASDFGH";
pub const SECRET: &str = "sEcReT/aCcEsS+kEy/0123456789abcdefghijkl";
pub const TOKEN: &str = "IQoJb3JpZ2luX2VjEJr//////////wEaDGV1LWNlbnRyYWwtMSJ==";
pub const IMDS_TOKEN: &str = "AQAEAExampleTokenOfTheMetadataService==";

/// KMS and metadata, and the enclave's view of them.
pub struct World {
    pub kms: Server,
    pub metadata: Server,
    pub client: AwsKms,
}

impl World {
    /// A KMS that answers what `kms` makes of the request.
    pub async fn with(kms: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::new(kms, metadata).await
    }

    pub async fn new(
        kms: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
        metadata: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let authority = Authority::new();
        let tls = Some(authority.server(HOST));
        let kms = Server::start(tls, move |request| kms(&Asked::read(request))).await;
        let metadata = Server::start(None, metadata).await;
        let (via, metadata_via) = (kms.via.clone(), metadata.via.clone());
        let client = AwsKms::new(&locator(), via, authority.roots(), metadata_via).unwrap();
        Self {
            kms,
            metadata,
            client,
        }
    }

    pub async fn release(&self) -> Result<[u8; 32], KmsError> {
        let (wanted, machine) = (wanted(), Machine::new());
        let mut rng = UnwrapErr(SysRng);
        let key = self.client.release(&wanted, WRAPPED, &machine, &mut rng);
        Ok(*key.await?.as_bytes())
    }
}

pub fn locator() -> Locator {
    format!("aws-kms:{ARN}").parse().unwrap()
}

pub fn wanted() -> Wanted {
    Wanted {
        key_id: "hospital/icd-10".parse().unwrap(),
        model: ModelDigest([0x5a; 48]),
    }
}

/// An answer of KMS with this envelope.
pub fn decrypted(envelope: &[u8]) -> Vec<u8> {
    let body = json!({
        "CiphertextForRecipient": STANDARD.encode(envelope),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyId": ARN,
    });
    answer(200, body.to_string())
}

/// A refusal of KMS.
pub fn refused(status: u16, name: &str) -> Vec<u8> {
    let message = format!("a message of {name}, with the access key {ACCESS_KEY}");
    answer(
        status,
        json!({"__type": name, "message": message}).to_string(),
    )
}

/// EC2's instance metadata service with a role.
pub fn metadata(request: &Received) -> Vec<u8> {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    if request.line == "PUT /latest/api/token HTTP/1.1" {
        let seconds = request.header("x-aws-ec2-metadata-token-ttl-seconds");
        assert_eq!(seconds, Some("60"));
        return answer(200, IMDS_TOKEN);
    }
    assert_eq!(request.header("x-aws-ec2-metadata-token"), Some(IMDS_TOKEN));
    assert_eq!(request.header("host"), Some("169.254.169.254"));
    if request.line == format!("GET {ROLES} HTTP/1.1") {
        return answer(200, "the-role");
    }
    assert_eq!(request.line, format!("GET {ROLES}the-role HTTP/1.1"));
    let credentials = json!({
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": SECRET,
        "Token": TOKEN,
        "Expiration": "2026-01-01T00:00:00Z",
    });
    answer(200, credentials.to_string())
}

/// What KMS was asked, after it has checked what does not depend on the machine.
pub struct Asked {
    pub public_key: Vec<u8>,
    pub user_data: Vec<u8>,
}

impl Asked {
    fn read(request: &Received) -> Self {
        assert_eq!(request.line, "POST / HTTP/1.1");
        assert_eq!(request.header("host"), Some(HOST));
        let content = request.header("content-type");
        assert_eq!(content, Some("application/x-amz-json-1.1"));
        let target = request.header("x-amz-target");
        assert_eq!(target, Some("TrentService.Decrypt"));
        assert_eq!(request.header("x-amz-security-token"), Some(TOKEN));
        assert_signed(request);

        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let document = body["Recipient"]["AttestationDocument"].as_str().unwrap();
        assert_eq!(
            body,
            json!({
                "CiphertextBlob": STANDARD.encode(WRAPPED),
                "KeyId": ARN,
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "EncryptionContext": {
                    "sealnote:key-id": "hospital/icd-10",
                    "sealnote:model": "5a".repeat(48),
                },
                "Recipient": {
                    "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
                    "AttestationDocument": document,
                },
            })
        );
        let (public_key, user_data) = fields(&STANDARD.decode(document).unwrap());
        Self {
            public_key,
            user_data,
        }
    }
}

/// AWS Signature Version 4, computed from what was received.
fn assert_signed(request: &Received) {
    let authorization = request.header("authorization").unwrap();
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let field = |name: &str| {
        let mut fields = rest.split(", ");
        fields.find_map(|field| field.strip_prefix(name)).unwrap()
    };
    let time = request.header("x-amz-date").unwrap();
    let date = time.split('T').next().unwrap();
    let scope = format!("{date}/eu-central-1/kms/aws4_request");
    assert_eq!(field("Credential="), format!("{ACCESS_KEY}/{scope}"));
    let names = field("SignedHeaders=");
    for name in ["host", "x-amz-date", "x-amz-security-token", "x-amz-target"] {
        assert!(names.split(';').any(|signed| signed == name), "{name}");
    }
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", request.header(name).unwrap()))
        .collect();
    let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let canonical = format!("POST\n/\n\n{headers}\n{names}\n{}", digest(&request.body));
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        digest(canonical.as_bytes())
    );
    let start = format!("AWS4{SECRET}").into_bytes();
    let key = scope.split('/').fold(start, |key, part| mac(&key, part));
    assert_eq!(field("Signature="), hex::encode(mac(&key, &to_sign)));
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The public key and the user data of a Nitro document.
fn fields(document: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // COSE_Sign1: protected, unprotected, payload, signature.
    let mut signed = Decoder::new(document);
    assert_eq!(signed.array().unwrap(), Some(4));
    signed.skip().unwrap();
    signed.skip().unwrap();
    let mut payload = Decoder::new(signed.bytes().unwrap());
    let mut found = BTreeMap::new();
    payload.map().unwrap();
    // Of a length that is not said before.
    while payload.datatype().is_ok_and(|next| next == Type::String) {
        match payload.str().unwrap() {
            name @ ("public_key" | "user_data") => {
                found.insert(name, payload.bytes().unwrap().to_vec());
            }
            _ => payload.skip().unwrap(),
        }
    }
    let mut take = |name| found.remove(name).unwrap();
    (take("public_key"), take("user_data"))
}

/// A Nitro machine.
pub struct Machine(Arc<Mutex<SoftwareAttester>>);

impl Machine {
    pub fn new() -> Self {
        let mut rng = UnwrapErr(SysRng);
        let root = SoftwareRoot::generate(SystemTime::now(), &mut rng).unwrap();
        let attester = SoftwareAttester::new(root, BTreeMap::new(), &mut rng).unwrap();
        Self(Arc::new(Mutex::new(attester)))
    }
}

impl Evidence for Machine {
    fn nitro_document(
        &self,
        public_key: &[u8],
        user_data: &[u8; 48],
    ) -> Result<Vec<u8>, EvidenceError> {
        let request = AttestationRequest {
            public_key: Some(public_key),
            user_data: Some(user_data),
            nonce: None,
        };
        let mut attester = self.0.lock().unwrap();
        let document = attester.attest(&request, SystemTime::now(), &mut UnwrapErr(SysRng));
        Ok(document.unwrap())
    }
}

/// A machine of another kind.
pub struct NoNitro;

impl Evidence for NoNitro {}
