//! One certificate of the chain.

use x509_cert::Certificate;
use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::error::{ChainError, Position, ProfileFault};
use super::extensions::{AMD_ARC, LeafExtensions};
use super::rsa_pss::{CaKey, is_pss_sha384};
use crate::time::UnixTime;
use crate::validity::{self, Outside};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// RFC 5480 section 2.1.1.
const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Length of an uncompressed P-384 point: 0x04, x and y (SEC 1 section 2.3.3).
const POINT_LEN: usize = 97;
const UNCOMPRESSED: u8 = 0x04;

/// A parsed certificate and where it stands. Its signature has not been verified.
#[derive(Clone, Debug)]
pub(super) struct Link {
    at: Position,
    certificate: Certificate,
    signed: Vec<u8>,
}

impl Link {
    /// Parses exactly one certificate in DER, which encodes to the same bytes again.
    pub(super) fn parse(der: &[u8], at: Position) -> Result<Self, ChainError> {
        let read = || {
            let certificate = Certificate::from_der(der).ok()?;
            let signed = certificate.tbs_certificate().to_der().ok()?;
            (certificate.to_der().ok()? == der).then_some(Self {
                at,
                certificate,
                signed,
            })
        };
        read().ok_or(ChainError::Malformed { at })
    }

    pub(super) fn position(&self) -> Position {
        self.at
    }

    pub(super) fn subject(&self) -> &Name {
        self.certificate.tbs_certificate().subject()
    }

    pub(super) fn issuer(&self) -> &Name {
        self.certificate.tbs_certificate().issuer()
    }

    pub(super) fn serial_number(&self) -> &SerialNumber {
        self.certificate.tbs_certificate().serial_number()
    }

    /// The one common name of the subject.
    pub(super) fn common_name(&self) -> Option<String> {
        let mut names = self.subject().iter().filter(|name| name.oid == COMMON_NAME);
        match (names.next(), names.next()) {
            (Some(name), None) => {
                let name = DirectoryString::try_from(&name.value).ok()?;
                Some(name.value().into_owned())
            }
            _ => None,
        }
    }

    /// S8: the subject's common name is this one.
    pub(super) fn check_name(&self, expected: &str) -> Result<(), ChainError> {
        match self.common_name() {
            Some(name) if name == expected => Ok(()),
            _ => Err(ChainError::Name {
                at: self.at,
                expected: expected.to_owned(),
            }),
        }
    }

    /// S8: this certificate names `issuer` as its issuer.
    pub(super) fn check_issuer(&self, issuer: &Self) -> Result<(), ChainError> {
        match self.issuer() == issuer.subject() {
            true => Ok(()),
            false => Err(ChainError::Issuer { at: self.at }),
        }
    }

    /// S7: this certificate was signed by `issuer`'s key, with RSA-PSS and SHA-384.
    pub(super) fn check_signed_by(&self, issuer: &Self) -> Result<(), ChainError> {
        let certificate = &self.certificate;
        let algorithms = [
            certificate.tbs_certificate().signature(),
            certificate.signature_algorithm(),
        ];
        if !algorithms.into_iter().all(is_pss_sha384) {
            return Err(ChainError::SignatureAlgorithm { at: self.at });
        }
        match issuer
            .ca_key()?
            .signed(&self.signed, certificate.signature())
        {
            true => Ok(()),
            false => Err(ChainError::Signature { at: self.at }),
        }
    }

    /// Whether this CA's key signed a list of another type than certificates.
    pub(super) fn has_signed(
        &self,
        message: &[u8],
        algorithms: [&AlgorithmIdentifierOwned; 2],
        signature: &BitString,
    ) -> bool {
        algorithms.into_iter().all(is_pss_sha384)
            && self
                .ca_key()
                .is_ok_and(|key| key.signed(message, signature))
    }

    fn ca_key(&self) -> Result<CaKey, ChainError> {
        let spki = self.certificate.tbs_certificate().subject_public_key_info();
        CaKey::from_spki(spki).ok_or(ChainError::CaKey { at: self.at })
    }

    /// S7: a CA that may sign certificates; with this path length, if one is due.
    pub(super) fn check_is_ca(&self, path_len: Option<u8>) -> Result<(), ChainError> {
        let tbs = self.certificate.tbs_certificate();
        let fault = |fault| ChainError::Profile { at: self.at, fault };
        match tbs.get_extension::<BasicConstraints>() {
            Ok(Some((true, constraints)))
                if constraints.ca && constraints.path_len_constraint == path_len => {}
            _ => return Err(fault(ProfileFault::BasicConstraints)),
        }
        match tbs.get_extension::<KeyUsage>() {
            Ok(Some((true, usage))) if usage.key_cert_sign() => {}
            _ => return Err(fault(ProfileFault::KeyUsage)),
        }
        let known = [BasicConstraints::OID, KeyUsage::OID];
        match self
            .extensions()
            .iter()
            .all(|extension| !extension.critical || known.contains(&extension.extn_id))
        {
            true => Ok(()),
            false => Err(fault(ProfileFault::CriticalExtension)),
        }
    }

    /// S7: no CA. AMD's leaves have AMD's own extensions alone, none of them critical (57230, tables 8 and 9).
    pub(super) fn check_is_leaf(&self) -> Result<(), ChainError> {
        let is_amds = |extension: &Extension| {
            let oid = extension.extn_id.as_bytes();
            !extension.critical && oid.starts_with(AMD_ARC.as_bytes())
        };
        match self.extensions().iter().all(is_amds) {
            true => Ok(()),
            false => Err(ChainError::Profile {
                at: self.at,
                fault: ProfileFault::LeafExtension,
            }),
        }
    }

    /// S9: valid at `now`, both ends included (RFC 5280 section 4.1.2.5).
    pub(super) fn check_validity(&self, now: UnixTime) -> Result<(), ChainError> {
        let at = self.at;
        let validity = self.certificate.tbs_certificate().validity();
        validity::check(validity, now).map_err(|outside| match outside {
            Outside::Before(not_before) => ChainError::NotYetValid {
                at,
                not_before,
                now,
            },
            Outside::After(not_after) => ChainError::Expired { at, not_after, now },
        })
    }

    /// S11: the uncompressed point of a P-384 key.
    pub(super) fn p384_point(&self) -> Option<&[u8]> {
        let spki = self.certificate.tbs_certificate().subject_public_key_info();
        let curve = spki.algorithm.parameters.as_ref()?;
        let curve = curve.decode_as::<ObjectIdentifier>().ok()?;
        let point = spki.subject_public_key.as_bytes()?;
        let fits = spki.algorithm.oid == ID_EC_PUBLIC_KEY
            && curve == SECP384R1
            && point.len() == POINT_LEN
            && point.first() == Some(&UNCOMPRESSED);
        fits.then_some(point)
    }

    /// What AMD says of the leaf's key.
    pub(super) fn into_extensions(self) -> LeafExtensions {
        LeafExtensions::new(self.extensions().to_vec())
    }

    pub(super) fn extensions(&self) -> &[Extension] {
        let extensions = self.certificate.tbs_certificate().extensions();
        extensions.map_or(&[], Vec::as_slice)
    }
}
