//! Attestation documents on request, as from a Nitro Security Module.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rand_core::CryptoRng;

use super::MEASUREMENT_LEN;
use super::chain::{Chain, ChainSpec, LEAF_VALIDITY, ModuleId};
use super::cose;
use super::document::Document;
use super::root::SoftwareRoot;
use crate::error::AttesterError;

/// A document always has the first sixteen registers; others are there once they are locked.
const ALWAYS_PRESENT: u8 = 16;
const PCRS: u8 = 32;

const MAX_PUBLIC_KEY_LEN: usize = 1024;
/// AWS's description, section 3.2.2.2. Its hypervisors take twice as much, but need not.
const MAX_DATA_LEN: usize = 512;

/// A leaf with less validity left than this is replaced, so that a document outlives its delivery.
const LEAST_VALIDITY_LEFT: Duration = Duration::from_secs(15 * 60);

/// What a document is asked to carry.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttestationRequest<'a> {
    /// At most 512 bytes.
    pub user_data: Option<&'a [u8]>,
    /// At most 512 bytes.
    pub nonce: Option<&'a [u8]>,
    /// 1 to 1024 bytes.
    pub public_key: Option<&'a [u8]>,
}

/// Signs documents for one made-up enclave, under a root of its own.
pub struct SoftwareAttester {
    root: SoftwareRoot,
    module: ModuleId,
    pcrs: BTreeMap<u8, [u8; MEASUREMENT_LEN]>,
    current: Option<Issued>,
}

/// A chain and the times between which its leaf is used.
struct Issued {
    chain: Chain,
    from: SystemTime,
    until: SystemTime,
}

impl SoftwareAttester {
    /// An attester for an enclave with these registers; those of 0 to 15 that are left out are zero.
    ///
    /// # Errors
    ///
    /// [`AttesterError::NoSuchPcr`] for an index beyond 31.
    pub fn new<R: CryptoRng + ?Sized>(
        root: SoftwareRoot,
        mut pcrs: BTreeMap<u8, [u8; MEASUREMENT_LEN]>,
        rng: &mut R,
    ) -> Result<Self, AttesterError> {
        if let Some(index) = pcrs.keys().copied().find(|index| *index >= PCRS) {
            return Err(AttesterError::NoSuchPcr { index });
        }
        for index in 0..ALWAYS_PRESENT {
            pcrs.entry(index).or_insert([0; MEASUREMENT_LEN]);
        }
        Ok(Self {
            root,
            module: ModuleId::generate(rng),
            pcrs,
            current: None,
        })
    }

    /// The root that a client must be given.
    pub fn root(&self) -> &SoftwareRoot {
        &self.root
    }

    /// A document made at `now`. Issues new certificates when those at hand are near their end.
    ///
    /// # Errors
    ///
    /// [`AttesterError::TooLong`], or a time that X.509 cannot express.
    pub fn attest<R: CryptoRng + ?Sized>(
        &mut self,
        request: &AttestationRequest<'_>,
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Vec<u8>, AttesterError> {
        let public_key = bounded("public_key", request.public_key, MAX_PUBLIC_KEY_LEN)?;
        let user_data = bounded("user_data", request.user_data, MAX_DATA_LEN)?;
        let nonce = bounded("nonce", request.nonce, MAX_DATA_LEN)?;

        let issued = match self.current.take() {
            Some(issued) if issued.from <= now && now < issued.until => issued,
            _ => self.issue(now, rng)?,
        };
        let Issued { chain, .. } = self.current.insert(issued);
        let document = Document {
            module_id: self.module.to_string(),
            digest: String::from("SHA384"),
            timestamp_ms: millis(now),
            pcrs: self
                .pcrs
                .iter()
                .map(|(index, value)| (*index, value.to_vec()))
                .collect(),
            certificate: chain.certificate.clone(),
            cabundle: chain.cabundle.clone(),
            public_key,
            user_data,
            nonce,
        };
        cose::sign(&document.encode()?, &chain.key)
    }

    fn issue<R: CryptoRng + ?Sized>(
        &self,
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Issued, AttesterError> {
        Ok(Issued {
            chain: ChainSpec::nitro(&self.root, &self.module, now, rng)?.issue(&self.root)?,
            from: now,
            until: now + (LEAF_VALIDITY - LEAST_VALIDITY_LEFT),
        })
    }
}

fn bounded(
    field: &'static str,
    value: Option<&[u8]>,
    max: usize,
) -> Result<Option<Vec<u8>>, AttesterError> {
    match value {
        Some(value) if value.len() > max => Err(AttesterError::TooLong {
            field,
            len: value.len(),
            max,
        }),
        _ => Ok(value.map(<[u8]>::to_vec)),
    }
}

/// Milliseconds since 1970; a clock before then has failed to issue certificates already.
fn millis(now: SystemTime) -> u64 {
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
