//! Why an image was not measured.

use std::fmt;
use std::io;

use crate::header::MAX_SECTIONS;
use crate::section::{MIN_RAMDISKS, SectionKind};
use crate::signature::SignatureError;

/// An image that cannot be read, or is not as AWS's builder writes it.
///
/// Sections are numbered from 1, in the order of the header's table.
#[derive(Debug, thiserror::Error)]
pub enum EifError {
    /// The reader failed.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// Another kind of file.
    #[error(
        "no enclave image: it does not start with \".eif\"; \
         name the file that `nitro-cli build-enclave` or `make eif` wrote"
    )]
    NotEif,
    /// An older or a newer format.
    #[error(
        "an enclave image of format version {found}, of which only 3 and 4 are read here; \
         build it with the current nitro-cli, or use a newer sealnote"
    )]
    Version {
        /// The version that it states.
        found: u16,
    },
    /// Flags beside that of the architecture.
    #[error("the image's header has unknown flags ({found:#06x}); {BUILD_ANEW}")]
    HeaderFlags {
        /// All flags.
        found: u16,
    },
    /// Fields of the header that have no meaning yet.
    #[error("the image's header has a value in a field that is reserved; {BUILD_ANEW}")]
    Reserved,
    /// More sections than the table has places.
    #[error(
        "the image states {found} sections, the format has at most {MAX_SECTIONS}; {BUILD_ANEW}"
    )]
    TooManySections {
        /// The number stated.
        found: u16,
    },
    /// The table has entries past the last section.
    #[error(
        "the image's header lists more than the {sections} sections that it states; {BUILD_ANEW}"
    )]
    UnusedEntry {
        /// The number stated.
        sections: u16,
    },
    /// A section starts inside what is before it.
    #[error(
        "section {number} starts at byte {offset}, inside what reaches to byte {end}; {BUILD_ANEW}"
    )]
    Overlap {
        /// The section.
        number: usize,
        /// Where it starts, in bytes.
        offset: u64,
        /// Where what is before it ends.
        end: u64,
    },
    /// Bytes between two sections, which would be measured by nobody.
    #[error(
        "section {number} starts at byte {offset}, but what is before it ends at byte {end}: \
         the bytes between are measured nowhere; {BUILD_ANEW}"
    )]
    Gap {
        /// The section.
        number: usize,
        /// Where it starts, in bytes.
        offset: u64,
        /// Where what is before it ends.
        end: u64,
    },
    /// A section without contents.
    #[error("section {number} is empty; {BUILD_ANEW}")]
    Empty {
        /// The section.
        number: usize,
    },
    /// A section ends beyond all files.
    #[error("section {number} states {size} bytes, more than a file can have; {BUILD_ANEW}")]
    Bounds {
        /// The section.
        number: usize,
        /// The size stated, in bytes.
        size: u64,
    },
    /// A type that the format does not have, or 0.
    #[error(
        "section {number} has the type {found}, which is unknown and may be measured otherwise; {BUILD_ANEW}"
    )]
    UnknownSection {
        /// The section.
        number: usize,
        /// Its type.
        found: u16,
    },
    /// A section's flags, of which none is defined.
    #[error("section {number} has flags, and the format has none; {BUILD_ANEW}")]
    SectionFlags {
        /// The section.
        number: usize,
    },
    /// A section's header and the table disagree. aws-nitro-enclaves-image-format 0.8.1 writes such
    /// images when it signs one that is signed already: it leaves the old signature's size in the table.
    #[error(
        "section {number} has {table} bytes by the image's header and {section} by its own: \
         tools would measure it differently; build the image anew \
         (signing a signed image does this)"
    )]
    SizeMismatch {
        /// The section.
        number: usize,
        /// Its size in the header's table, in bytes.
        table: u64,
        /// Its size in its own header, in bytes.
        section: u64,
    },
    /// A section where another belongs, or one too many.
    #[error(
        "section {number} is a {found}, where {} belongs; {BUILD_ANEW}", AnyOf(.expected)
    )]
    Order {
        /// The section.
        number: usize,
        /// What it is.
        found: SectionKind,
        /// What it may be; empty after the signature, which is last.
        expected: &'static [SectionKind],
    },
    /// The last section is not the last that must be there.
    #[error("the image has no more sections where {} must follow; {BUILD_ANEW}", AnyOf(.expected))]
    Missing {
        /// What must follow.
        expected: &'static [SectionKind],
    },
    /// Too few ramdisks.
    #[error(
        "the image has {found} ramdisk and must have {MIN_RAMDISKS} or more, \
         one that boots (PCR1) and the application (PCR2): with one, PCR2 says nothing; \
         build it with nitro-cli, which makes two"
    )]
    Ramdisks {
        /// Their number.
        found: usize,
    },
    /// A command line or signature of a length that neither has.
    #[error("the {kind} has {size} bytes, at most {max} are read; {BUILD_ANEW}")]
    TooLong {
        /// The section.
        kind: SectionKind,
        /// Its size in bytes.
        size: u64,
        /// Greatest size in bytes.
        max: u64,
    },
    /// The file ends too early.
    #[error("the image is cut off after {len} bytes; {FETCH_AGAIN}")]
    Truncated {
        /// Length of the file in bytes.
        len: u64,
    },
    /// The file goes on after the last section.
    #[error(
        "the image goes on after its last section, from byte {end}: \
         what follows is measured nowhere; {FETCH_AGAIN}"
    )]
    Trailing {
        /// Where the last section ends, in bytes.
        end: u64,
    },
    /// The bytes are not those that were written.
    #[error(
        "the image is damaged: its checksum is {computed:08x}, \
         and its header states {stated:08x}; {FETCH_AGAIN}"
    )]
    Checksum {
        /// CRC-32 in the header.
        stated: u32,
        /// CRC-32 of the file.
        computed: u32,
    },
    /// A signature that is none.
    #[error("{0}; build the image anew, signed with the right key or not at all")]
    Signature(#[from] SignatureError),
}

const BUILD_ANEW: &str = "AWS's builder writes no such image: build the image anew";
const FETCH_AGAIN: &str = "fetch or build it again";

/// Kinds of sections in a sentence.
struct AnyOf<'a>(&'a [SectionKind]);

impl fmt::Display for AnyOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("nothing"),
            [first, others @ ..] => {
                write!(f, "a {first}")?;
                others.iter().try_for_each(|kind| write!(f, " or {kind}"))
            }
        }
    }
}
