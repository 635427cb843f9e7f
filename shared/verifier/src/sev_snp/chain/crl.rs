//! S10: the ARK's revocation list (RFC 5280 section 5).

use x509_cert::crl::CertificateList;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsage;

use super::certificate::Link;
use super::error::CrlFault;
use crate::time::UnixTime;
use crate::validity::seconds;

const DELTA_CRL_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

/// A list that the root signed.
pub(super) struct RevocationList(CertificateList);

impl RevocationList {
    /// Parses exactly one list in DER, which encodes to the same bytes again, and which `root` issued and signed.
    pub(super) fn parse(der: &[u8], root: &Link) -> Result<Self, CrlFault> {
        let list = CertificateList::from_der(der).map_err(|_| CrlFault::Malformed)?;
        let tbs = &list.tbs_cert_list;
        let (Ok(again), Ok(signed)) = (list.to_der(), tbs.to_der()) else {
            return Err(CrlFault::Malformed);
        };
        if again != der {
            return Err(CrlFault::Malformed);
        }
        if tbs.issuer != *root.subject() {
            return Err(CrlFault::Issuer);
        }
        let algorithms = [&tbs.signature, &list.signature_algorithm];
        if !root.may_sign_crls() || !root.has_signed(&signed, algorithms, &list.signature) {
            return Err(CrlFault::Signature);
        }
        // Of the whole list and of each entry: one that is critical may change what the entries mean.
        let is_critical = |extensions: &Option<Vec<Extension>>| {
            let mut extensions = extensions.iter().flatten();
            extensions.any(|extension| extension.critical)
        };
        let mut entries = tbs.revoked_certificates.iter().flatten();
        // Part of a list, which says nothing of who is not in it (RFC 5280 section 5.2.4).
        let is_delta = (tbs.crl_extensions.iter().flatten())
            .any(|extension| extension.extn_id == DELTA_CRL_INDICATOR);
        match is_delta
            || is_critical(&tbs.crl_extensions)
            || entries.any(|entry| is_critical(&entry.crl_entry_extensions))
        {
            true => Err(CrlFault::CriticalExtension),
            false => Ok(Self(list)),
        }
    }

    /// In date, and no older than `max_age` seconds if there is one.
    pub(super) fn check_age(&self, max_age: Option<u64>, now: UnixTime) -> Result<(), CrlFault> {
        let tbs = &self.0.tbs_cert_list;
        let this_update = seconds(&tbs.this_update);
        let Some(next_update) = tbs.next_update.as_ref().map(seconds) else {
            return Err(CrlFault::NoNextUpdate);
        };
        let Some(age) = now.as_seconds().checked_sub(this_update.as_seconds()) else {
            return Err(CrlFault::NotYetValid { this_update, now });
        };
        if now.as_seconds() > next_update.as_seconds() {
            return Err(CrlFault::Expired { next_update, now });
        }
        match max_age {
            Some(max) if age > max => Err(CrlFault::TooOld { age, max }),
            _ => Ok(()),
        }
    }

    /// The certificate is not in the list.
    pub(super) fn check_not_revoked(&self, link: &Link) -> Result<(), CrlFault> {
        let mut revoked = self.0.tbs_cert_list.revoked_certificates.iter().flatten();
        match revoked.any(|entry| entry.serial_number == *link.serial_number()) {
            true => Err(CrlFault::Revoked {
                at: link.position(),
            }),
            false => Ok(()),
        }
    }
}

impl Link {
    fn may_sign_crls(&self) -> bool {
        self.extensions()
            .iter()
            .filter(|extension| extension.extn_id == KeyUsage::OID)
            .any(|extension| {
                KeyUsage::from_der(extension.extn_value.as_bytes())
                    .is_ok_and(|usage| usage.crl_sign())
            })
    }
}
