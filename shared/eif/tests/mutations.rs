//! No bit of an image can change without its being told: by an error, by the registers or by the rest
//! of what is reported; but for what is measured nowhere, once the checksum is made right again.

mod common;
#[path = "common/signed.rs"]
mod signed;

use std::ops::Range;

use common::{CRC, MEMORY, METADATA, PLAIN, RESERVED, eif, measured, place, sum};
use sealnote_eif::{Image, measure};
use signed::{Signer, signed};

#[test]
fn a_changed_bit_is_an_error() {
    let plain = eif(PLAIN);
    let signed = signed(&Signer::new().section());
    for bytes in [plain, signed] {
        for (at, bit) in bits(0..bytes.len()) {
            assert!(
                measure(&flipped(&bytes, at, bit)[..]).is_err(),
                "bit {bit} of byte {at}"
            );
        }
    }
}

#[test]
fn with_the_checksum_made_right_only_unmeasured_bits_go_unnoticed() {
    let bytes = eif(PLAIN);
    let before = measured(&bytes);
    let metadata = contents_of(METADATA);
    let mut unnoticed = Vec::new();
    for (at, bit) in bits(0..bytes.len()) {
        // What is flipped in the checksum is what is made right again.
        if (CRC..CRC + 4).contains(&at) {
            continue;
        }
        if noticed(&before, &bytes, at, bit).is_none() {
            unnoticed.push(at);
        }
    }
    unnoticed.dedup();
    // Memory and CPUs are what is between the flags and the reserved field.
    let expected: Vec<usize> = (MEMORY..RESERVED).chain(metadata).collect();
    assert_eq!(unnoticed, expected, "memory, CPUs and metadata alone");
}

#[test]
fn every_bit_of_measured_contents_changes_pcr0_and_one_more() {
    let bytes = eif(PLAIN);
    let before = measured(&bytes);
    for section in &before.sections {
        let start = usize::try_from(section.offset).expect("small") + 12;
        let contents = start..start + usize::try_from(section.size).expect("small");
        for (at, bit) in bits(contents) {
            let mut after = flipped(&bytes, at, bit);
            sum(&mut after);
            let after = measured(&after);
            for register in [0, 1, 2] {
                let differs = before.registers[register] != after.registers[register];
                let is_measured = section.registers.contains(&(register as u8));
                assert_eq!(differs, is_measured, "PCR{register}, byte {at}");
            }
        }
    }
}

#[test]
fn a_changed_signature_is_an_error_or_another_signer() {
    let bytes = signed(&Signer::new().section());
    let before = measured(&bytes);
    let signature = before.sections.last().expect("the signature").offset;
    let signature = usize::try_from(signature).expect("small");
    for at in signature..bytes.len() {
        // One bit of each byte: every one of them takes a verification.
        let bit = at % 8;
        let noticed = noticed(&before, &bytes, at, bit);
        if let Some(after) = noticed.unwrap_or_else(|| panic!("byte {at} goes unnoticed")) {
            assert_eq!(before.registers, after.registers);
            assert_ne!(before.signature, after.signature, "byte {at}");
        }
    }
}

/// What is reported of an image with a bit flipped and its checksum made right, if it is an error
/// (`Some(None)`) or another report; `None` if it is the same report.
fn noticed(before: &Image, bytes: &[u8], at: usize, bit: usize) -> Option<Option<Image>> {
    let mut bytes = flipped(bytes, at, bit);
    sum(&mut bytes);
    match measure(&bytes[..]) {
        Ok(after) if after == *before => None,
        Ok(after) => Some(Some(after)),
        Err(_) => Some(None),
    }
}

fn flipped(bytes: &[u8], at: usize, bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << bit;
    bytes
}

fn bits(bytes: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
    bytes.flat_map(|at| (0..8).map(move |bit| (at, bit)))
}

/// Where the contents of the one section of a kind are in the image of [`PLAIN`].
fn contents_of(kind: u16) -> Range<usize> {
    let index = PLAIN.iter().position(|(found, _)| *found == kind);
    let index = index.expect("a section of that kind");
    let start = place(index) + 12;
    start..start + PLAIN[index].1.len()
}
