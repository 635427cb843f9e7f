//! KMS's Decrypt (AWS KMS API Reference): what is asked, and what is an answer. Check K4.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::Wanted;

/// The most bytes that KMS takes as a ciphertext.
pub const MAX_WRAPPED: usize = 6144;

pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
pub(super) const TARGET: &str = "TrentService.Decrypt";

const KEY_ALGORITHM: &str = "SYMMETRIC_DEFAULT";
const RECIPIENT_ALGORITHM: &str = "RSAES_OAEP_SHA_256";

/// Why an answer is none.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// Not JSON of the kind.
    #[error("KMS's answer is not that of Decrypt")]
    Malformed,
    /// The key in the clear.
    #[error(
        "K4: the answer has a Plaintext: whoever gave it does not encrypt to the enclave. Take the key out of service, and \
         wrap another"
    )]
    Plaintext,
    /// No ciphertext.
    #[error("K4: KMS's answer has no CiphertextForRecipient")]
    NoCiphertext,
    /// Another key's answer.
    #[error(
        "KMS's answer is of another KMS key than the locator's, or of another algorithm than {KEY_ALGORITHM}"
    )]
    OtherKey,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    ciphertext_blob: String,
    encryption_algorithm: &'static str,
    encryption_context: Context<'a>,
    key_id: &'a str,
    recipient: Recipient,
}

/// What the key was wrapped for; KMS authenticates it, and a key's policy can name it.
#[derive(Serialize)]
struct Context<'a> {
    #[serde(rename = "sealnote:key-id")]
    key_id: &'a str,
    #[serde(rename = "sealnote:model")]
    model: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Recipient {
    attestation_document: String,
    key_encryption_algorithm: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    key_id: Option<String>,
    encryption_algorithm: Option<String>,
    ciphertext_for_recipient: Option<String>,
    // Read as it stands: nothing copies it.
    #[serde(borrow)]
    plaintext: Option<&'a RawValue>,
}

/// The body of a request.
pub(super) fn request(arn: &str, wanted: &Wanted, wrapped: &[u8], document: &[u8]) -> Vec<u8> {
    let request = Decrypt {
        ciphertext_blob: STANDARD.encode(wrapped),
        encryption_algorithm: KEY_ALGORITHM,
        encryption_context: Context {
            key_id: wanted.key_id.as_str(),
            model: wanted.model.to_string(),
        },
        key_id: arn,
        recipient: Recipient {
            attestation_document: STANDARD.encode(document),
            key_encryption_algorithm: RECIPIENT_ALGORITHM,
        },
    };
    serde_json::to_vec(&request).expect("text alone, in a map of fixed names")
}

/// The CMS of an answer.
pub(super) fn answer(body: &[u8], arn: &str) -> Result<Vec<u8>, AnswerError> {
    // serde_json's reasons quote what they read.
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| AnswerError::Malformed)?;
    // KMS documents null or empty.
    if !matches!(
        answer.plaintext.map(RawValue::get),
        None | Some("null" | "\"\"")
    ) {
        return Err(AnswerError::Plaintext);
    }
    if answer.key_id.as_deref() != Some(arn)
        || answer.encryption_algorithm.as_deref() != Some(KEY_ALGORITHM)
    {
        return Err(AnswerError::OtherKey);
    }
    let ciphertext = answer.ciphertext_for_recipient.unwrap_or_default();
    if ciphertext.is_empty() {
        return Err(AnswerError::NoCiphertext);
    }
    let ciphertext = STANDARD.decode(ciphertext);
    ciphertext.map_err(|_| AnswerError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1";

    fn read(fields: &str) -> Result<Vec<u8>, AnswerError> {
        let body =
            format!(r#"{{"KeyId":"{ARN}","EncryptionAlgorithm":"SYMMETRIC_DEFAULT"{fields}}}"#);
        answer(body.as_bytes(), ARN)
    }

    #[test]
    fn plaintext_is_null_or_empty_or_refused() {
        let sealed = r#","CiphertextForRecipient":"AQID""#;
        assert_eq!(read(sealed), Ok(vec![1, 2, 3]));
        for nothing in ["null", r#""""#] {
            let fields = format!(r#"{sealed},"Plaintext":{nothing}"#);
            assert_eq!(read(&fields), Ok(vec![1, 2, 3]));
        }
        for something in [r#""AA==""#, r#"" ""#, "0", "[]", "{}", "false"] {
            let fields = format!(r#"{sealed},"Plaintext":{something}"#);
            assert_eq!(read(&fields), Err(AnswerError::Plaintext), "{something}");
            let alone = format!(r#","Plaintext":{something}"#);
            assert_eq!(read(&alone), Err(AnswerError::Plaintext), "{something}");
        }
        // The second of two.
        let twice = format!(r#"{sealed},"Plaintext":null,"Plaintext":"AA==""#);
        assert_eq!(read(&twice), Err(AnswerError::Malformed));
    }

    #[test]
    fn an_answer_is_of_this_key_and_has_a_ciphertext() {
        assert_eq!(read(""), Err(AnswerError::NoCiphertext));
        let empty = r#","CiphertextForRecipient":"""#;
        assert_eq!(read(empty), Err(AnswerError::NoCiphertext));
        let no_base64 = r#","CiphertextForRecipient":"A""#;
        assert_eq!(read(no_base64), Err(AnswerError::Malformed));
        for body in ["", "[]", "<html>", r#"{"KeyId":1}"#] {
            assert_eq!(answer(body.as_bytes(), ARN), Err(AnswerError::Malformed));
        }
        for body in [
            r#"{"CiphertextForRecipient":"AQID"}"#,
            r#"{"KeyId":"arn:aws:kms:eu-central-1:111122223333:key/2","EncryptionAlgorithm":"SYMMETRIC_DEFAULT","CiphertextForRecipient":"AQID"}"#,
            r#"{"KeyId":"arn:aws:kms:eu-central-1:111122223333:key/1","EncryptionAlgorithm":"RSAES_OAEP_SHA_256","CiphertextForRecipient":"AQID"}"#,
        ] {
            assert_eq!(
                answer(body.as_bytes(), ARN),
                Err(AnswerError::OtherKey),
                "{body}"
            );
        }
    }
}
