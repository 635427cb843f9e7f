//! What a guest on Azure has gathered: an HCL report around a report that nobody signed, and a vTPM's quote.

use std::sync::LazyLock;

use sealnote_verifier::azure_vtpm::{Parts, Tee};
use sha2::{Digest, Sha256};

/// Where `var_data` is in an HCL report.
const VAR_DATA: usize = 1236;
const REPORT_LEN: usize = 1184;
/// Registers 0 to 9, 11 and 15.
const MASK: [u8; 3] = [0xff, 0x8b, 0];

/// What a guest has gathered, owned.
pub struct Gathered {
    td_quote: Vec<u8>,
    hcl_report: Vec<u8>,
    quote: Vec<u8>,
    pcrs: Vec<u8>,
}

/// On each kind of hardware: SEV-SNP and TDX.
pub static GATHERED: LazyLock<[Gathered; 2]> =
    LazyLock::new(|| [Tee::SevSnp, Tee::Tdx].map(Gathered::new));

impl Gathered {
    fn new(tee: Tee) -> Self {
        let registers = MASK.map(u8::count_ones).iter().sum::<u32>() as u8;
        let pcrs: Vec<u8> = (0..registers).flat_map(|number| [number; 32]).collect();
        Self {
            td_quote: match tee {
                Tee::SevSnp => Vec::new(),
                Tee::Tdx => vec![4; 9],
            },
            hcl_report: hcl_report(tee),
            quote: quote(&pcrs),
            pcrs,
        }
    }

    /// As a verifier takes them.
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            td_quote: &self.td_quote,
            hcl_report: &self.hcl_report,
            quote: &self.quote,
            signature: &[0x51; 256],
            pcrs: &self.pcrs,
        }
    }
}

fn hcl_report(tee: Tee) -> Vec<u8> {
    let var_data = br#"{"keys": [{"kid": "HCLAkPub", "kty": "RSA", "e": "AQAB", "n": "AQ"}]}"#;
    let len = var_data.len() as u32;
    let kind: u32 = match tee {
        Tee::SevSnp => 2,
        Tee::Tdx => 4,
    };
    let mut hcl = b"HCLA".to_vec();
    let head = [2, VAR_DATA as u32 + len, 2, 0, 0, 0, 0];
    hcl.extend(head.map(u32::to_le_bytes).concat());
    hcl.extend([0; REPORT_LEN]);
    let data = [20 + len, 1, kind, 1, len];
    hcl.extend(data.map(u32::to_le_bytes).concat());
    hcl.extend(var_data);
    hcl.extend([0; 16]);
    hcl
}

/// TPMS_ATTEST.
fn quote(pcrs: &[u8]) -> Vec<u8> {
    let mut quote = b"\xffTCG\x80\x18\x00\x22\x00\x0b".to_vec();
    quote.extend([0x4e; 32]);
    quote.extend(b"\x00\x20");
    quote.extend([0xb1; 32]);
    quote.extend([0, 0, 0, 0, 0, 0x35, 0x9b, 0xae, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    quote.extend([0x20, 0x20, 0x03, 0x12, 0, 0x12, 0, 3]);
    quote.extend(b"\x00\x00\x00\x01\x00\x0b\x03");
    quote.extend(MASK);
    quote.extend(b"\x00\x20");
    quote.extend(Sha256::digest(pcrs));
    quote
}
