//! Why KMS refuses, in words that say what to do. AWS KMS API Reference, "Decrypt" and "Common Errors".

use serde::Deserialize;
use thiserror::Error;

/// A refusal. Of KMS's text only the error's name is read, and only names that are known.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// `AccessDeniedException`.
    #[error(
        "access denied. The KMS key's policy does not let this role decrypt from this image: compare its conditions \
         kms:RecipientAttestation:PCR0, :PCR1 and :PCR2 with the image (in debug mode they are zero), :PCR16 with the model, and \
         kms:EncryptionContext:sealnote:key-id and :model with the enclave's arguments"
    )]
    AccessDenied,
    /// `InvalidCiphertextException`.
    #[error(
        "the wrapped key is not of this KMS key, or was wrapped for another key id or model. Wrap it with --encryption-context \
         sealnote:key-id=ID,sealnote:model=DIGEST, as the enclave's arguments have them"
    )]
    InvalidCiphertext,
    /// `IncorrectKeyException`.
    #[error("the key was wrapped under another KMS key than MODEL_ENCRYPTION_KEY_URL names")]
    IncorrectKey,
    /// `NotFoundException`, `DisabledException`, `KMSInvalidStateException`, `KeyUnavailableException`, `InvalidKeyUsageException`.
    #[error("the KMS key is not there, disabled, being deleted, or not for decryption")]
    KeyState,
    /// `ExpiredTokenException`, `UnrecognizedClientException` and their like.
    #[error(
        "the credentials have expired or are unknown. The instance's role must be there, and its metadata service the genuine one"
    )]
    Credentials,
    /// `InvalidSignatureException` and its like.
    #[error(
        "the signature is refused. The machine's clock is more than five minutes wrong, or the credentials' parts do not belong together"
    )]
    Signature,
    /// `ValidationException`, `InvalidArnException`.
    #[error(
        "a field of the request is refused. The document may be too old, or not of a Nitro enclave"
    )]
    Validation,
    /// `ThrottlingException`, `LimitExceededException`, or HTTP 429.
    #[error("too many requests. Start the enclave again in a while")]
    Throttled,
    /// `KMSInternalException`, `DependencyTimeoutException`, or HTTP 5xx.
    #[error("KMS has a fault of its own ({status}). Start the enclave again in a while")]
    Fault {
        /// HTTP's status.
        status: u16,
    },
    /// Anything else.
    #[error("for a reason that is not known here ({status})")]
    Other {
        /// HTTP's status.
        status: u16,
    },
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "__type")]
    name: String,
}

impl Refusal {
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        let name =
            serde_json::from_slice(body).map_or_else(|_| String::new(), |body: Body| body.name);
        // With a namespace before it, as in "com.amazonaws.kms#NotFoundException".
        let name = name.rsplit('#').next().unwrap_or_default();
        match name {
            "AccessDeniedException" | "AccessDenied" => Self::AccessDenied,
            "InvalidCiphertextException" => Self::InvalidCiphertext,
            "IncorrectKeyException" => Self::IncorrectKey,
            "NotFoundException"
            | "DisabledException"
            | "KMSInvalidStateException"
            | "KeyUnavailableException"
            | "InvalidKeyUsageException" => Self::KeyState,
            "ExpiredTokenException"
            | "ExpiredToken"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => Self::Credentials,
            "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "RequestExpired" => Self::Signature,
            "ValidationException" | "ValidationError" | "InvalidArnException" => Self::Validation,
            "ThrottlingException" | "LimitExceededException" => Self::Throttled,
            "KMSInternalException" | "DependencyTimeoutException" => Self::Fault { status },
            _ if status == 429 => Self::Throttled,
            _ if status >= 500 => Self::Fault { status },
            _ => Self::Other { status },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_name() {
        let read = |status, name: &str| {
            Refusal::read(
                status,
                format!(r#"{{"__type":"{name}","message":"x"}}"#).as_bytes(),
            )
        };
        for (name, refusal) in [
            ("AccessDeniedException", Refusal::AccessDenied),
            (
                "com.amazonaws.kms#AccessDeniedException",
                Refusal::AccessDenied,
            ),
            ("InvalidCiphertextException", Refusal::InvalidCiphertext),
            ("IncorrectKeyException", Refusal::IncorrectKey),
            ("DisabledException", Refusal::KeyState),
            ("ExpiredTokenException", Refusal::Credentials),
            ("InvalidSignatureException", Refusal::Signature),
            ("ValidationException", Refusal::Validation),
            ("ThrottlingException", Refusal::Throttled),
            ("KMSInternalException", Refusal::Fault { status: 400 }),
            ("SomethingNew", Refusal::Other { status: 400 }),
        ] {
            assert_eq!(read(400, name), refusal, "{name}");
        }
        assert_eq!(Refusal::read(429, b""), Refusal::Throttled);
        assert_eq!(
            Refusal::read(503, b"<html>"),
            Refusal::Fault { status: 503 }
        );
        assert_eq!(Refusal::read(404, b"{}"), Refusal::Other { status: 404 });
    }
}
