//! Who asks KMS: the instance's role.
//!
//! The enclave asks EC2's instance metadata service (IMDSv2: EC2 User Guide, "Retrieve security credentials from instance
//! metadata") through the parent's egress, as the instance itself would. So the parent needs no AWS SDK and no word of ours,
//! and credentials that expire are fetched anew with each release. Where the parent is no EC2 instance, whatever answers
//! these three requests does.
//!
//! They come in the clear, through a host that could put its own in their place. They are worth nothing to it: a key's
//! policy lets them decrypt for an attested enclave alone, and the host has them anyway.

use std::fmt;
use std::time::Duration;

use hyper::{Method, Request, StatusCode, body::Bytes};
use serde::Deserialize;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::http::{HttpError, Service};

/// Of the metadata service, for whoever allows it in the parent's egress: port 80.
pub const METADATA_ADDRESS: &str = "169.254.169.254";

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const TOKEN_SECONDS: &str = "60";
/// Of a role's name (IAM API Reference, CreateRole).
const MAX_ROLE: usize = 64;
/// Of a key's id and secret; AWS's have 20 and 40.
const MAX_KEY: usize = 128;

/// Credentials of a role. Erased when they are dropped, and not shown.
#[derive(Zeroize, ZeroizeOnDrop, Deserialize)]
pub struct Credentials {
    #[serde(rename = "AccessKeyId")]
    access_key_id: String,
    #[serde(rename = "SecretAccessKey")]
    secret_access_key: String,
    #[serde(rename = "Token")]
    session_token: Option<String>,
}

/// Why there are no credentials.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// No way to the service.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The service refuses.
    #[error(
        "EC2's instance metadata service refuses ({status}). It must be on for the instance, with a hop limit that reaches the parent"
    )]
    Refused {
        /// HTTP's status.
        status: u16,
    },
    /// There is no role.
    #[error("the instance has no role: attach an instance profile whose role may call kms:Decrypt")]
    NoRole,
    /// What came is none.
    #[error("what came from the instance metadata service are no credentials")]
    Malformed,
}

impl Credentials {
    /// Those of the instance's role.
    ///
    /// # Errors
    /// No way, no role, or no credentials.
    pub async fn of_instance(
        metadata: &Service,
        within: Duration,
    ) -> Result<Self, CredentialsError> {
        let token = fetch(
            metadata,
            Request::put("/latest/api/token")
                .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS),
            within,
        );
        let token = text(token.await?)?;
        let role = fetch(metadata, get(ROLES, &token), within).await?;
        let role = text(role)?;
        let role = role.lines().next().unwrap_or_default();
        if !is_role(role) {
            return Err(CredentialsError::Malformed);
        }
        let path = format!("{ROLES}{role}");
        let credentials = fetch(metadata, get(&path, &token), within).await?;
        Self::parse(&credentials)
    }

    fn parse(json: &[u8]) -> Result<Self, CredentialsError> {
        // serde_json's reasons quote what they read.
        let credentials: Self =
            serde_json::from_slice(json).map_err(|_| CredentialsError::Malformed)?;
        let id = &credentials.access_key_id;
        let secret = &credentials.secret_access_key;
        let token = credentials.session_token.as_deref().unwrap_or("-");
        let good = !id.is_empty()
            && id.len() <= MAX_KEY
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !secret.is_empty()
            && secret.len() <= MAX_KEY
            && !token.is_empty()
            && token.bytes().all(|byte| byte.is_ascii_graphic());
        good.then_some(credentials)
            .ok_or(CredentialsError::Malformed)
    }

    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    #[cfg(test)]
    pub(super) fn for_test(id: &str, secret: &str, token: Option<&str>) -> Self {
        Self {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: token.map(str::to_owned),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

fn get(path: &str, token: &str) -> hyper::http::request::Builder {
    Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(TOKEN, token)
}

async fn fetch(
    metadata: &Service,
    request: hyper::http::request::Builder,
    within: Duration,
) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
    let request = request.body(Bytes::new());
    let request = request.map_err(|_| CredentialsError::Malformed)?;
    let answer = metadata.exchange(request, within).await?;
    match answer.status() {
        StatusCode::OK => Ok(Zeroizing::new(answer.into_body())),
        StatusCode::NOT_FOUND => Err(CredentialsError::NoRole),
        status => Err(CredentialsError::Refused {
            status: status.as_u16(),
        }),
    }
}

fn text(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, CredentialsError> {
    let text = std::str::from_utf8(&bytes).map_err(|_| CredentialsError::Malformed)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn is_role(name: &str) -> bool {
    (1..=MAX_ROLE).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_parsed_and_not_shown() {
        let json = br#"{"Code":"Success","LastUpdated":"2026-01-01T00:00:00Z","Type":"AWS-HMAC",
            "AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"se/cr+et","Token":"to==ken","Expiration":"2026-01-01T06:00:00Z"}"#;
        let credentials = Credentials::parse(json).unwrap();
        assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
        assert_eq!(credentials.secret_access_key(), "se/cr+et");
        assert_eq!(credentials.session_token(), Some("to==ken"));
        assert_eq!(format!("{credentials:?}"), "Credentials(redacted)");
    }

    #[test]
    fn what_is_none_is_refused() {
        for json in [
            "",
            "{}",
            r#"{"AccessKeyId":"A"}"#,
            r#"{"AccessKeyId":"","SecretAccessKey":"s"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":""}"#,
            r#"{"AccessKeyId":"A/B","SecretAccessKey":"s"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"a\r\nHost: b"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":""}"#,
            &format!(
                r#"{{"AccessKeyId":"{}","SecretAccessKey":"s"}}"#,
                "A".repeat(129)
            ),
        ] {
            let error = Credentials::parse(json.as_bytes());
            assert!(matches!(error, Err(CredentialsError::Malformed)), "{json}");
        }
        let without_token = br#"{"AccessKeyId":"A","SecretAccessKey":"s"}"#;
        assert_eq!(
            Credentials::parse(without_token).unwrap().session_token(),
            None
        );
    }

    #[test]
    fn a_role_is_a_name_and_no_path() {
        for good in ["role", "My.Role+=,@_-1", &"r".repeat(64)] {
            assert!(is_role(good), "{good}");
        }
        for bad in ["", "..", "a/b", "a b", "a?b", "a%2f", &"r".repeat(65)] {
            assert!(!is_role(bad), "{bad}");
        }
    }
}
