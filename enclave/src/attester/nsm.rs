//! Evidence by the Nitro Security Module, through /dev/nsm.

use aws_nitro_enclaves_nsm_api::api::{Request, Response};
use aws_nitro_enclaves_nsm_api::driver::{nsm_exit, nsm_init, nsm_process_request};
use sealnote_protocol::session::enclave::EvidenceRequest;

use super::{AttestError, Attester};

/// The module's device, open for as long as the enclave runs.
#[derive(Debug)]
pub struct NsmAttester {
    device: i32,
}

impl NsmAttester {
    /// Opens the device; fails where there is none.
    pub fn open() -> Result<Self, AttestError> {
        match nsm_init() {
            device if device >= 0 => Ok(Self { device }),
            _ => Err(AttestError::NoDevice),
        }
    }
}

impl Attester for NsmAttester {
    fn attest(&self, request: &EvidenceRequest) -> Result<Vec<u8>, AttestError> {
        let response = nsm_process_request(
            self.device,
            Request::Attestation {
                user_data: Some(request.user_data.to_vec().into()),
                nonce: Some(request.nonce.to_vec().into()),
                public_key: Some(request.public_key.clone().into()),
            },
        );
        match response {
            Response::Attestation { document } => Ok(document),
            Response::Error(code) => Err(AttestError::Refused(format!("{code:?}"))),
            _ => Err(AttestError::Refused("it answered another request".into())),
        }
    }
}

impl Drop for NsmAttester {
    fn drop(&mut self) {
        nsm_exit(self.device);
    }
}
