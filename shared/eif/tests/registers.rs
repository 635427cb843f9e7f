//! What images are measured as.

mod common;

use std::io::{self, Read};

use common::*;
use sealnote_eif::{Architecture, SectionKind, measure};
use sha2::{Digest, Sha384};

/// Python: `extended = lambda x: sha384(bytes(48) + sha384(x).digest()).hexdigest()` of the contents.
#[test]
fn the_registers_are_those_that_another_implementation_computes() {
    let kernel = b"kernel ".repeat(100);
    let boot: Vec<u8> = (0..=255).collect();
    let image = measured(&eif(&[
        (KERNEL, &kernel),
        (COMMAND_LINE, b"reboot=t quiet"),
        (METADATA, br#"{"ImageName": "x"}"#),
        (RAMDISK, &boot),
        (RAMDISK, b"application"),
        (RAMDISK, b"\0"),
    ]));
    let registers = image.registers.map(hex::encode);
    assert_eq!(
        registers,
        [
            "b9fd7a5e8ff9961144eb33b6a100ba3f121e2d7c41ee33fc80c759a5d87de7919c38d68102d141e420a499bc233b2083",
            "b50ea71a7b6b82e5a0211f73d1ff56308f0e0f3d9d9ba5a9ff23f26443835e116a3d3824a662ec15e0c102cfaea65c6d",
            "f6f826d8b9c9b7b621913cd6ffa0b7dc35c1e57ed49d16c3ffcd42e9bb3c69fc9b6267247e75b67c3ec2685fd8cb9e8e",
        ]
    );
    assert_eq!(image.command_line, b"reboot=t quiet");
    assert_eq!((image.version, image.signature), (4, None));
}

#[test]
fn sections_are_reported_as_they_stand_in_the_file() {
    let image = measured(&eif(PLAIN));
    let found: Vec<_> = image
        .sections
        .iter()
        .map(|section| {
            (
                section.kind,
                section.offset,
                section.size,
                section.registers,
            )
        })
        .collect();
    let expected: [(_, u64, u64, &[u8]); 5] = [
        (SectionKind::Kernel, 548, 10, &[0, 1]),
        (SectionKind::CommandLine, 570, 14, &[0, 1]),
        (SectionKind::Metadata, 596, 2, &[]),
        (SectionKind::Ramdisk, 610, 5, &[0, 1]),
        (SectionKind::Ramdisk, 627, 15, &[0, 2]),
    ];
    assert_eq!(found, expected);
    assert_eq!(image.len, 654);
    assert_eq!(image.architecture, Architecture::X86_64);
}

#[test]
fn sizes_around_the_readers_pieces_make_no_difference() {
    const PIECE: usize = 128 * 1024;
    for size in [1, 11, 12, 13, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
        let contents: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let bytes = eif(&[
            (KERNEL, &contents),
            (COMMAND_LINE, b"c"),
            (RAMDISK, &contents),
            (RAMDISK, &contents),
        ]);
        let whole = [&contents[..], b"c", &contents, &contents].concat();
        let expected = [
            extended(&whole),
            extended(&whole[..2 * size + 1]),
            extended(&contents),
        ];
        assert_eq!(measured(&bytes).registers, expected, "{size} bytes");
        let slow = measure(Trickle(&bytes)).expect("measured however it is read");
        assert_eq!(slow, measured(&bytes), "{size} bytes");
    }
}

/// A section's boundary moves, the contents stay: which registers tell is AWS's design.
#[test]
fn pcr0_alone_does_not_tell_where_the_application_starts() {
    let one = measured(&eif(PLAIN)).registers;
    let mut sections = PLAIN.to_vec();
    sections[3].1 = b"bootsthe app";
    sections[4].1 = b"lication";
    let other = measured(&eif(&sections)).registers;
    assert_eq!(one[0], other[0]);
    assert_ne!(one[1], other[1]);
    assert_ne!(one[2], other[2]);
}

#[test]
fn metadata_is_not_measured_and_may_be_absent() {
    let mut sections = PLAIN.to_vec();
    sections.remove(2);
    let without = measured(&eif(&sections));
    assert_eq!(without.registers, measured(&eif(PLAIN)).registers);
}

#[test]
fn version_3_and_arm_are_measured_alike() {
    let image = measured(&edited(|bytes| {
        put(bytes, VERSION, 3u16.to_be_bytes());
        put(bytes, FLAGS, 1u16.to_be_bytes());
    }));
    assert_eq!(
        (image.version, image.architecture),
        (3, Architecture::Aarch64)
    );
    assert_eq!(image.registers, measured(&eif(PLAIN)).registers);
}

#[test]
fn as_many_ramdisks_as_the_table_has_places_for() {
    let mut sections = PLAIN.to_vec();
    sections.resize(32, (RAMDISK, b"more"));
    let image = measured(&eif(&sections));
    let application = [&b"the application"[..], &b"more".repeat(27)].concat();
    assert_eq!(image.registers[2], extended(&application));
}

fn extended(contents: &[u8]) -> [u8; 48] {
    let digest = Sha384::digest(contents);
    Sha384::digest([&[0; 48], &digest[..]].concat()).into()
}

/// A reader that gives at most seven bytes at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(7);
        self.0.read(&mut buffer[..len])
    }
}
