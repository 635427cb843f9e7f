//! Why an image was not measured.

use std::fmt;
use std::io;

use crate::header::MAX_SECTIONS;
use crate::section::{MIN_RAMDISKS, SectionKind};
use crate::signature::SignatureError;

/// The image cannot be read, or AWS's builder would not have written it so.
///
/// Sections are numbered from 1, in the order of the header's table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EifError {
    /// The reader failed.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// Another kind of file.
    #[error(
        "this is not an enclave image, since it does not start with \".eif\"; \
         name the file that `nitro-cli build-enclave` or `make eif` wrote"
    )]
    NotEif,
    /// An older or a newer format.
    #[error(
        "the image has format version {found}, and this program reads versions 3 and 4; \
         build the image with the current nitro-cli, or use a newer sealnote"
    )]
    Version {
        /// The version that it states.
        found: u16,
    },
    /// Flags beside that of the architecture.
    #[error(
        "the image's header has flags that this program does not know ({found:#06x}); {BUILD_ANEW}"
    )]
    HeaderFlags {
        /// All flags.
        found: u16,
    },
    /// Fields of the header that have no meaning yet.
    #[error("a reserved field of the image's header is not zero; {BUILD_ANEW}")]
    Reserved,
    /// More sections than the table has places.
    #[error(
        "the image's header says that there are {found} sections, and an image has at most \
         {MAX_SECTIONS}; {BUILD_ANEW}"
    )]
    TooManySections {
        /// The number stated.
        found: u16,
    },
    /// The table has entries past the last section.
    #[error(
        "the image's header says that there are {sections} sections, and its table lists more; \
         {BUILD_ANEW}"
    )]
    UnusedEntry {
        /// The number stated.
        sections: u16,
    },
    /// A section starts inside what is before it.
    #[error(
        "section {number} starts at byte {offset}, and what is before it ends at byte {end} only: \
         they overlap; {BUILD_ANEW}"
    )]
    Overlap {
        /// The section.
        number: usize,
        /// Where it starts, in bytes.
        offset: u64,
        /// Where what is before it ends.
        end: u64,
    },
    /// Bytes between two sections, which no register measures.
    #[error(
        "section {number} starts at byte {offset}, but what is before it ends at byte {end}: \
         no register measures the bytes between; {BUILD_ANEW}"
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
    #[error("section {number} says that it has {size} bytes, more than any file; {BUILD_ANEW}")]
    Bounds {
        /// The section.
        number: usize,
        /// The size stated, in bytes.
        size: u64,
    },
    /// A type that the format does not have, or 0.
    #[error(
        "section {number} has type {found}, which this program does not know: a hypervisor may measure \
         it in its own way; {BUILD_ANEW}"
    )]
    UnknownSection {
        /// The section.
        number: usize,
        /// Its type.
        found: u16,
    },
    /// A section's flags, of which none is defined.
    #[error("section {number} has flags, and the format defines none; {BUILD_ANEW}")]
    SectionFlags {
        /// The section.
        number: usize,
    },
    /// A section's header and the table disagree. aws-nitro-enclaves-image-format 0.8.1 writes such
    /// images when it signs one that is signed already: it leaves the old signature's size in the table.
    #[error(
        "section {number} has {table} bytes by the image's header and {section} bytes by its own: \
         tools would measure it differently. nitro-cli writes this when it signs an image that is \
         signed already: build the image anew, and sign it once"
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
        "section {number} is a {found}, and {} must be there; {BUILD_ANEW}", AnyOf(.expected)
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
    #[error("the image's last section is not the last: {} must follow; {BUILD_ANEW}", AnyOf(.expected))]
    Missing {
        /// What must follow.
        expected: &'static [SectionKind],
    },
    /// Too few ramdisks.
    #[error(
        "the image has {found} ramdisk, and it must have at least {MIN_RAMDISKS}: the first boots (PCR1), \
         the others hold the application (PCR2), and without them PCR2 says nothing; \
         build the image with nitro-cli, which makes two"
    )]
    Ramdisks {
        /// Their number.
        found: usize,
    },
    /// A command line or signature that is longer than any real one.
    #[error("the {kind} has {size} bytes, and this program reads at most {max}; {BUILD_ANEW}")]
    TooLong {
        /// The section.
        kind: SectionKind,
        /// Its size in bytes.
        size: u64,
        /// Greatest size in bytes.
        max: u64,
    },
    /// The file ends too early.
    #[error("the file ends after {len} bytes, before the image does; {FETCH_AGAIN}")]
    Truncated {
        /// Length of the file in bytes.
        len: u64,
    },
    /// The file goes on after the last section.
    #[error(
        "the file goes on after the image's last section, which ends at byte {end}: \
         no register measures what follows; {FETCH_AGAIN}"
    )]
    Trailing {
        /// Where the last section ends, in bytes.
        end: u64,
    },
    /// The bytes are not those that were written.
    #[error(
        "the image is damaged: its header says that its checksum is {stated:08x}, \
         and it is {computed:08x}; {FETCH_AGAIN}"
    )]
    Checksum {
        /// CRC-32 in the header.
        stated: u32,
        /// CRC-32 of the file.
        computed: u32,
    },
    /// A signature that a hypervisor would not take.
    #[error("{0}; build the image anew, and sign it with the right key or not at all")]
    Signature(#[from] SignatureError),
}

const BUILD_ANEW: &str = "AWS's builder does not write such an image: build it anew";
const FETCH_AGAIN: &str = "fetch the file again, or build it again";

/// Kinds of sections in a sentence.
struct AnyOf<'a>(&'a [SectionKind]);

impl fmt::Display for AnyOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no section"),
            [first, others @ ..] => {
                write!(f, "a {first}")?;
                others.iter().try_for_each(|kind| write!(f, " or {kind}"))
            }
        }
    }
}
