//! Endorsements from the files that AMD's Key Distribution Service and its mirrors hand out: certificates in DER or PEM,
//! one or several in a file, and a revocation list, in any order.

use x509_cert::Certificate;
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;
use x509_cert::spki::AssociatedAlgorithmIdentifier;

use super::wire::Endorsements;

/// Files that do not make endorsements.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// A file is none that belongs here.
    #[error(
        "endorsement file {index} is neither a certificate nor a revocation list, in DER or PEM"
    )]
    Unknown {
        /// Its place among the files, from 1.
        index: usize,
    },
    /// No VCEK or VLEK.
    #[error("no endorsement file has a VCEK or VLEK, the certificate with a P-384 key")]
    NoLeaf,
    /// No ASK or ASVK.
    #[error(
        "no endorsement file has the ASK or ASVK, the certificate that a root signed and that signed the VCEK or VLEK"
    )]
    NoIntermediate,
    /// Two different ones of a kind.
    #[error("the endorsement files have two different {what}")]
    Two {
        /// What there are two of.
        what: &'static str,
    },
}

/// Sorts the files' contents, and encodes them as they travel. What they are is told by their keys; whether they hold is
/// the appraisal's to say. A root is left out: it is pinned.
///
/// # Errors
///
/// [`FilesError`]: something else, nothing, or two of a kind.
pub fn endorsements(files: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, FilesError> {
    let mut found = Found::default();
    for (file, index) in files.iter().zip(1..) {
        let items = items(file.as_ref()).ok_or(FilesError::Unknown { index })?;
        for item in items {
            found.take(item, index)?;
        }
    }
    let endorsements = Endorsements {
        leaf: found.leaf.as_deref().ok_or(FilesError::NoLeaf)?,
        intermediate: found
            .intermediate
            .as_deref()
            .ok_or(FilesError::NoIntermediate)?,
        crl: found.crl.as_deref(),
    };
    Ok(endorsements.encode())
}

#[derive(Default)]
struct Found {
    leaf: Option<Vec<u8>>,
    intermediate: Option<Vec<u8>>,
    crl: Option<Vec<u8>>,
}

impl Found {
    fn take(&mut self, der: Vec<u8>, index: usize) -> Result<(), FilesError> {
        let (place, what) = match Certificate::from_der(&der) {
            Ok(certificate) => {
                let of_certificate = certificate.tbs_certificate();
                let key = of_certificate.subject_public_key_info();
                let is_leaf = key.algorithm.oid == p384::PublicKey::ALGORITHM_IDENTIFIER.oid;
                match of_certificate.subject() == of_certificate.issuer() {
                    true => return Ok(()),
                    false if is_leaf => (&mut self.leaf, "VCEKs or VLEKs"),
                    false => (&mut self.intermediate, "ASKs or ASVKs"),
                }
            }
            Err(_) if CertificateList::<Rfc5280>::from_der(&der).is_ok() => {
                (&mut self.crl, "revocation lists")
            }
            Err(_) => return Err(FilesError::Unknown { index }),
        };
        match place {
            Some(there) if *there != der => Err(FilesError::Two { what }),
            _ => {
                *place = Some(der);
                Ok(())
            }
        }
    }
}

/// What a file holds, each DER: one of it as it is, or any number in PEM (RFC 7468).
fn items(file: &[u8]) -> Option<Vec<Vec<u8>>> {
    if !file.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Some(vec![file.to_vec()]);
    }
    let text = std::str::from_utf8(file).ok()?;
    let ends: Vec<_> = text
        .match_indices("-----END ")
        .map(|(at, _)| text[at..].find('\n').map_or(text.len(), |end| at + end + 1))
        .collect();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let blocks = starts.zip(&ends).map(|(start, end)| &text[start..*end]);
    let decoded = blocks.map(|block| {
        let (label, der) = x509_cert::der::pem::decode_vec(block.trim_start().as_bytes()).ok()?;
        matches!(label, "CERTIFICATE" | "X509 CRL").then_some(der)
    });
    let decoded: Vec<_> = decoded.collect::<Option<_>>()?;
    // A block that was cut would be left out in silence.
    if text[ends.last().copied().unwrap_or(0)..].contains("-----BEGIN") {
        return None;
    }
    (!decoded.is_empty()).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_endorsement_is_named_by_its_place() {
        let nothing: [&[u8]; 0] = [];
        assert_eq!(endorsements(&nothing), Err(FilesError::NoLeaf));
        let texts: [&[u8]; 5] = [
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN X509 CRL-----\nAAAA\n",
            b"",
            b"no certificate",
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ];
        for text in texts {
            let error = FilesError::Unknown { index: 1 };
            assert_eq!(endorsements(&[text]), Err(error));
        }
    }
}
