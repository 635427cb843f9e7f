//! The arithmetic that a model is computed in.

use std::fmt;

use minicbor::{Decode, Encode};

/// The arithmetic of the model's encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Precision {
    /// 32-bit floating-point throughout.
    #[n(0)]
    F32,
    /// Linear layers in 8-bit integers, everything else in 32-bit floating-point.
    #[n(1)]
    Int8,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::F32, Self::Int8];

    /// As policies and arguments have it: `f32`, `int8`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        }
    }

    /// The precision of this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|precision| precision.name() == name)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
