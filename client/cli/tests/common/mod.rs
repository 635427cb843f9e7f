//! Images for the commands to read.

const COMMAND_LINE: &[u8] = b"reboot=t\x1b[2J";

/// An image of version 4 with this second ramdisk: kernel, command line, metadata and two ramdisks.
pub fn image(application: &[u8]) -> Vec<u8> {
    let sections: [(u16, &[u8]); 5] = [
        (1, b"kernel"),
        (2, COMMAND_LINE),
        (5, b"{}"),
        (3, b"boots"),
        (3, application),
    ];
    let mut places = [0u8; 2 * 32 * 8];
    let mut contents = Vec::new();
    for (index, (kind, bytes)) in sections.into_iter().enumerate() {
        let (offset, size) = (548 + contents.len() as u64, bytes.len() as u64);
        places[8 * index..][..8].copy_from_slice(&offset.to_be_bytes());
        places[32 * 8 + 8 * index..][..8].copy_from_slice(&size.to_be_bytes());
        contents.extend([&kind.to_be_bytes()[..], &[0, 0], &size.to_be_bytes(), bytes].concat());
    }
    let header = [
        &b".eif\0\x04\0\0"[..],
        &[0; 16],
        &[0, 0, 0, 5],
        &places,
        &[0; 4],
    ]
    .concat();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header);
    crc.update(&contents);
    [&header[..], &crc.finalize().to_be_bytes(), &contents].concat()
}
