//! /dev/sev-guest (Linux, Documentation/virt/coco/sev-guest.rst; structs of linux/sev-guest.h).

use std::fs::{File, OpenOptions};
use std::io;

use rustix::ioctl::{Updater, ioctl, opcode};

use super::{REPORT_LEN, SevSnpError, Source};

/// The device, open for as long as this lives.
pub(super) struct Device {
    file: File,
}

impl Device {
    pub(super) fn open() -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/sev-guest")?;
        Ok(Self { file })
    }
}

/// `struct snp_report_req`.
#[repr(C)]
struct Request {
    user_data: [u8; 64],
    vmpl: u32,
    reserved: [u8; 28],
}

/// `struct snp_report_resp`; what is in it is `MSG_REPORT_RSP` of AMD 56860.
#[repr(C, align(8))]
struct Response {
    data: [u8; 4000],
}

/// `struct snp_guest_request_ioctl`.
#[repr(C)]
struct GuestRequest {
    msg_version: u8,
    req_data: u64,
    resp_data: u64,
    /// The hypervisor's error and the firmware's.
    exitinfo2: u64,
}

/// Where the report begins: after status, length and 24 reserved bytes.
const HEADER: usize = 32;

impl Source for Device {
    fn report(&self, data: &[u8; 64]) -> Result<Vec<u8>, SevSnpError> {
        /// `_IOWR('S', 0x0, struct snp_guest_request_ioctl)`
        const SNP_GET_REPORT: u32 = opcode::read_write::<GuestRequest>(b'S', 0);

        let request = Request {
            user_data: *data,
            vmpl: 0,
            reserved: [0; 28],
        };
        let mut response = Response { data: [0; 4000] };
        let mut guest_request = GuestRequest {
            msg_version: 1,
            req_data: (&raw const request) as u64,
            resp_data: (&raw mut response) as u64,
            exitinfo2: 0,
        };
        // SAFETY: the three structs are laid out as the kernel's. It reads `Request`, writes to `Response` no more than
        // its 4,000 bytes and to `GuestRequest` its last field, all before the call returns; all three live until then.
        #[allow(unsafe_code)]
        unsafe {
            ioctl(
                &self.file,
                Updater::<SNP_GET_REPORT, _>::new(&mut guest_request),
            )
        }
        .map_err(|error| SevSnpError::Device(error.into()))?;
        read(&response.data)
    }
}

/// The report in a response, as long as the response says.
fn read(response: &[u8; 4000]) -> Result<Vec<u8>, SevSnpError> {
    let number = |at: usize| {
        let bytes = [
            response[at],
            response[at + 1],
            response[at + 2],
            response[at + 3],
        ];
        u32::from_le_bytes(bytes)
    };
    let (status, len) = (number(0), number(4) as usize);
    if status != 0 {
        return Err(SevSnpError::Status(status));
    }
    match len == REPORT_LEN {
        true => Ok(response[HEADER..HEADER + REPORT_LEN].to_vec()),
        false => Err(SevSnpError::Length(len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u32, len: u32) -> [u8; 4000] {
        let mut response = [9; 4000];
        response[..4].copy_from_slice(&status.to_le_bytes());
        response[4..8].copy_from_slice(&len.to_le_bytes());
        response[HEADER] = 1;
        response[HEADER + REPORT_LEN - 1] = 2;
        response
    }

    #[test]
    fn a_response_has_a_report_or_says_why_not() {
        let report = read(&response(0, 1184)).unwrap();
        assert_eq!(
            (report.len(), report[0], report[1], report[1183]),
            (1184, 1, 9, 2)
        );
        assert!(matches!(
            read(&response(0x16, 1184)),
            Err(SevSnpError::Status(0x16))
        ));
        for len in [0, 1183, 1185, u32::MAX] {
            let error = read(&response(0, len));
            assert!(matches!(error, Err(SevSnpError::Length(l)) if l == len as usize));
        }
    }

    /// As linux/sev-guest.h has them on x86-64: the size is part of the request's number.
    #[test]
    fn the_structs_have_the_kernels_sizes() {
        assert_eq!(size_of::<Request>(), 96);
        assert_eq!(size_of::<Response>(), 4000);
        assert_eq!(size_of::<GuestRequest>(), 32);
        assert_eq!(opcode::read_write::<GuestRequest>(b'S', 0), 0xc020_5300);
    }
}
