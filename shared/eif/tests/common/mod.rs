//! Enclave images, written from the description of the format and not from the reader.
#![allow(dead_code)] // Each test binary uses its own part.

use sealnote_eif::{EifError, Image, measure};

pub const KERNEL: u16 = 1;
pub const COMMAND_LINE: u16 = 2;
pub const RAMDISK: u16 = 3;
pub const SIGNATURE: u16 = 4;
pub const METADATA: u16 = 5;

/// Where the header's fields are.
pub const VERSION: usize = 4;
pub const FLAGS: usize = 6;
pub const MEMORY: usize = 8;
pub const CPUS: usize = 16;
pub const RESERVED: usize = 24;
pub const COUNT: usize = 26;
pub const OFFSETS: usize = 28;
pub const SIZES: usize = OFFSETS + 32 * 8;
pub const UNUSED: usize = SIZES + 32 * 8;
pub const CRC: usize = UNUSED + 4;
pub const HEADER: usize = CRC + 4;

pub type Sections<'a> = &'a [(u16, &'a [u8])];

/// The sections that AWS's builder writes.
pub const PLAIN: Sections<'_> = &[
    (KERNEL, b"the kernel"),
    (COMMAND_LINE, b"reboot=t quiet"),
    (METADATA, b"{}"),
    (RAMDISK, b"boots"),
    (RAMDISK, b"the application"),
];

/// An image of version 4 with these sections, one after the other.
pub fn eif(sections: Sections<'_>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..4].copy_from_slice(b".eif");
    put(&mut bytes, VERSION, 4u16.to_be_bytes());
    put(&mut bytes, MEMORY, (1u64 << 30).to_be_bytes());
    put(&mut bytes, CPUS, 2u64.to_be_bytes());
    put(&mut bytes, COUNT, (sections.len() as u16).to_be_bytes());
    for (index, (kind, contents)) in sections.iter().enumerate() {
        let (offset, size) = (bytes.len() as u64, contents.len() as u64);
        // There is no place in the table for more.
        if index < 32 {
            put(&mut bytes, OFFSETS + 8 * index, offset.to_be_bytes());
            put(&mut bytes, SIZES + 8 * index, size.to_be_bytes());
        }
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(size.to_be_bytes());
        bytes.extend_from_slice(contents);
    }
    sum(&mut bytes);
    bytes
}

/// The image of [`PLAIN`], edited, with its checksum made right again.
pub fn edited(edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = eif(PLAIN);
    edit(&mut bytes);
    sum(&mut bytes);
    bytes
}

pub fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

/// Where a section of [`PLAIN`] starts in its image, by index.
pub fn place(index: usize) -> usize {
    let before = PLAIN[..index]
        .iter()
        .map(|(_, contents)| 12 + contents.len());
    HEADER + before.sum::<usize>()
}

/// Writes the checksum: CRC-32/ISO-HDLC, bit by bit, of everything but itself.
pub fn sum(bytes: &mut [u8]) {
    let mut crc = u32::MAX;
    for byte in bytes[..CRC].iter().chain(&bytes[HEADER..]) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ 0xedb8_8320 & (crc & 1).wrapping_neg();
        }
    }
    put(bytes, CRC, (!crc).to_be_bytes());
}

pub fn measured(bytes: &[u8]) -> Image {
    measure(bytes).expect("the image is measured")
}

pub fn refused(bytes: &[u8]) -> EifError {
    measure(bytes).expect_err("the image is refused")
}
