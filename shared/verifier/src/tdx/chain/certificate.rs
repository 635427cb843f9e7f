//! One certificate.

use x509_cert::Certificate;
use x509_cert::der::Encode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use super::error::{ChainError, Position, ProfileFault};
use super::key::{Key, is_ecdsa_sha256};
use crate::time::UnixTime;
use crate::validity::{self, Outside};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A parsed certificate and where it stands. Its signature has not been verified.
///
/// It is signed over the encoding of what was parsed, so that what was signed is what is read here.
pub(super) struct Link {
    at: Position,
    certificate: Certificate,
    der: Vec<u8>,
}

impl Link {
    /// `None` if it cannot be encoded again.
    pub(super) fn new(certificate: Certificate, at: Position) -> Option<Self> {
        Some(Self {
            at,
            der: certificate.to_der().ok()?,
            certificate,
        })
    }

    pub(super) fn position(&self) -> Position {
        self.at
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn subject(&self) -> &Name {
        self.certificate.tbs_certificate().subject()
    }

    pub(super) fn serial_number(&self) -> &SerialNumber {
        self.certificate.tbs_certificate().serial_number()
    }

    /// The subject's one common name is one of these.
    pub(super) fn check_name(&self, expected: &[&'static str]) -> Result<(), ChainError> {
        let mut names = self.subject().iter().filter(|name| name.oid == COMMON_NAME);
        let found = match (names.next(), names.next()) {
            (Some(name), None) => DirectoryString::try_from(&name.value).ok(),
            _ => None,
        };
        let is_due = |name: DirectoryString| expected.contains(&name.value().as_ref());
        match (found.is_some_and(is_due), expected) {
            (true, _) => Ok(()),
            (false, expected) => Err(ChainError::Name {
                at: self.at,
                expected: expected.first().copied().unwrap_or_default(),
            }),
        }
    }

    /// Named and signed by `issuer`.
    pub(super) fn check_issued_by(&self, issuer: &Self) -> Result<(), ChainError> {
        let at = self.at;
        let tbs = self.certificate.tbs_certificate();
        if tbs.issuer() != issuer.subject() {
            return Err(ChainError::Issuer { at });
        }
        let algorithms = [tbs.signature(), self.certificate.signature_algorithm()];
        if !algorithms.into_iter().all(is_ecdsa_sha256) {
            return Err(ChainError::SignatureAlgorithm { at });
        }
        let key = issuer.key()?;
        let signed = tbs.to_der().is_ok_and(|signed| {
            let signature = self.certificate.signature();
            key.signed_der(&signed, signature)
        });
        match signed {
            true => Ok(()),
            false => Err(ChainError::Signature { at }),
        }
    }

    pub(super) fn key(&self) -> Result<Key, ChainError> {
        let spki = self.certificate.tbs_certificate().subject_public_key_info();
        Key::from_spki(spki).ok_or(ChainError::Key { at: self.at })
    }

    /// A CA that may sign certificates and lists.
    pub(super) fn check_is_ca(&self) -> Result<(), ChainError> {
        self.check_profile(
            |constraints| constraints.ca,
            |usage| usage.key_cert_sign() && usage.crl_sign(),
        )
    }

    /// No CA, and may sign what is no certificate.
    pub(super) fn check_is_leaf(&self) -> Result<(), ChainError> {
        self.check_profile(
            |constraints| !constraints.ca,
            |usage| usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign(),
        )
    }

    fn check_profile(
        &self,
        constraints_fit: fn(&BasicConstraints) -> bool,
        usage_fits: fn(&KeyUsage) -> bool,
    ) -> Result<(), ChainError> {
        let tbs = self.certificate.tbs_certificate();
        let fault = |fault| ChainError::Profile { at: self.at, fault };
        match tbs.get_extension::<BasicConstraints>() {
            Ok(Some((true, constraints))) if constraints_fit(&constraints) => {}
            _ => return Err(fault(ProfileFault::BasicConstraints)),
        }
        match tbs.get_extension::<KeyUsage>() {
            Ok(Some((true, usage))) if usage_fits(&usage) => {}
            _ => return Err(fault(ProfileFault::KeyUsage)),
        }
        let known = [BasicConstraints::OID, KeyUsage::OID];
        let is_known =
            |extension: &Extension| !extension.critical || known.contains(&extension.extn_id);
        match tbs.extensions().is_none_or(|all| all.iter().all(is_known)) {
            true => Ok(()),
            false => Err(fault(ProfileFault::CriticalExtension)),
        }
    }

    /// Valid at `now`, both ends included (RFC 5280 section 4.1.2.5).
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
}
