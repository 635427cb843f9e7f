//! What evidence must be bound to.

use sha2::{Digest, Sha512};

/// What makes evidence of any kind that of one session; each kind carries it in its own way.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The protocol's name, as `sealnote/2`: what is bound for one protocol is no binding for another. Kinds whose
    /// evidence has fields of its own for challenge and claims do not need it.
    pub protocol: &'static str,
    /// The challenge that the relying party drew.
    pub challenge: [u8; 32],
    /// The digest of the claims that came with the evidence.
    pub claims: [u8; 48],
}

impl Binding {
    /// For kinds of evidence that have one field of 64 bytes for all of it: SHA-512 of protocol ‖ `" evidence"` ‖ 0x00 ‖
    /// kind (u16) ‖ challenge ‖ digest of the claims ‖ length of the key (u32) ‖ key; numbers are big-endian, and
    /// without a key the length is 0.
    pub fn report_data(&self, kind: u16, public_key: Option<&[u8]>) -> [u8; 64] {
        let key = public_key.unwrap_or_default();
        // Evidence has less than 64 KiB, or it would not be read.
        let key_len = key.len() as u32;
        Sha512::new()
            .chain_update(self.protocol)
            .chain_update(b" evidence\0")
            .chain_update(kind.to_be_bytes())
            .chain_update(self.challenge)
            .chain_update(self.claims)
            .chain_update(key_len.to_be_bytes())
            .chain_update(key)
            .finalize()
            .into()
    }
}
