//! What evidence must be bound to.

/// What makes evidence of any kind that of one session; each kind carries it in its own way.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The challenge that the relying party drew.
    pub challenge: [u8; 32],
    /// The digest of the claims that came with the evidence.
    pub claims: [u8; 48],
}
