//! Enclave images, written from the description of the format.

use minicbor::Encoder;
use p384::ecdsa::DerSignature;
use sealnote_software_attester::nitro::{SoftwareRoot, cose};
use x509_cert::der::pem::{LineEnding, encode_string};

use crate::Seeded;
use crate::fixture::made;

const HEADER_LEN: usize = 548;
const TABLE: usize = 28;

/// Kernel, command line, metadata, two ramdisks.
pub const PLAIN: [(u16, &[u8]); 5] = [
    (1, b"the kernel"),
    (2, b"reboot=t quiet"),
    (5, b"{}"),
    (3, b"boots"),
    (3, b"the application"),
];

/// An image of these sections (kind and contents), at most 32, without a checksum.
pub fn image(sections: &[(u16, &[u8])]) -> Vec<u8> {
    let mut table = [[0; 32 * 8]; 2];
    let mut bytes = vec![0; HEADER_LEN];
    for (index, (kind, contents)) in sections.iter().enumerate() {
        let (offset, size) = (bytes.len() as u64, contents.len() as u64);
        let place = 8 * index..8 * index + 8;
        table[0][place.clone()].copy_from_slice(&offset.to_be_bytes());
        table[1][place].copy_from_slice(&size.to_be_bytes());
        bytes.extend([kind.to_be_bytes(), [0, 0]].concat());
        bytes.extend(size.to_be_bytes());
        bytes.extend_from_slice(contents);
    }
    let version = 4u16.to_be_bytes();
    let count = (sections.len() as u16).to_be_bytes();
    bytes[..6].copy_from_slice(&[b".eif", &version[..]].concat());
    bytes[TABLE - 2..TABLE].copy_from_slice(&count);
    bytes[TABLE..TABLE + 512].copy_from_slice(&table.concat());
    bytes
}

/// `image` with its checksum made right: CRC-32 of everything but itself, at the end of the header.
pub fn summed(mut image: Vec<u8>) -> Vec<u8> {
    if let Some((header, contents)) = image.split_at_mut_checked(HEADER_LEN) {
        let (before, checksum) = header.split_at_mut(HEADER_LEN - 4);
        let mut crc = crc32fast::Hasher::new();
        crc.update(before);
        crc.update(contents);
        checksum.copy_from_slice(&crc.finalize().to_be_bytes());
    }
    image
}

/// A signature section over an image's PCR0.
pub fn signature(pcr0: &[u8]) -> Vec<u8> {
    let link = SoftwareRoot::template(made(), &mut Seeded(4)).expect("a signer");
    let certificate = link.certificate.sign::<_, DerSignature>(&link.key);
    let certificate = certificate.expect("a certificate");
    let pem = encode_string("CERTIFICATE", LineEnding::LF, &certificate).expect("PEM");
    let payload = {
        let mut cbor = map(&["register_index", "register_value"]);
        cbor[0].extend([0]);
        cbor[1].extend(integers(pcr0));
        [vec![0xa2], cbor.concat()].concat()
    };
    let signature = cose::sign(&payload, &link.key).expect("a signature");
    let mut cbor = map(&["signing_certificate", "signature"]);
    cbor[0].extend(integers(pem.as_bytes()));
    cbor[1].extend(integers(&signature));
    [vec![0x81, 0xa2], cbor.concat()].concat()
}

/// The keys in CBOR, for each its value to be put after it.
fn map(keys: &[&str]) -> Vec<Vec<u8>> {
    let key = |key: &&str| minicbor::to_vec(key).expect("memory takes all");
    keys.iter().map(key).collect()
}

/// As serde writes a `Vec<u8>`: an array.
fn integers(bytes: &[u8]) -> Vec<u8> {
    let mut cbor = Encoder::new(Vec::new());
    cbor.array(bytes.len() as u64).expect("memory takes all");
    for byte in bytes {
        cbor.u8(*byte).expect("memory takes all");
    }
    cbor.into_writer()
}
