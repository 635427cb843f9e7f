//! The generations of processors that have SEV-SNP.

use std::fmt;

use super::report::Cpuid;

/// A generation of processors: each has an ARK of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Product {
    /// EPYC 7003, family 19h.
    Milan,
    /// EPYC 9004 and 8004 (Genoa, Bergamo, Siena), family 19h.
    Genoa,
    /// EPYC 9005, family 1Ah.
    Turin,
}

impl Product {
    /// Every generation known here.
    pub const ALL: [Self; 3] = [Self::Milan, Self::Genoa, Self::Turin];

    /// As AMD's certificates have it; a policy has it in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// The generation that a CPU's family and model belong to.
    pub(super) fn of_cpu(cpu: Cpuid) -> Option<Self> {
        match (cpu.family, cpu.model) {
            (0x19, 0x00..=0x0f) => Some(Self::Milan),
            (0x19, 0x10..=0x1f | 0xa0..=0xaf) => Some(Self::Genoa),
            (0x1a, 0x00..=0x11) => Some(Self::Turin),
            _ => None,
        }
    }

    /// The generation that a leaf's product extension names, as `Milan-B0` or `Genoa` (57230, table 9).
    pub(super) fn of_extension(text: &str) -> Option<Self> {
        let (name, stepping) = match text.split_once('-') {
            Some((name, stepping)) => (name, Some(stepping)),
            None => (text, None),
        };
        let is_stepping =
            |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !stepping.is_none_or(is_stepping) {
            return None;
        }
        match name {
            "Siena" => Some(Self::Genoa),
            name => Self::ALL.into_iter().find(|product| product.name() == name),
        }
    }

    /// Whether the TCB has a version of the FMC, and the chip an id of 8 bytes.
    pub(super) fn is_turin(self) -> bool {
        self == Self::Turin
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
