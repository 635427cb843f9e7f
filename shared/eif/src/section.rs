//! Sections: their headers, their order, and where their contents are measured.

use std::fmt;
use std::io::Read;

use crate::error::EifError;
use crate::source::Source;

/// Length of a section's header in bytes, which its contents follow.
pub const SECTION_HEADER_LEN: usize = 12;

/// Greatest length of a command line, in bytes. Linux takes 2048 on both architectures.
pub const MAX_COMMAND_LINE_LEN: u64 = 4096;

/// Greatest length of the signature section, in bytes. One with a P-384 certificate has about 2000.
pub const MAX_SIGNATURE_LEN: u64 = 64 * 1024;

/// Least number of ramdisks: one that boots (PCR1), and the application (PCR2).
///
/// With one alone there would be nothing for PCR2 to measure, and its value would be that of every
/// such image. `nitro-cli` makes two. More are accepted: AWS's builder writes as many as it is given,
/// and PCR2 is then over the second and all after it, joined, as the kernel gets them.
pub const MIN_RAMDISKS: usize = 2;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// The kernel.
    Kernel,
    /// The kernel's command line.
    CommandLine,
    /// An initial file system, a compressed archive. The kernel unpacks all of them over each other.
    Ramdisk,
    /// The signer's certificate, and the signature over PCR0.
    Signature,
    /// JSON of the build, which version 4 added.
    Metadata,
}

impl SectionKind {
    fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Kernel,
            2 => Self::CommandLine,
            3 => Self::Ramdisk,
            4 => Self::Signature,
            5 => Self::Metadata,
            _ => return None,
        })
    }

    fn max_size(self) -> u64 {
        match self {
            Self::CommandLine => MAX_COMMAND_LINE_LEN,
            Self::Signature => MAX_SIGNATURE_LEN,
            _ => u64::MAX,
        }
    }
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::CommandLine => "command line",
            Self::Ramdisk => "ramdisk",
            Self::Signature => "signature",
            Self::Metadata => "metadata",
        })
    }
}

/// A section of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// Where its header starts in the file, in bytes; [`SECTION_HEADER_LEN`] later its contents do.
    pub offset: u64,
    /// Length of its contents in bytes, not 0.
    pub size: u64,
    /// The registers (0, 1, 2) that its contents are measured into; empty if none.
    pub registers: &'static [u8],
}

impl Section {
    /// Reads the header of the section after `before`, and checks that it may stand there and has the
    /// size that the file's header gives it.
    pub(crate) fn read(
        source: &mut Source<impl Read>,
        expected_size: u64,
        before: &[Self],
    ) -> Result<Self, EifError> {
        let number = before.len() + 1;
        let offset = source.position();
        let [k0, k1, f0, f1, size @ ..]: [u8; SECTION_HEADER_LEN] = source.take()?;
        let found = u16::from_be_bytes([k0, k1]);
        let kind =
            SectionKind::from_number(found).ok_or(EifError::UnknownSection { number, found })?;
        if [f0, f1] != [0, 0] {
            return Err(EifError::SectionFlags { number });
        }
        let size = u64::from_be_bytes(size);
        if size != expected_size {
            return Err(EifError::SizeMismatch {
                number,
                table: expected_size,
                section: size,
            });
        }
        let expected = expected_after(before);
        if !expected.contains(&kind) {
            return Err(EifError::Order {
                number,
                found: kind,
                expected,
            });
        }
        let max = kind.max_size();
        if size > max {
            return Err(EifError::TooLong { kind, size, max });
        }
        Ok(Self {
            kind,
            offset,
            size,
            registers: match kind {
                SectionKind::Kernel | SectionKind::CommandLine => &[0, 1],
                SectionKind::Ramdisk if ramdisks(before) == 0 => &[0, 1],
                SectionKind::Ramdisk => &[0, 2],
                SectionKind::Signature | SectionKind::Metadata => &[],
            },
        })
    }
}

/// That the image could end here.
pub(crate) fn check_complete(sections: &[Section]) -> Result<(), EifError> {
    let ramdisks = ramdisks(sections);
    if ramdisks == 0 {
        return Err(EifError::Missing {
            expected: expected_after(sections),
        });
    }
    match ramdisks < MIN_RAMDISKS {
        true => Err(EifError::Ramdisks { found: ramdisks }),
        false => Ok(()),
    }
}

/// What AWS's builder writes after these.
fn expected_after(before: &[Section]) -> &'static [SectionKind] {
    use SectionKind::{CommandLine, Kernel, Metadata, Ramdisk, Signature};
    match before.last().map(|section| section.kind) {
        None => &[Kernel],
        Some(Kernel) => &[CommandLine],
        Some(CommandLine) => &[Metadata, Ramdisk],
        Some(Metadata) => &[Ramdisk],
        Some(Ramdisk) => &[Ramdisk, Signature],
        Some(Signature) => &[],
    }
}

fn ramdisks(sections: &[Section]) -> usize {
    let ramdisks = sections.iter().filter(|s| s.kind == SectionKind::Ramdisk);
    ramdisks.count()
}
