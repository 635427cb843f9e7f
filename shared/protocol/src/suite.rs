//! Suites: how a session's secret is established. PROTOCOL.md, "Suites".

pub mod suite1;

/// A suite that this implementation speaks. A greater one is a stronger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Suite {
    /// RSA-3072 OAEP-SHA256, HKDF-SHA256, AES-256-GCM. No forward secrecy.
    One = 1,
}

impl Suite {
    /// Every suite known here, weakest first.
    pub const ALL: [Self; 1] = [Self::One];

    /// The first of them.
    pub const WEAKEST: Self = Self::ALL[0];

    /// The number on the wire.
    pub fn id(self) -> u16 {
        self as u16
    }

    /// The suite of a number, if it is one known here.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }
}

impl core::fmt::Display for Suite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::One => f.write_str("1 (RSA-3072-OAEP-SHA256, HKDF-SHA256, AES-256-GCM)"),
        }
    }
}
