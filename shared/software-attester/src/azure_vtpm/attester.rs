//! Quotes on request, as from a vTPM, and the report that endorses its key.

use std::sync::Arc;
use std::time::SystemTime;

use rand_core::CryptoRng;
use rsa::PrivateKey;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::signature::{SignatureEncoding, Signer};
use sha2::{Digest, Sha256};

use super::hcl::{hcl_report, jwk, var_data};
use super::quote::{Pcrs, message, values};
use crate::error::AttesterError;
use crate::sev_snp;

/// Of the attestation key, as Azure's vTPMs have it.
const RSA_BITS: usize = 2048;

/// Signs quotes of one made-up vTPM, of a made-up paravisor, on a made-up SEV-SNP machine.
pub struct SoftwareAttester {
    hardware: sev_snp::SoftwareAttester,
    key: SigningKey<Sha256>,
    /// What the hardware's report is about.
    var_data: Vec<u8>,
    pcrs: Pcrs,
}

/// What a guest gathers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// As NV index 0x01400001 has it.
    pub hcl_report: Vec<u8>,
    /// TPMS_ATTEST.
    pub quote: Vec<u8>,
    /// Over the quote.
    pub signature: Vec<u8>,
    /// The values of the registers that are quoted.
    pub pcrs: Vec<u8>,
}

impl SoftwareAttester {
    /// A vTPM with these registers, whose paravisor is the guest of this machine.
    ///
    /// # Errors
    ///
    /// None in practice: the size is one that keys can have.
    pub fn new<R: CryptoRng + ?Sized>(
        hardware: sev_snp::SoftwareAttester,
        pcrs: Pcrs,
        rng: &mut R,
    ) -> Result<Self, AttesterError> {
        let key = PrivateKey::new(rng, RSA_BITS)?;
        Ok(Self {
            hardware,
            var_data: var_data(&[jwk("HCLAkPub", &key)]),
            key: SigningKey::new(key),
            pcrs,
        })
    }

    /// The root certificate of the hardware, PEM: what a client must be given to accept this attester's quotes.
    ///
    /// # Errors
    ///
    /// The certificate cannot be encoded.
    pub fn root_pem(&self) -> Result<String, AttesterError> {
        self.hardware.root_pem()
    }

    /// What endorses the hardware's report, as [`sev_snp::SoftwareAttester::endorsements`] has it.
    pub fn endorsements(&self) -> Arc<[u8]> {
        self.hardware.endorsements()
    }

    /// A quote of every register, with these qualifying data. The hardware's endorsements are kept in date.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn attest<R: CryptoRng + ?Sized>(
        &mut self,
        qualifying_data: &[u8; 32],
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Gathered, AttesterError> {
        let mut report_data = [0; 64];
        report_data[..32].copy_from_slice(&Sha256::digest(&self.var_data));
        let report = self.hardware.attest(&report_data, now, rng)?;
        let quote = message(qualifying_data, &self.pcrs);
        let signature: Signature = self.key.try_sign(&quote)?;
        Ok(Gathered {
            hcl_report: hcl_report(&report, &self.var_data),
            quote,
            signature: signature.to_vec(),
            pcrs: values(&self.pcrs),
        })
    }
}
