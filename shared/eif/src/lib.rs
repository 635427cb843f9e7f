//! The measurements of an AWS Nitro enclave image file (EIF), recomputed from its bytes alone.
//!
//! [`measure`] reads an image once, front to back, and yields the registers that a hypervisor reports
//! of an enclave that was booted from it. It shares nothing with AWS's builder but the format, as
//! aws-nitro-enclaves-image-format defines it (`src/defs`, versions 3 and 4):
//!
//! ```text
//! header (548 bytes) ‖ for each section: its header (12 bytes) ‖ its contents
//! ```
//!
//! PCRn = SHA-384(48 zero bytes ‖ SHA-384(x)), where x is, for PCR0, the contents of the kernel, the
//! command line and all ramdisks; for PCR1, of the kernel, the command line and the first ramdisk; for
//! PCR2, of the other ramdisks; for PCR8, the certificate of the image's signer, DER.
//!
//! Headers, metadata and the signature are measured nowhere, and neither is where one content ends and
//! the next begins. So an image is refused unless it is laid out as AWS's builder lays it out: every
//! byte in a section, in one order, so that readers that walk the file and readers that follow the
//! header's table see the same.
//!
//! Nothing here opens a file, and nothing is allocated by a length that the image declares.

#![forbid(unsafe_code)]

mod error;
mod header;
mod section;
mod signature;
mod source;

use std::io::Read;

use sha2::{Digest, Sha384};

pub use error::EifError;
pub use header::{Architecture, HEADER_LEN, MAX_SECTIONS};
pub use section::{
    MAX_COMMAND_LINE_LEN, MAX_SIGNATURE_LEN, MIN_RAMDISKS, SECTION_HEADER_LEN, Section, SectionKind,
};
pub use signature::{Signature, SignatureCheck, SignatureError};

use header::Header;
use source::Source;

/// Length of a register in bytes: that of a SHA-384 digest.
pub const REGISTER_LEN: usize = 48;

/// What an image says, and how it is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Length of the file in bytes.
    pub len: u64,
    /// Version of the format, 3 or 4.
    pub version: u16,
    /// The processor that it is for. Not measured.
    pub architecture: Architecture,
    /// What follows the header, in the order of the file, without gaps.
    pub sections: Vec<Section>,
    /// The kernel's command line, 1 to [`MAX_COMMAND_LINE_LEN`] bytes, of any kind.
    pub command_line: Vec<u8>,
    /// PCR0, PCR1 and PCR2.
    pub registers: [[u8; REGISTER_LEN]; 3],
    /// Who signed it, and so PCR8; `None` if it is not signed, and PCR8 is all zero.
    pub signature: Option<Signature>,
}

/// Reads an image to its end and measures it.
///
/// # Errors
///
/// [`EifError`]: whatever is not as AWS's builder writes it; nothing is measured in part.
pub fn measure(image: impl Read) -> Result<Image, EifError> {
    let mut source = Source::new(image);
    let header = Header::read(&mut source)?;
    let mut sections: Vec<Section> = Vec::new();
    let mut hashes: [Sha384; 3] = Default::default();
    let mut command_line = Vec::new();
    let mut signature = Vec::new();
    for size in header.section_sizes {
        let section = Section::read(&mut source, size, &sections)?;
        source.pass(section.size, |chunk| {
            for register in section.registers {
                hashes[usize::from(*register)].update(chunk);
            }
            // Section::read has bounded both.
            match section.kind {
                SectionKind::CommandLine => command_line.extend_from_slice(chunk),
                SectionKind::Signature => signature.extend_from_slice(chunk),
                _ => {}
            }
        })?;
        sections.push(section);
    }
    section::check_complete(&sections)?;
    let len = source.finish(header.crc32)?;

    let registers = hashes.map(|hash| extended(hash.finalize().into()));
    let signature = match signature.is_empty() {
        true => None,
        false => Some(Signature::check(&signature, &registers[0])?),
    };
    Ok(Image {
        len,
        version: header.version,
        architecture: header.architecture,
        sections,
        command_line,
        registers,
        signature,
    })
}

/// The value of a register that was all zero and is extended once.
fn extended(digest: [u8; REGISTER_LEN]) -> [u8; REGISTER_LEN] {
    Sha384::new_with_prefix([0; REGISTER_LEN])
        .chain_update(digest)
        .finalize()
        .into()
}

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
