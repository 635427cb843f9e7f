//! What webpki does not look at in a certificate: order, algorithms by name, criticality, key usage.

use rustls_pki_types::SignatureVerificationAlgorithm;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use crate::time::UnixTime;
use crate::validity::{self, Outside};

use super::error::{BasicConstraintsFault, ChainError, Position, RequiredUsage};
use super::p384_keys::EcdsaP384Sha384;

/// RFC 5480 section 2.1.1.
const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 5480 section 2.1.1.1.
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// RFC 5758 section 3.2.
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// Length of an uncompressed P-384 point: 0x04, x and y (SEC 1 section 2.3.3).
const POINT_LEN: usize = 97;
const UNCOMPRESSED: u8 = 0x04;

/// A parsed certificate of the chain and where it stands. Its signature has not been verified.
pub(super) struct LinkCertificate {
    at: Position,
    certificate: Certificate,
}

impl LinkCertificate {
    /// A12, A13: parses exactly one certificate.
    pub(super) fn parse(der: &[u8], at: Position) -> Result<Self, ChainError> {
        let certificate = Certificate::from_der(der).map_err(|_| ChainError::Malformed { at })?;
        Ok(Self { at, certificate })
    }

    /// The subject's public key, uncompressed once [`check_algorithms`](Self::check_algorithms) has
    /// passed.
    pub(super) fn public_key(&self) -> &[u8] {
        self.certificate
            .tbs_certificate()
            .subject_public_key_info()
            .subject_public_key
            .raw_bytes()
    }

    /// A15: this certificate names `issuer` as its issuer.
    pub(super) fn check_issuer(&self, issuer: &Self) -> Result<(), ChainError> {
        let named = self.certificate.tbs_certificate().issuer();
        match named == issuer.certificate.tbs_certificate().subject() {
            true => Ok(()),
            false => Err(ChainError::Order { at: self.at }),
        }
    }

    /// X4: a P-384 key, and a signature with ecdsa-with-SHA384.
    pub(super) fn check_algorithms(&self) -> Result<(), ChainError> {
        let at = self.at;
        let tbs = self.certificate.tbs_certificate();
        let spki = tbs.subject_public_key_info();
        let curve = spki
            .algorithm
            .parameters
            .as_ref()
            .and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
        let point = self.public_key();
        if spki.algorithm.oid != ID_EC_PUBLIC_KEY
            || curve != Some(SECP384R1)
            || point.len() != POINT_LEN
            || point.first() != Some(&UNCOMPRESSED)
        {
            return Err(ChainError::KeyAlgorithm { at });
        }
        for algorithm in [tbs.signature(), self.certificate.signature_algorithm()] {
            if algorithm.oid != ECDSA_WITH_SHA384 || algorithm.parameters.is_some() {
                return Err(ChainError::SignatureAlgorithm { at });
            }
        }
        Ok(())
    }

    /// A17 for a CA with `below` CAs between it and the leaf.
    pub(super) fn check_is_ca(&self, below: usize) -> Result<(), ChainError> {
        let fault = match self.basic_constraints()? {
            None => BasicConstraintsFault::Missing,
            Some((false, _)) => BasicConstraintsFault::NotCritical,
            Some((true, constraints)) if !constraints.ca => BasicConstraintsFault::NotCa,
            Some((true, constraints)) => match constraints.path_len_constraint {
                Some(limit) if below > usize::from(limit) => {
                    BasicConstraintsFault::PathLength { limit, below }
                }
                _ => return Ok(()),
            },
        };
        Err(ChainError::BasicConstraints { at: self.at, fault })
    }

    /// A17 for the leaf.
    pub(super) fn check_is_not_ca(&self) -> Result<(), ChainError> {
        let fault = match self.basic_constraints()? {
            Some((_, constraints)) if constraints.ca => BasicConstraintsFault::LeafIsCa,
            Some((_, constraints)) if constraints.path_len_constraint.is_some() => {
                BasicConstraintsFault::LeafPathLength
            }
            _ => return Ok(()),
        };
        Err(ChainError::BasicConstraints { at: self.at, fault })
    }

    /// A18 for a CA.
    pub(super) fn check_may_sign_certificates(&self) -> Result<(), ChainError> {
        self.check_key_usage(RequiredUsage::CertificateSigning, KeyUsage::key_cert_sign)
    }

    /// A18 for the leaf. Genuine leaves do not mark the extension as critical.
    pub(super) fn check_may_sign_documents(&self) -> Result<(), ChainError> {
        self.check_key_usage(RequiredUsage::DigitalSignature, KeyUsage::digital_signature)
    }

    /// A16: valid at `now`, both ends included (RFC 5280 section 4.1.2.5).
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

    /// A20: no extension is critical but those that A17 and A18 have read.
    pub(super) fn check_critical_extensions(&self) -> Result<(), ChainError> {
        let extensions = self.certificate.tbs_certificate().extensions().into_iter();
        let known = [BasicConstraints::OID, KeyUsage::OID];
        match extensions
            .flatten()
            .all(|extension| !extension.critical || known.contains(&extension.extn_id))
        {
            true => Ok(()),
            false => Err(ChainError::CriticalExtension { at: self.at }),
        }
    }

    /// Whether this certificate's own key signed it. webpki takes anchors as they are.
    pub(super) fn is_self_signed(&self) -> bool {
        let Ok(message) = self.certificate.tbs_certificate().to_der() else {
            return false;
        };
        self.certificate
            .signature()
            .as_bytes()
            .is_some_and(|signature| {
                EcdsaP384Sha384
                    .verify_signature(self.public_key(), &message, signature)
                    .is_ok()
            })
    }

    fn basic_constraints(&self) -> Result<Option<(bool, BasicConstraints)>, ChainError> {
        self.certificate
            .tbs_certificate()
            .get_extension::<BasicConstraints>()
            .map_err(|_| ChainError::BasicConstraints {
                at: self.at,
                fault: BasicConstraintsFault::Unreadable,
            })
    }

    fn check_key_usage(
        &self,
        required: RequiredUsage,
        allows: fn(&KeyUsage) -> bool,
    ) -> Result<(), ChainError> {
        let at = self.at;
        let tbs = self.certificate.tbs_certificate();
        match tbs.get_extension::<KeyUsage>() {
            Ok(Some((_, usage))) if allows(&usage) => {}
            _ => return Err(ChainError::KeyUsage { at, required }),
        }
        match tbs.filter_extensions::<ExtendedKeyUsage>().next() {
            None => Ok(()),
            Some(_) => Err(ChainError::ExtendedKeyUsage { at }),
        }
    }
}
