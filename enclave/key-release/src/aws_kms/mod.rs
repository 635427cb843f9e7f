//! AWS KMS: it decrypts the model's key for whoever shows a Nitro document that the KMS key's policy admits, and encrypts the
//! answer to the RSA key in that document.
//!
//! ```text
//! instance's role ─ credentials ─┐
//! machine ── document (RSA key) ─┼→ Decrypt, signed, over TLS → CiphertextForRecipient ─ CMS → key
//! model's header ─ wrapped key ──┘
//! ```

mod cms;
mod credentials;
mod decrypt;
mod place;
mod recipient;
mod refusal;
mod sigv4;

use std::time::{Duration, SystemTime};

use hyper::Request;
use rand_core::CryptoRng;
use sealnote_encrypted_model::{ModelKey, WrongKeyLength};
use sealnote_transport::Endpoint;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::evidence::{Evidence, EvidenceError};
use crate::http::{HttpError, Service};
use crate::tls::{Roots, TlsError};
use crate::{Locator, Wanted};

pub use cms::{CmsError, Envelope};
pub use credentials::{Credentials, CredentialsError, METADATA_ADDRESS};
pub use decrypt::{AnswerError, MAX_WRAPPED};
pub use recipient::MODULUS_BITS;
pub use refusal::Refusal;

use place::Place;
use recipient::Recipient;
use sigv4::Timestamp;

/// How long each of the requests may take: three for credentials, and KMS's.
const WITHIN: Duration = Duration::from_secs(20);

/// The roots that Amazon publishes for its services (amazontrust.com/repository), with which every public endpoint of KMS
/// but China's begins. They are compiled in, so the image's measurement covers them.
///
/// # Errors
/// A processor that TLS does not run on.
pub fn amazon_roots() -> Result<Roots, TlsError> {
    Roots::from_pem(include_bytes!("amazon_roots.pem"))
}

/// A KMS key, and the ways to its service and to credentials.
#[derive(Clone, Debug)]
pub struct AwsKms {
    arn: String,
    place: Place,
    kms: Service,
    metadata: Service,
}

