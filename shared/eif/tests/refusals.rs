//! Images that are not as AWS's builder writes them, and what is said of each.

mod common;

use std::io::{self, Read};

use common::*;
use sealnote_eif::{EifError, SectionKind, measure};

/// A deviation, its image, and the error that it must give.
type Case = (&'static str, Vec<u8>, EifError);

#[test]
fn every_deviation_has_its_error() {
    let wrong: Vec<String> = header_cases()
        .into_iter()
        .chain(table_cases())
        .chain(section_cases())
        .chain(order_cases())
        .chain(end_cases())
        .filter_map(|(name, bytes, expected)| {
            let found = refused(&bytes);
            let message = found.to_string();
            let is_one_line = message.len() > 40 && !message.contains('\n');
            // The errors hold an io::Error, which cannot be compared.
            (format!("{found:?}") != format!("{expected:?}") || !is_one_line)
                .then(|| format!("{name}: expected {expected:?}, found {found:?}: {message}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn header_cases() -> Vec<Case> {
    let version = |version: u16| edited(|bytes| put(bytes, VERSION, version.to_be_bytes()));
    vec![
        ("nothing", Vec::new(), EifError::NotEif),
        ("half the magic", b".e".to_vec(), EifError::NotEif),
        ("an ELF file", b"\x7fELF".repeat(500), EifError::NotEif),
        (
            "the magic and no more",
            b".eif".to_vec(),
            EifError::Truncated { len: 4 },
        ),
        (
            "half a header",
            eif(PLAIN)[..547].to_vec(),
            EifError::Truncated { len: 547 },
        ),
        ("version 2", version(2), EifError::Version { found: 2 }),
        ("version 5", version(5), EifError::Version { found: 5 }),
        (
            "an unknown flag",
            edited(|bytes| put(bytes, FLAGS, 3u16.to_be_bytes())),
            EifError::HeaderFlags { found: 3 },
        ),
        (
            "a value in the reserved field",
            edited(|bytes| bytes[RESERVED + 1] = 1),
            EifError::Reserved,
        ),
        (
            "a value in the unused field",
            edited(|bytes| bytes[UNUSED] = 1),
            EifError::Reserved,
        ),
    ]
}

fn table_cases() -> Vec<Case> {
    let offset = |index: usize, offset: usize| {
        edited(|bytes| put(bytes, OFFSETS + 8 * index, (offset as u64).to_be_bytes()))
    };
    let size =
        |index: usize, size: u64| edited(|bytes| put(bytes, SIZES + 8 * index, size.to_be_bytes()));
    let mut many = PLAIN.to_vec();
    many.resize(33, (RAMDISK, b"more"));
    vec![
        (
            "33 sections",
            eif(&many),
            EifError::TooManySections { found: 33 },
        ),
        (
            "65535 sections",
            edited(|bytes| put(bytes, COUNT, [0xff, 0xff])),
            EifError::TooManySections { found: 65535 },
        ),
        (
            "a section that is not counted",
            edited(|bytes| put(bytes, COUNT, 4u16.to_be_bytes())),
            EifError::UnusedEntry { sections: 4 },
        ),
        (
            "a size in the last place of the table",
            size(31, 1),
            EifError::UnusedEntry { sections: 5 },
        ),
        (
            "a section inside the header",
            offset(0, 544),
            EifError::Overlap {
                number: 1,
                offset: 544,
                end: 548,
            },
        ),
        (
            "a section inside another",
            offset(1, place(1) - 1),
            EifError::Overlap {
                number: 2,
                offset: 569,
                end: 570,
            },
        ),
        (
            "two sections at one place",
            offset(4, place(3)),
            EifError::Overlap {
                number: 5,
                offset: 610,
                end: 627,
            },
        ),
        (
            "a table in another order than the file",
            edited(|bytes| {
                put(bytes, OFFSETS, (place(1) as u64).to_be_bytes());
                put(bytes, OFFSETS + 8, (place(0) as u64).to_be_bytes());
                put(bytes, SIZES, 14u64.to_be_bytes());
                put(bytes, SIZES + 8, 10u64.to_be_bytes());
            }),
            EifError::Gap {
                number: 1,
                offset: 570,
                end: 548,
            },
        ),
        (
            "a byte between two sections",
            edited(|bytes| {
                bytes.insert(place(4), 0);
                put(bytes, OFFSETS + 32, (place(4) as u64 + 1).to_be_bytes());
            }),
            EifError::Gap {
                number: 5,
                offset: 628,
                end: 627,
            },
        ),
        (
            "an offset beyond all files",
            offset(1, usize::MAX),
            EifError::Gap {
                number: 2,
                offset: u64::MAX,
                end: 570,
            },
        ),
        (
            "a section without contents",
            eif(&[
                (KERNEL, b"k"),
                (COMMAND_LINE, b""),
                (RAMDISK, b"a"),
                (RAMDISK, b"b"),
            ]),
            EifError::Empty { number: 2 },
        ),
        (
            "a size beyond all files",
            size(4, u64::MAX),
            EifError::Bounds {
                number: 5,
                size: u64::MAX,
            },
        ),
    ]
}

fn section_cases() -> Vec<Case> {
    let kind = |kind: u16| edited(|bytes| put(bytes, place(2), kind.to_be_bytes()));
    let own_size =
        |index: usize, size: u64| edited(|bytes| put(bytes, place(index) + 4, size.to_be_bytes()));
    let long_command_line = [b'x'; 4097];
    let long_signature = [0; 65537];
    vec![
        (
            "a section of type 0",
            kind(0),
            EifError::UnknownSection {
                number: 3,
                found: 0,
            },
        ),
        (
            "a section of type 6",
            kind(6),
            EifError::UnknownSection {
                number: 3,
                found: 6,
            },
        ),
        (
            "a section with flags",
            edited(|bytes| bytes[place(4) + 3] = 1),
            EifError::SectionFlags { number: 5 },
        ),
        (
            "a section that says it is shorter than the table does",
            own_size(3, 4),
            EifError::SizeMismatch {
                number: 4,
                table: 5,
                section: 4,
            },
        ),
        (
            "a section that says it is longer than the table does",
            own_size(4, 16),
            EifError::SizeMismatch {
                number: 5,
                table: 15,
                section: 16,
            },
        ),
        (
            "a command line longer than any",
            eif(&[
                (KERNEL, b"k"),
                (COMMAND_LINE, &long_command_line),
                (RAMDISK, b"a"),
                (RAMDISK, b"b"),
            ]),
            EifError::TooLong {
                kind: SectionKind::CommandLine,
                size: 4097,
                max: 4096,
            },
        ),
        (
            "a signature longer than any",
            eif(&[PLAIN, &[(SIGNATURE, &long_signature)]].concat()),
            EifError::TooLong {
                kind: SectionKind::Signature,
                size: 65537,
                max: 65536,
            },
        ),
    ]
}

fn order_cases() -> Vec<Case> {
    use SectionKind::{CommandLine, Kernel, Metadata, Ramdisk, Signature};
    const K: (u16, &[u8]) = (KERNEL, b"kernel");
    const C: (u16, &[u8]) = (COMMAND_LINE, b"quiet");
    const M: (u16, &[u8]) = (METADATA, b"{}");
    const R: (u16, &[u8]) = (RAMDISK, b"ramdisk");
    const S: (u16, &[u8]) = (SIGNATURE, b"signature");
    let order = |sections, number, found, expected| {
        (
            "order",
            eif(sections),
            EifError::Order {
                number,
                found,
                expected,
            },
        )
    };
    let missing = |sections, expected| ("missing", eif(sections), EifError::Missing { expected });
    let ramdisks = |sections| ("one", eif(sections), EifError::Ramdisks { found: 1 });
    vec![
        // No kernel, or two.
        order(&[C, M, R, R], 1, CommandLine, &[Kernel]),
        order(&[K, K, C, M, R, R], 2, Kernel, &[CommandLine]),
        order(&[K, C, M, K, R, R], 4, Kernel, &[Ramdisk]),
        order(&[K, C, M, R, R, K], 6, Kernel, &[Ramdisk, Signature]),
        // No command line, or two, or in another place.
        order(&[K, M, R, R], 2, Metadata, &[CommandLine]),
        order(&[K, C, C, R, R], 3, CommandLine, &[Metadata, Ramdisk]),
        order(&[C, K, M, R, R], 1, CommandLine, &[Kernel]),
        order(&[K, R, C, R], 2, Ramdisk, &[CommandLine]),
        // Metadata twice, or after the ramdisks.
        order(&[K, C, M, M, R, R], 4, Metadata, &[Ramdisk]),
        order(&[K, C, R, R, M], 5, Metadata, &[Ramdisk, Signature]),
        // A signature that is not last.
        order(&[K, C, M, S, R, R], 4, Signature, &[Ramdisk]),
        order(&[K, C, M, R, R, S, R], 7, Ramdisk, &[]),
        order(&[K, C, M, R, R, S, S], 7, Signature, &[]),
        missing(&[], &[Kernel]),
        missing(&[K], &[CommandLine]),
        missing(&[K, C], &[Metadata, Ramdisk]),
        missing(&[K, C, M], &[Ramdisk]),
        ramdisks(&[K, C, M, R]),
        ramdisks(&[K, C, M, R, S]),
    ]
}

fn end_cases() -> Vec<Case> {
    let whole = eif(PLAIN);
    let mut cases: Vec<Case> = (HEADER..whole.len())
        .map(|len| {
            (
                "cut off",
                whole[..len].to_vec(),
                EifError::Truncated { len: len as u64 },
            )
        })
        .collect();
    // Declared, in the table and by the section, but not there: nothing is allocated for it.
    cases.push((
        "four exabytes",
        edited(|bytes| {
            put(bytes, SIZES + 32, (1u64 << 62).to_be_bytes());
            put(bytes, place(4) + 4, (1u64 << 62).to_be_bytes());
        }),
        EifError::Truncated { len: 654 },
    ));
    cases.push((
        "a byte too many",
        edited(|bytes| bytes.push(0)),
        EifError::Trailing { end: 654 },
    ));
    let crc = |bytes: &[u8]| u32::from_be_bytes(bytes[CRC..HEADER].try_into().expect("four"));
    let mut damaged = whole.clone();
    damaged[653] ^= 1;
    sum(&mut damaged);
    let (stated, computed) = (crc(&whole), crc(&damaged));
    put(&mut damaged, CRC, stated.to_be_bytes());
    cases.push(("damaged", damaged, EifError::Checksum { stated, computed }));
    cases
}

#[test]
fn a_reader_that_fails_is_no_bad_image() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    let whole = eif(PLAIN);
    for len in [0, 300, 600] {
        match measure((&whole[..len]).chain(Broken)) {
            Err(EifError::Read(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            }
            other => panic!("after {len} bytes: {other:?}"),
        }
    }
}
