//! The module's device, /dev/nsm.

use aws_nitro_enclaves_nsm_api::api::{Request, Response};
use aws_nitro_enclaves_nsm_api::driver::{nsm_exit, nsm_init, nsm_process_request};

use super::Module;

/// The device, open for as long as this lives.
#[derive(Debug)]
pub struct Device {
    descriptor: i32,
}

impl Device {
    /// Opens the device; `None` where there is none.
    pub(super) fn open() -> Option<Self> {
        let descriptor = nsm_init();
        (descriptor >= 0).then_some(Self { descriptor })
    }
}

impl Module for Device {
    fn request(&self, request: Request) -> Response {
        nsm_process_request(self.descriptor, request)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        nsm_exit(self.descriptor);
    }
}
