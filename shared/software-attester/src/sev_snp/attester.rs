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

/// Of a revocation list.
const CRL_VALIDITY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Signs reports for one made-up guest on one made-up machine, under a root of its own.
pub struct SoftwareAttester {
    authority: Authority,
    machine: Machine,
    guest: Guest,
    key: SigningKey,
    root: Vec<u8>,
    intermediate: Vec<u8>,
    leaf: Vec<u8>,
    current: Option<Issued>,
}

/// Endorsements, and the times between which they are used.
struct Issued {
    endorsements: Arc<[u8]>,
    from: SystemTime,
    until: SystemTime,
}

/// A report, and what endorses the key that signed it.
#[derive(Clone, Debug)]
pub struct Attested {
    /// The report.
    pub report: Vec<u8>,
    /// `{1: VCEK or VLEK, 2: ASK or ASVK, 3: the root's revocation list}`, each DER.
    pub endorsements: Arc<[u8]>,
}

impl SoftwareAttester {
    /// Makes a root, and certificates that are valid for seven years from `now`: see [`Authority::generate`] for the
    /// time that it takes.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express, or a cloud's id is not in ASCII.
    pub fn new<R: CryptoRng + Send>(
        machine: Machine,
        guest: Guest,
        now: SystemTime,
        mut rngs: [R; 2],
    ) -> Result<Self, AttesterError> {
        let authority = Authority::generate(&mut rngs)?;
        let [rng, _] = &mut rngs;
        let key = SigningKey::generate_from_rng(rng);
        let validity = (now - BACKDATED, now + VALIDITY);
        let root = authority.ark_spec(machine.product, validity)?;
        let intermediate = authority.ca_spec(&machine, validity)?;
        let leaf = Authority::leaf_spec(&machine, &VerifyingKey::from(&key), validity)?;
        let (ark, ca) = (authority.ark_signer(), authority.ca_signer());
        Ok(Self {
            root: root.sign_with_rng(&ark, rng)?,
            intermediate: intermediate.sign_with_rng(&ark, rng)?,
            leaf: leaf.sign_with_rng(&ca, rng)?,
            current: None,
            authority,
            machine,
            guest,
            key,
        })
    }

    /// The root certificate, PEM: what a client must be given to accept this attester's reports.
    ///
    /// # Errors
    ///
    /// The certificate cannot be encoded.
    pub fn root_pem(&self) -> Result<String, AttesterError> {
        Ok(Certificate::from_der(&self.root)?.to_pem(LineEnding::LF)?)
    }

    /// The machine that reports are of.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The guest that reports are of.
    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// A report over these bytes, and its endorsements. Issues a new revocation list when that at hand is a day old.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn attest<R: CryptoRng + ?Sized>(
        &mut self,
        report_data: &[u8; 64],
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Attested, AttesterError> {
        let issued = match self.current.take() {
            Some(issued) if issued.from <= now && now < issued.until => issued,
            _ => self.issue(now, rng)?,
        };
        let Issued { endorsements, .. } = self.current.insert(issued);
        Ok(Attested {
            endorsements: endorsements.clone(),
            report: Report::new(&self.machine, &self.guest, report_data).sign(&self.key),
        })
    }

    fn issue<R: CryptoRng + ?Sized>(
        &self,
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Issued, AttesterError> {
        let validity = (now - BACKDATED, now + CRL_VALIDITY);
        let list = self.authority.crl_spec(self.machine.product, validity)?;
        let crl = Authority::sign_crl(list, &self.authority.ark_signer(), rng)?;
        let endorsements = map::write(&[(1, &self.leaf), (2, &self.intermediate), (3, &crl)]);
        Ok(Issued {
            endorsements: endorsements.into(),
            from: now,
            until: now + DAY,
        })
    }
}
