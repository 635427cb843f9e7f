//! A vTPM's quote (TPMS_ATTEST) before it is signed.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Registers of the SHA-256 bank, 0 to 23.
pub type Pcrs = BTreeMap<u8, [u8; 32]>;

/// A quote of these registers. The TPM's clock stands still.
pub fn message(qualifying_data: &[u8; 32], pcrs: &Pcrs) -> Vec<u8> {
    let mut message = b"\xffTCG\x80\x18".to_vec();
    message.extend(b"\x00\x22\x00\x0b");
    message.extend([0x4e; 32]);
    message.extend(b"\x00\x20");
    message.extend(qualifying_data);
    // Clock, resets, restarts, and that the clock is safe.
    message.extend([0, 0, 0, 0, 0, 0x35, 0x9b, 0xae, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    // Version of the firmware.
    message.extend([0x20, 0x20, 0x03, 0x12, 0, 0x12, 0, 3]);
    message.extend(b"\x00\x00\x00\x01\x00\x0b\x03");
    message.extend(mask(pcrs));
    message.extend(b"\x00\x20");
    message.extend(Sha256::digest(values(pcrs)));
    message
}

/// Their values, in ascending order of their numbers.
pub fn values(pcrs: &Pcrs) -> Vec<u8> {
    pcrs.values().flatten().copied().collect()
}

fn mask(pcrs: &Pcrs) -> [u8; 3] {
    let bits = pcrs
        .keys()
        .fold(0_u32, |bits, register| bits | 1 << register);
    let [mask @ .., _] = bits.to_le_bytes();
    mask
}
