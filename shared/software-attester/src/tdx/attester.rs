//! Quotes on request, as from a machine's quoting enclave, and the collateral for them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::certificates::seconds;
use super::layout::REPORT_DATA;
use super::machine::Machine;
use crate::error::AttesterError;

const DAY: Duration = Duration::from_secs(super::DAY);

/// Clocks disagree; what was made just now must be valid on the client's.
const BACKDATED: Duration = Duration::from_secs(3600);

/// Of the collateral, which is renewed long before.
const COLLATERAL_VALIDITY: Duration = Duration::from_secs(30 * super::DAY);

/// Signs quotes for one made-up guest on one made-up machine.
pub struct SoftwareAttester {
    machine: Machine,
    current: Issued,
}

/// Collateral, and the times between which it is used.
struct Issued {
    collateral: Arc<[u8]>,
    from: SystemTime,
    until: SystemTime,
}

impl SoftwareAttester {
    /// This machine and its guest, with collateral of `now`.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn new(mut machine: Machine, now: SystemTime) -> Result<Self, AttesterError> {
        let current = Issued::at(now, &mut machine)?;
        Ok(Self { machine, current })
    }

    /// The root certificate, PEM: what a client must be given to accept this attester's quotes.
    ///
    /// # Errors
    ///
    /// The certificate cannot be encoded.
    pub fn root_pem(&self) -> Result<String, AttesterError> {
        self.machine.root_pem()
    }

    /// What endorses the quotes: Intel's collateral as JSON, in the shape of dcap-qvl's `QuoteCollateralV3`.
    pub fn endorsements(&self) -> Arc<[u8]> {
        self.current.collateral.clone()
    }

    /// A quote over these bytes. Issues new collateral when that at hand is a day old.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn attest(
        &mut self,
        report_data: &[u8; 64],
        now: SystemTime,
    ) -> Result<Vec<u8>, AttesterError> {
        if now < self.current.from || self.current.until <= now {
            self.current = Issued::at(now, &mut self.machine)?;
        }
        self.machine.set(REPORT_DATA, report_data);
        self.machine.quote()
    }
}

impl Issued {
    fn at(now: SystemTime, machine: &mut Machine) -> Result<Self, AttesterError> {
        let dates = (now - BACKDATED, now + COLLATERAL_VALIDITY);
        machine.date_collateral((seconds(dates.0), seconds(dates.1)))?;
        Ok(Self {
            collateral: machine.collateral()?.to_string().into_bytes().into(),
            from: now,
            until: now + DAY,
        })
    }
}
