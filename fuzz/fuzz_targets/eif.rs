//! An enclave image: measured alike in whatever pieces it is read, its sections are all of the file, and its registers are
//! those that a second computation gives.
//!
//! It is read as it is, and with its checksum made right, which would be hard for a fuzzer to find.

#![no_main]

use std::io::{Error, ErrorKind, Read, Result};

use libfuzzer_sys::fuzz_target;
use sealnote_eif::{HEADER_LEN, Image, SECTION_HEADER_LEN, SectionKind, measure};
use sealnote_fuzz::{image, within};
use sha2::{Digest, Sha384};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&image::summed(bytes.to_vec()));
});

fn check(bytes: &[u8]) {
    // A chunk of 128 KiB, whatever the image's length.
    let limit = 160 * 1024 + 16 * bytes.len();
    let whole = within(limit, || measure(bytes));
    let pieces = within(limit, || measure(Pieces(bytes, 0)));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            check_image(bytes, &whole);
        }
        (Err(whole), Err(pieces)) => assert_eq!(format!("{whole:?}"), format!("{pieces:?}")),
        (whole, pieces) => panic!("whole: {whole:?}, in pieces: {pieces:?}"),
    }
}

fn check_image(bytes: &[u8], image: &Image) {
    let mut measured: [Sha384; 3] = Default::default();
    let (mut at, mut ramdisks) = (HEADER_LEN, 0);
    for section in &image.sections {
        assert_eq!(section.offset, at as u64);
        let start = at + SECTION_HEADER_LEN;
        at = start + usize::try_from(section.size).expect("a length within the file");
        let registers: &[usize] = match section.kind {
            SectionKind::Kernel | SectionKind::CommandLine => &[0, 1],
            SectionKind::Ramdisk if ramdisks == 0 => &[0, 1],
            SectionKind::Ramdisk => &[0, 2],
            SectionKind::Signature | SectionKind::Metadata => &[],
        };
        for register in registers {
            measured[*register].update(&bytes[start..at]);
        }
        ramdisks += usize::from(section.kind == SectionKind::Ramdisk);
    }
    assert_eq!((at, image.len), (bytes.len(), bytes.len() as u64));
    let registers = measured.map(|hash| -> [u8; 48] {
        let extended = [&[0; 48][..], &hash.finalize()].concat();
        Sha384::digest(extended).into()
    });
    assert_eq!(image.registers, registers);
}

/// Gives 1 to 16 bytes at a time, and is interrupted in between.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(7) {
            return Err(Error::from(ErrorKind::Interrupted));
        }
        let len = (self.1 % 16 + 1).min(buffer.len()).min(self.0.len());
        let (piece, rest) = self.0.split_at(len);
        buffer[..len].copy_from_slice(piece);
        self.0 = rest;
        Ok(len)
    }
}