/// Why KMS gave no key. No secret, and nothing of a peer's text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KmsError {
    /// The locator is another service's.
    #[error("K1: the locator is not aws-kms:ARN")]
    Locator,
    /// Its endpoint is not known.
    #[error(
        "K1: KMS's address is known for the partitions aws, aws-us-gov, aws-cn and aws-eusc, and the ARN is of another"
    )]
    Partition,
    /// No wrapped key.
    #[error(
        "the encrypted model carries a wrapped key of {len} bytes, and KMS takes 1 to {MAX_WRAPPED}. Encrypt the model with \
         --wrapped-key and what `aws kms encrypt` gave"
    )]
    Wrapped {
        /// How many bytes there are.
        len: usize,
    },
    /// No RSA key.
    #[error("K3: no RSA key could be drawn for KMS's answer")]
    Key,
    /// No document.
    #[error("K3: {0}")]
    Evidence(#[from] EvidenceError),
    /// No credentials.
    #[error("credentials for KMS: {0}")]
    Credentials(#[from] CredentialsError),
    /// The clock.
    #[error("the machine's clock shows no time that a request can be signed with")]
    Clock,
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// KMS refuses.
    #[error("KMS refuses: {0}")]
    Refused(Refusal),
    /// The answer is not one to Decrypt with Recipient.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The answer's envelope.
    #[error("K5: what KMS answered is refused: {0}")]
    Cms(#[from] CmsError),
    /// The key has another length.
    #[error("K6: {0}. Wrap 32 bytes by `aws kms encrypt`")]
    KeyLength(#[from] WrongKeyLength),
}

impl AwsKms {
    /// The key that `locator` names; `via` and `metadata_via` are where the parent's egress listens for KMS's address
    /// ([`address`](Self::address)) and for [`METADATA_ADDRESS`].
    ///
    /// # Errors
    /// A locator of another service, or a partition whose endpoint is not known.
    pub fn new(
        locator: &Locator,
        via: Endpoint,
        roots: Roots,
        metadata_via: Endpoint,
    ) -> Result<Self, KmsError> {
        let Locator::AwsKms { arn } = locator else {
            return Err(KmsError::Locator);
        };
        let place = Place::of(arn).ok_or(KmsError::Partition)?;
        Ok(Self {
            kms: Service::over_tls(place.host(), via, roots)?,
            metadata: Service::in_the_clear(METADATA_ADDRESS, metadata_via)?,
            arn: arn.clone(),
            place,
        })
    }

    /// The host that the parent's egress must allow at port 443: `kms.REGION.amazonaws.com`.
    pub fn address(&self) -> &str {
        self.place.host()
    }

    /// Has KMS decrypt `wrapped`, which the encrypted model carries. One attempt; the caller may make another.
    ///
    /// Blocks for the draw of an RSA key and for the document: it is called before anybody is served.
    /// The key counts only once it has opened the model.
    ///
    /// # Errors
    /// No way, no credentials, no document, a refusal, or an answer that is not to be believed.
    pub async fn release(
        &self,
        wanted: &Wanted,
        wrapped: &[u8],
        evidence: &dyn Evidence,
        rng: &mut impl CryptoRng,
    ) -> Result<ModelKey, KmsError> {
        if !(1..=MAX_WRAPPED).contains(&wrapped.len()) {
            let len = wrapped.len();
            return Err(KmsError::Wrapped { len });
        }
        let credentials = Credentials::of_instance(&self.metadata, WITHIN).await?;
        let recipient = Recipient::draw(rng).ok_or(KmsError::Key)?;
        let document = recipient.document(&self.arn, evidence)?;
        let body = decrypt::request(&self.arn, wanted, wrapped, &document);

        let time = Timestamp::of(SystemTime::now()).ok_or(KmsError::Clock)?;
        let request = self.signed(body, &time, &credentials)?;
        let answer = self.kms.exchange(request, WITHIN).await?;
        let (head, body) = answer.into_parts();
        // Whatever it is, Plaintext included.
        let body = Zeroizing::new(body);
        if !head.status.is_success() {
            return Err(KmsError::Refused(Refusal::read(
                head.status.as_u16(),
                &body,
            )));
        }
        let sealed = decrypt::answer(&body, &self.arn)?;
        let key = Envelope::parse(&sealed)?.open(recipient, rng)?;
        Ok(ModelKey::from_bytes(&key)?)
    }

    fn signed(
        &self,
        body: Vec<u8>,
        time: &Timestamp,
        credentials: &Credentials,
    ) -> Result<Request<hyper::body::Bytes>, KmsError> {
        let mut headers = vec![
            ("content-type", decrypt::CONTENT_TYPE),
            ("x-amz-date", time.as_str()),
            ("x-amz-target", decrypt::TARGET),
        ];
        headers.extend(
            credentials
                .session_token()
                .map(|token| ("x-amz-security-token", token)),
        );
        let mut request = Request::post("/");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        // The exchange adds this one.
        headers.push(("host", self.place.host()));
        let authorization = sigv4::authorization(
            sigv4::Request {
                method: "POST",
                path: "/",
                headers,
                body: &body,
            },
            &sigv4::Scope {
                time,
                region: self.place.region(),
                service: "kms",
            },
            credentials,
        );
        let request = request
            .header("authorization", authorization)
            .body(body.into());
        request.map_err(|_| KmsError::Credentials(CredentialsError::Malformed))
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};
    use x509_cert::Certificate;
    use x509_cert::der::Encode;

    use super::*;

    /// amazontrust.com/repository: SHA-256 of each root's SubjectPublicKeyInfo.
    #[test]
    fn the_compiled_roots_are_the_published_ones() {
        let published = [
            "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
            "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
            "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
            "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
            "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
        ];
        let roots = Certificate::load_pem_chain(include_bytes!("amazon_roots.pem")).unwrap();
        let spki = |root: &Certificate| {
            let spki = root.tbs_certificate().subject_public_key_info().to_der();
            hex::encode(Sha256::digest(spki.unwrap()))
        };
        assert_eq!(roots.iter().map(spki).collect::<Vec<_>>(), published);
        assert!(amazon_roots().is_ok());
    }
}
