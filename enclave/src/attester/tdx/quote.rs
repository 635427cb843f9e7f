//! Where a quote says what it carries (Intel TDX DCAP quoting library API, appendix A.3, and Intel TDX module
//! specification, TDREPORT_STRUCT). The quote comes from this machine, so it is read and not verified.

use sealnote_model::SHA384_LEN;

/// What is looked at of a quote's body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body<'a> {
    pub(super) rtmr3: &'a [u8; SHA384_LEN],
    pub(super) report_data: &'a [u8; 64],
}

/// Length of the header.
const HEADER: usize = 48;
/// In version 5 a type (u16) and a length (u32) stand before the body.
const DESCRIPTOR: usize = 6;
/// A TDX guest, in the header's field of the TEE's type.
const TDX: u32 = 0x81;
/// Where in the body RTMR3 and the report data are, in every version of it.
const RTMR3: usize = 472;
const REPORT_DATA: usize = 520;

impl<'a> Body<'a> {
    /// `None` if it is not a quote of version 4 or 5 of a TDX guest.
    pub(super) fn of(quote: &'a [u8]) -> Option<Self> {
        let version = u16::from_le_bytes(*quote.first_chunk()?);
        let tee = u32::from_le_bytes(*quote.get(4..)?.first_chunk()?);
        let start = match version {
            4 => HEADER,
            5 => HEADER + DESCRIPTOR,
            _ => return None,
        };
        let body = quote.get(start..)?;
        (tee == TDX).then_some(Self {
            rtmr3: body.get(RTMR3..)?.first_chunk()?,
            report_data: body.get(REPORT_DATA..)?.first_chunk()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::quote;
    use super::*;

    #[test]
    fn versions_4_and_5_of_a_tdx_guest_are_read_and_nothing_else() {
        for (version, start) in [(4, 48), (5, 54)] {
            let quote = quote(version, &[3; 48], &[4; 64]);
            let due = Body {
                rtmr3: &[3; 48],
                report_data: &[4; 64],
            };
            assert_eq!(Body::of(&quote), Some(due));
            let end = start + 520 + 64;
            assert!(Body::of(&quote[..end]).is_some());
            for len in 0..end {
                assert_eq!(Body::of(&quote[..len]), None, "{len}");
            }
        }
        let mut sgx = quote(4, &[3; 48], &[4; 64]);
        sgx[4] = 0;
        assert_eq!(Body::of(&sgx), None);
        assert_eq!(Body::of(&quote(3, &[3; 48], &[4; 64])), None);
    }
}
