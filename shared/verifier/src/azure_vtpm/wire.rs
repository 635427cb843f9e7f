//! Evidence of this kind as it travels: [`Evidence`] with what the vTPM adds, which is `{1: HCL report, 2: quote,
//! 3: signature, 4: PCR values}`, all in the one deterministic encoding of CBOR (RFC 8949 section 4.2.1).
//!
//! The report of the evidence is the TD quote on TDX. On SEV-SNP it is empty: the HCL report has the hardware's report
//! within it, and of two copies one could differ. Endorsements are those of the hardware's report.

use sealnote_evidence::{Evidence, MapError, map};

/// Greatest length of evidence, in bytes: a TD quote, an HCL report, a quote of every register, a key.
pub const MAX_EVIDENCE: usize = 16 * 1024;

/// The number of this kind, which the binding has in it.
pub(super) const KIND: u16 = 4;

/// What a guest has gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The TD quote on TDX; empty on SEV-SNP.
    pub td_quote: &'a [u8],
    /// As NV index 0x01400001 has it.
    pub hcl_report: &'a [u8],
    /// TPMS_ATTEST, as the vTPM signed it.
    pub quote: &'a [u8],
    /// RSASSA-PKCS1-v1_5 with SHA-256, 256 bytes.
    pub signature: &'a [u8],
    /// The values of the registers that the quote selects, 32 bytes each, in ascending order of their numbers.
    pub pcrs: &'a [u8],
}

impl Parts<'_> {
    /// The evidence of a session, with a key where the suite has one in the evidence.
    pub fn encode(&self, public_key: Option<&[u8]>) -> Vec<u8> {
        let vtpm = map::write(&[
            (1, self.hcl_report),
            (2, self.quote),
            (3, self.signature),
            (4, self.pcrs),
        ]);
        let evidence = Evidence {
            report: self.td_quote,
            public_key,
            event_log: None,
            vtpm: Some(&vtpm),
        };
        evidence.encode()
    }
}

impl<'a> Parts<'a> {
    /// Reads what [`encode`](Self::encode) writes: the parts, and the key.
    ///
    /// # Errors
    ///
    /// [`MapError`]: too many bytes, another encoding, or other keys.
    pub fn decode(bytes: &'a [u8]) -> Result<(Self, Option<&'a [u8]>), MapError> {
        let Evidence {
            report: td_quote,
            public_key,
            event_log: None,
            vtpm: Some(vtpm),
        } = Evidence::decode(bytes, MAX_EVIDENCE)?
        else {
            return Err(MapError::Keys);
        };
        match *map::read(vtpm, MAX_EVIDENCE)? {
            [(1, hcl_report), (2, quote), (3, signature), (4, pcrs)] => {
                let parts = Self {
                    td_quote,
                    hcl_report,
                    quote,
                    signature,
                    pcrs,
                };
                Ok((parts, public_key))
            }
            _ => Err(MapError::Keys),
        }
    }
}
