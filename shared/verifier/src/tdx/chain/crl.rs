//! T6: the revocation lists of the root and of the PCK CA (RFC 5280 section 5).

use x509_cert::crl::CertificateList;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;

use super::certificate::Link;
use super::error::{CrlFault, Position};
use super::key::is_ecdsa_sha256;
use crate::time::UnixTime;
use crate::validity::seconds;

const DELTA_CRL_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

/// A list that its issuer signed, in date.
pub(super) struct RevocationList(CertificateList);

impl RevocationList {
    /// Parses exactly one list in DER, which encodes to the same bytes again, and which `issuer` issued and signed.
    pub(super) fn verify(der: &[u8], issuer: &Link, now: UnixTime) -> Result<Self, CrlFault> {
        let list = CertificateList::from_der(der).map_err(|_| CrlFault::Malformed)?;
        let tbs = &list.tbs_cert_list;
        let (Ok(again), Ok(signed)) = (list.to_der(), tbs.to_der()) else {
            return Err(CrlFault::Malformed);
        };
        if again != der {
            return Err(CrlFault::Malformed);
        }
        if tbs.issuer != *issuer.subject() {
            return Err(CrlFault::Issuer);
        }
        let algorithms = [&tbs.signature, &list.signature_algorithm];
        let key = issuer.key().map_err(|_| CrlFault::Signature)?;
        if !algorithms.into_iter().all(is_ecdsa_sha256) || !key.signed_der(&signed, &list.signature)
        {
            return Err(CrlFault::Signature);
        }
        let list = Self(list);
        list.check_is_whole()?;
        list.check_dates(now)?;
        Ok(list)
    }

    /// When it was made.
    pub(super) fn this_update(&self) -> UnixTime {
        seconds(&self.0.tbs_cert_list.this_update)
    }

    /// None of the certificates is in the list.
    pub(super) fn check_none_revoked(&self, links: &[&Link]) -> Result<(), CrlFault> {
        let revoked = |link: &&&Link| {
            let mut entries = self.0.tbs_cert_list.revoked_certificates.iter().flatten();
            entries.any(|entry| entry.serial_number == *link.serial_number())
        };
        let at: Option<Position> = links.iter().find(revoked).map(|link| link.position());
        match at {
            None => Ok(()),
            Some(at) => Err(CrlFault::Revoked { at }),
        }
    }

    /// An extension that is critical, of the list or of an entry, may change what the entries mean; part of a list says
    /// nothing of who is not in it (RFC 5280 section 5.2.4).
    fn check_is_whole(&self) -> Result<(), CrlFault> {
        let tbs = &self.0.tbs_cert_list;
        let is_critical = |extensions: &Option<Vec<Extension>>| {
            let mut extensions = extensions.iter().flatten();
            extensions.any(|extension| extension.critical)
        };
        let is_delta = (tbs.crl_extensions.iter().flatten())
            .any(|extension| extension.extn_id == DELTA_CRL_INDICATOR);
        let mut entries = tbs.revoked_certificates.iter().flatten();
        match is_delta
            || is_critical(&tbs.crl_extensions)
            || entries.any(|entry| is_critical(&entry.crl_entry_extensions))
        {
            true => Err(CrlFault::CriticalExtension),
            false => Ok(()),
        }
    }

    fn check_dates(&self, now: UnixTime) -> Result<(), CrlFault> {
        let this_update = self.this_update();
        let next_update = self.0.tbs_cert_list.next_update.as_ref().map(seconds);
        let next_update = next_update.ok_or(CrlFault::NoNextUpdate)?;
        if now.as_seconds() < this_update.as_seconds() {
            return Err(CrlFault::NotYetValid { this_update, now });
        }
        // At that second the next one is there; dcap-qvl's webpki has it so as well.
        match now.as_seconds() >= next_update.as_seconds() {
            true => Err(CrlFault::Expired { next_update, now }),
            false => Ok(()),
        }
    }
}
