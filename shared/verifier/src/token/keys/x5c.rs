//! J5: a key by certificates in the header (RFC 7515 section 4.1.6), which end at the pinned root.
//!
//! webpki builds the path and verifies signatures, dates, names and basic constraints. It ignores key usage, and of the
//! anchor everything but name and key; so those are checked here on x509-cert's parse. The path that it found must be
//! the header's. Revocation lists are not consulted: nothing is fetched, and Google's leaves live for two months.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, UnixTime as PkiTime};
use serde_json::Value;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use super::error::{KeyError, Position};
use super::rsa_key::{RsaKey, RsaSha256};
use crate::pem;
use crate::time::UnixTime;
use crate::validity;

/// tcg-kp-EKCertificate (2.23.133.8.1), the one purpose that Google's intermediate CA has.
const TCG_KP_EK_CERTIFICATE: KeyPurposeId<'_> = KeyPurposeId::new(&[0x67, 0x81, 0x05, 0x08, 0x01]);

pub(super) fn key(root: &[u8], x5c: Option<&Value>, now: UnixTime) -> Result<RsaKey, KeyError> {
    let root = pem::certificate(root).map_err(|_| KeyError::NoRoot)?;
    let anchor = root.to_der().map_err(|_| KeyError::NoRoot)?;
    let chain = x5c.and_then(Value::as_array).ok_or(KeyError::NoChain)?;
    if !(2..=4).contains(&chain.len()) {
        return Err(KeyError::NoChain);
    }
    let (Some((first, middle)), Some(last)) =
        (chain[..chain.len() - 1].split_first(), chain.last())
    else {
        return Err(KeyError::NoChain);
    };
    if der(last, Position::Root)? != anchor {
        return Err(KeyError::NotToRoot);
    }
    let leaf = der(first, Position::Leaf)?;
    let middle = middle.iter().map(|text| der(text, Position::Intermediate));
    let middle: Vec<_> = middle.collect::<Result<_, _>>()?;

    check_may_sign_certificates(&root, Position::Root)?;
    for link in &middle {
        check_may_sign_certificates(
            &parse(link, Position::Intermediate)?,
            Position::Intermediate,
        )?;
    }
    validity::check(root.tbs_certificate().validity(), now)
        .map_err(|_| KeyError::RootValidity { now })?;
    check_path(&anchor, &middle, &leaf, now)?;

    let leaf = parse(&leaf, Position::Leaf)?;
    check_may_sign_tokens(&leaf)?;
    let spki = leaf.tbs_certificate().subject_public_key_info();
    let key = spki.subject_public_key.as_bytes();
    key.and_then(RsaKey::from_pkcs1).ok_or(KeyError::LeafKey)
}

fn check_path(
    anchor: &[u8],
    middle: &[Vec<u8>],
    leaf: &[u8],
    now: UnixTime,
) -> Result<(), KeyError> {
    let path_error = |reason| KeyError::Path { reason };
    let anchor = CertificateDer::from(anchor);
    let anchors = [webpki::anchor_from_trusted_cert(&anchor).map_err(path_error)?];
    let links: Vec<_> = middle
        .iter()
        .map(|der| CertificateDer::from(&der[..]))
        .collect();
    let leaf = CertificateDer::from(leaf);
    let leaf = EndEntityCert::try_from(&leaf).map_err(path_error)?;
    let now = PkiTime::since_unix_epoch(Duration::from_secs(now.as_seconds()));
    let path = leaf
        .verify_for_usage(&[&RsaSha256], &anchors, &links, now, Purposes, None, None)
        .map_err(path_error)?;
    let found = path.intermediate_certificates().map(|cert| cert.der());
    match found.eq(links.iter().cloned()) {
        true => Ok(()),
        false => Err(KeyError::OtherPath),
    }
}

fn check_may_sign_certificates(ca: &Certificate, at: Position) -> Result<(), KeyError> {
    match ca.tbs_certificate().get_extension::<KeyUsage>() {
        Ok(Some((_, usage))) if usage.key_cert_sign() => Ok(()),
        _ => Err(KeyError::KeyUsage { at }),
    }
}

/// Genuine leaves have neither extension. A purpose would be another one than this, for none is of tokens.
fn check_may_sign_tokens(leaf: &Certificate) -> Result<(), KeyError> {
    let leaf = leaf.tbs_certificate();
    let has_no_purpose = matches!(leaf.get_extension::<ExtendedKeyUsage>(), Ok(None));
    let may_sign = match leaf.get_extension::<KeyUsage>() {
        Ok(usage) => usage.is_none_or(|(_, usage)| usage.digital_signature()),
        Err(_) => false,
    };
    match has_no_purpose && may_sign {
        true => Ok(()),
        false => Err(KeyError::LeafUsage),
    }
}

fn der(text: &Value, at: Position) -> Result<Vec<u8>, KeyError> {
    let text = text.as_str().and_then(|text| STANDARD.decode(text).ok());
    text.ok_or(KeyError::Malformed { at })
}

fn parse(der: &[u8], at: Position) -> Result<Certificate, KeyError> {
    Certificate::from_der(der).map_err(|_| KeyError::Malformed { at })
}

/// No purpose, or the one that genuine CAs have; webpki does not say whose they are. A certificate for another one was issued for something else.
struct Purposes;

impl ExtendedKeyUsageValidator for Purposes {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        for purpose in purposes {
            if purpose? != TCG_KP_EK_CERTIFICATE {
                return Err(webpki::Error::EmptyEkuExtension);
            }
        }
        Ok(())
    }
}
