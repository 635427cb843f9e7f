//! Reports on request, as from a machine's firmware, and their endorsements.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use p384::ecdsa::{SigningKey, VerifyingKey};
use p384::elliptic_curve::Generate;
use rand_core::CryptoRng;
use sealnote_evidence::map;
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, EncodePem};

use super::authority::Authority;
use super::machine::Machine;
use super::report::{Guest, Report};
use crate::error::AttesterError;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Of the certificates; AMD's leaves are valid for seven years.
const VALIDITY: Duration = Duration::from_secs(7 * 365 * 24 * 3600);

/// Clocks disagree; what was made just now must be valid on the client's.
const BACKDATED: Duration = Duration::from_secs(3600);

/// Of a revocation list, which is renewed long before.
const CRL_VALIDITY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Signs reports for one made-up guest on one made-up machine.
pub struct SoftwareAttester {
    authority: Authority,
    machine: Machine,
    guest: Guest,
    key: SigningKey,
    certificates: Certificates,
    current: Issued,
}

/// What does not change, each DER.
struct Certificates {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    leaf: Vec<u8>,
}

/// Endorsements, and the times between which they are used.
struct Issued {
    endorsements: Arc<[u8]>,
    from: SystemTime,
    until: SystemTime,
}

impl SoftwareAttester {
    /// A machine that this authority certifies; the certificates are valid for seven years from `now`.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express, or a cloud's id is not in ASCII.
    pub fn new<R: CryptoRng + ?Sized>(
        authority: Authority,
        machine: Machine,
        guest: Guest,
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Self, AttesterError> {
        let key = SigningKey::generate_from_rng(rng);
        let validity = (now - BACKDATED, now + VALIDITY);
        let root = authority.ark_spec(machine.product, validity)?;
        let intermediate = authority.ca_spec(&machine, validity)?;
        let leaf = Authority::leaf_spec(&machine, &VerifyingKey::from(&key), validity)?;
        let (ark, ca) = (authority.ark_signer(), authority.ca_signer());
        let certificates = Certificates {
            root: root.sign_with_rng(&ark, rng)?,
            intermediate: intermediate.sign_with_rng(&ark, rng)?,
            leaf: leaf.sign_with_rng(&ca, rng)?,
        };
        Ok(Self {
            current: certificates.issue(&authority, &machine, now, rng)?,
            authority,
            machine,
            guest,
            key,
            certificates,
        })
    }

    /// The root certificate, PEM: what a client must be given to accept this attester's reports.
    ///
    /// # Errors
    ///
    /// The certificate cannot be encoded.
    pub fn root_pem(&self) -> Result<String, AttesterError> {
        Ok(Certificate::from_der(&self.certificates.root)?.to_pem(LineEnding::LF)?)
    }

    /// What endorses the reports' key: `{1: VCEK or VLEK, 2: ASK or ASVK, 3: the root's revocation list}`, each DER.
    pub fn endorsements(&self) -> Arc<[u8]> {
        self.current.endorsements.clone()
    }

    /// A report over these bytes. Issues a new revocation list when that at hand is a day old.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn attest<R: CryptoRng + ?Sized>(
        &mut self,
        report_data: &[u8; 64],
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Vec<u8>, AttesterError> {
        if now < self.current.from || self.current.until <= now {
            let (authority, machine) = (&self.authority, &self.machine);
            self.current = self.certificates.issue(authority, machine, now, rng)?;
        }
        Ok(Report::new(&self.machine, &self.guest, report_data).sign(&self.key))
    }
}

impl Certificates {
    /// With a revocation list of this time.
    fn issue<R: CryptoRng + ?Sized>(
        &self,
        authority: &Authority,
        machine: &Machine,
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Issued, AttesterError> {
        let validity = (now - BACKDATED, now + CRL_VALIDITY);
        let list = authority.crl_spec(machine.product, validity)?;
        let crl = Authority::sign_crl(list, &authority.ark_signer(), rng)?;
        let endorsements = map::write(&[(1, &self.leaf), (2, &self.intermediate), (3, &crl)]);
        Ok(Issued {
            endorsements: endorsements.into(),
            from: now,
            until: now + DAY,
        })
    }
}
