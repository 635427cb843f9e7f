//! The header of the file, and its table of sections.

use std::fmt;
use std::io::Read;

use crate::error::EifError;
use crate::section::SECTION_HEADER_LEN;
use crate::source::Source;

/// Length of the file's header in bytes.
pub const HEADER_LEN: usize = 548;

/// Greatest number of sections: the table has so many places.
pub const MAX_SECTIONS: usize = 32;

const MAGIC: &[u8] = b".eif";
/// Version 3 added the signature, version 4 the metadata.
const VERSIONS: [u16; 2] = [3, 4];
const FLAG_AARCH64: u16 = 1;

/// The processor that an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Arm, AWS Graviton.
    Aarch64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        })
    }
}

/// The header, as far as it can be checked without what follows.
pub(crate) struct Header {
    pub(crate) version: u16,
    pub(crate) architecture: Architecture,
    /// Lengths of the sections' contents in bytes, none 0, at most [`MAX_SECTIONS`]. The sections
    /// follow the header and each other without a gap.
    pub(crate) section_sizes: Vec<u64>,
    /// Of everything in the file but these four bytes: CRC-32/ISO-HDLC, that of zlib.
    pub(crate) crc32: u32,
}

impl Header {
    /// Reads and checks the header.
    pub(crate) fn read(source: &mut Source<impl Read>) -> Result<Self, EifError> {
        let mut bytes = [0; HEADER_LEN];
        let filled = source.fill(&mut bytes)?;
        if !bytes[..filled].starts_with(MAGIC) {
            return Err(EifError::NotEif);
        }
        if filled < HEADER_LEN {
            return Err(source.truncated());
        }
        source.sum(&bytes[..HEADER_LEN - size_of::<u32>()]);
        let mut fields = Fields(&bytes[MAGIC.len()..]);

        let version = fields.u16();
        if !VERSIONS.contains(&version) {
            return Err(EifError::Version { found: version });
        }
        let architecture = match fields.u16() {
            0 => Architecture::X86_64,
            FLAG_AARCH64 => Architecture::Aarch64,
            found => return Err(EifError::HeaderFlags { found }),
        };
        // Memory and CPUs that it asks for, unless whoever runs it says otherwise.
        let _defaults = [fields.u64(), fields.u64()];
        let reserved = fields.u16();
        let count = fields.u16();
        let offsets: [u64; MAX_SECTIONS] = std::array::from_fn(|_| fields.u64());
        let sizes: [u64; MAX_SECTIONS] = std::array::from_fn(|_| fields.u64());
        let unused = fields.u32();
        let crc32 = fields.u32();
        if reserved != 0 || unused != 0 {
            return Err(EifError::Reserved);
        }
        Ok(Self {
            version,
            architecture,
            section_sizes: section_sizes(count, &offsets, &sizes)?,
            crc32,
        })
    }
}

fn section_sizes(
    count: u16,
    offsets: &[u64; MAX_SECTIONS],
    sizes: &[u64; MAX_SECTIONS],
) -> Result<Vec<u64>, EifError> {
    let used = usize::from(count);
    if used > MAX_SECTIONS {
        return Err(EifError::TooManySections { found: count });
    }
    if offsets[used..]
        .iter()
        .chain(&sizes[used..])
        .any(|n| *n != 0)
    {
        return Err(EifError::UnusedEntry { sections: count });
    }
    let mut end = HEADER_LEN as u64;
    for (number, (offset, size)) in (1..).zip(offsets.iter().zip(sizes).take(used)) {
        let (offset, size) = (*offset, *size);
        if offset < end {
            return Err(EifError::Overlap {
                number,
                offset,
                end,
            });
        }
        if offset > end {
            return Err(EifError::Gap {
                number,
                offset,
                end,
            });
        }
        if size == 0 {
            return Err(EifError::Empty { number });
        }
        end = offset
            .checked_add(SECTION_HEADER_LEN as u64)
            .and_then(|contents| contents.checked_add(size))
            .ok_or(EifError::Bounds { number, size })?;
    }
    Ok(sizes[..used].to_vec())
}

/// Big-endian integers, one after the other. What is asked for is in the array's length.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        let (head, tail) = self.0.split_at(N);
        field.copy_from_slice(head);
        self.0 = tail;
        field
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.next())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.next())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.next())
    }
}
