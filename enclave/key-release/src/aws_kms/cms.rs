//! The one shape of CMS that KMS answers in. Check K5.
//!
//! EnvelopedData (RFC 5652, section 6) of version 2 with one recipient by subjectKeyIdentifier, its key under RSAES-OAEP with
//! SHA-256, MGF1 of SHA-256 and no label, the content under AES-256-CBC; in BER, whose indefinite lengths KMS uses.
//! AWS does not say how the identifier comes of the key, so it is not compared: a key that is another's opens nothing.
//!
//! CBC is not authenticated. Whoever could change the answer, inside TLS, could change what comes of it; so a key counts only
//! once it has opened the model. Whatever does not open is one error, without a reason, and the recipient's key is gone: there
//! is nothing to ask twice.

use aes::Aes256;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo,
};
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use rand_core::CryptoRng;
use rsa::pkcs1::RsaOaepParamsRef;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use super::recipient::{MODULUS_BITS, Recipient};

const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const RSAES_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const BLOCK: usize = 16;

/// How an answer differs from what KMS answers (K5).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CmsError {
    /// No CMS.
    #[error("it is no CMS in BER")]
    Encoding,
    /// Another content type.
    #[error("it is not EnvelopedData")]
    NotEnveloped,
    /// Another version.
    #[error("its version is not 2")]
    Version,
    /// Certificates or revocations of an originator.
    #[error("it names an originator")]
    Originator,
    /// None or several.
    #[error("it has {0} recipients and not one")]
    Recipients(usize),
    /// Another kind.
    #[error("its recipient is not one of key transport")]
    RecipientKind,
    /// Another version of it.
    #[error("its recipient's version is not 2")]
    RecipientVersion,
    /// By issuer and serial number.
    #[error("its recipient is not named by subjectKeyIdentifier")]
    RecipientName,
    /// Another encryption of the key.
    #[error("its key is not under RSAES-OAEP")]
    KeyAlgorithm,
    /// OAEP otherwise.
    #[error("its RSAES-OAEP is not that of SHA-256, MGF1 of SHA-256 and no label")]
    Oaep,
    /// Another length.
    #[error("its encrypted key has not the length of the recipient's modulus")]
    EncryptedKey,
    /// Content of another type.
    #[error("its content is not of the type data")]
    ContentType,
    /// Another cipher.
    #[error("its content is not under AES-256-CBC")]
    ContentAlgorithm,
    /// No such IV.
    #[error("its initialization vector is not 16 bytes")]
    Iv,
    /// No content.
    #[error("its content is not there")]
    NoContent,
    /// No blocks.
    #[error("its content is not of whole blocks")]
    ContentLength,
    /// Attributes.
    #[error("it has attributes")]
    Attributes,
    /// The keys do not fit, or the bytes were changed.
    #[error("it does not open with the key that KMS was given")]
    DoesNotOpen,
}

/// An answer of the right shape; nothing of it is authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    encrypted_key: Vec<u8>,
    iv: [u8; BLOCK],
    content: Vec<u8>,
}

impl Envelope {
    /// # Errors
    /// Each deviation has its own.
    pub fn parse(ber: &[u8]) -> Result<Self, CmsError> {
        let outer = ContentInfo::from_ber(ber).map_err(|_| CmsError::Encoding)?;
        if outer.content_type != ENVELOPED_DATA {
            return Err(CmsError::NotEnveloped);
        }
        let inner = outer.content.to_der().map_err(|_| CmsError::Encoding)?;
        let data = EnvelopedData::from_ber(&inner).map_err(|_| CmsError::Encoding)?;
        require(data.version == CmsVersion::V2, CmsError::Version)?;
        require(data.originator_info.is_none(), CmsError::Originator)?;
        require(data.unprotected_attrs.is_none(), CmsError::Attributes)?;
        let encrypted_key = match data.recip_infos.0.as_slice() {
            [RecipientInfo::Ktri(recipient)] => encrypted_key(recipient)?,
            [_] => return Err(CmsError::RecipientKind),
            several => return Err(CmsError::Recipients(several.len())),
        };
        let (iv, content) = content(data.encrypted_content)?;
        Ok(Self {
            encrypted_key,
            iv,
            content,
        })
    }

    /// The content. The recipient's key is used up.
    pub(super) fn open(
        mut self,
        recipient: Recipient,
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, CmsError> {
        let key = recipient.open(&self.encrypted_key, rng);
        let key = key.ok_or(CmsError::DoesNotOpen)?;
        let cipher = cbc::Decryptor::<Aes256>::new_from_slices(&key, &self.iv);
        let cipher = cipher.map_err(|_| CmsError::DoesNotOpen)?;
        let mut content = Zeroizing::new(std::mem::take(&mut self.content));
        let len = cipher.decrypt_padded::<Pkcs7>(&mut content);
        let len = len.map_err(|_| CmsError::DoesNotOpen)?.len();
        content.truncate(len);
        Ok(content)
    }
}

fn encrypted_key(recipient: &KeyTransRecipientInfo) -> Result<Vec<u8>, CmsError> {
    let version = recipient.version == CmsVersion::V2;
    require(version, CmsError::RecipientVersion)?;
    let named = matches!(recipient.rid, RecipientIdentifier::SubjectKeyIdentifier(_));
    require(named, CmsError::RecipientName)?;
    let algorithm = &recipient.key_enc_alg;
    require(algorithm.oid == RSAES_OAEP, CmsError::KeyAlgorithm)?;
    let parameters = algorithm.parameters.as_ref().ok_or(CmsError::Oaep)?;
    // DER has one encoding of these parameters.
    let exact = RsaOaepParamsRef::new::<Sha256>().to_der().ok();
    require(parameters.to_der().ok() == exact, CmsError::Oaep)?;
    let key = recipient.enc_key.as_bytes();
    require(key.len() == MODULUS_BITS / 8, CmsError::EncryptedKey)?;
    Ok(key.to_vec())
}

fn content(info: EncryptedContentInfo) -> Result<([u8; BLOCK], Vec<u8>), CmsError> {
    require(info.content_type == DATA, CmsError::ContentType)?;
    let algorithm = info.content_enc_alg;
    require(algorithm.oid == AES_256_CBC, CmsError::ContentAlgorithm)?;
    let iv = algorithm.parameters.ok_or(CmsError::Iv)?;
    let iv = iv.decode_as::<der::asn1::OctetString>();
    let iv = iv.map_err(|_| CmsError::Iv)?;
    let iv = iv.as_bytes().try_into().map_err(|_| CmsError::Iv)?;
    let content = info.encrypted_content.ok_or(CmsError::NoContent)?;
    let content = content.as_bytes();
    let blocks = !content.is_empty() && content.len().is_multiple_of(BLOCK);
    require(blocks, CmsError::ContentLength)?;
    Ok((iv, content.to_vec()))
}

fn require(holds: bool, error: CmsError) -> Result<(), CmsError> {
    if holds { Ok(()) } else { Err(error) }
}
