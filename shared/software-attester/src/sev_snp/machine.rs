//! The machine that a guest says it runs on.

use std::fmt;

/// A generation of processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// EPYC 7003.
    Milan,
    /// EPYC 9004.
    Genoa,
    /// EPYC 9005.
    Turin,
}

/// Whose key signs the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The chip's (VCEK).
    Chip,
    /// That of the cloud with this id (VLEK).
    Cloud(String),
}

/// The security versions of the parts of the TCB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcb {
    /// Of the FMC: of Turin alone, whose TCB has another layout.
    pub fmc: Option<u8>,
    /// Of the boot loader.
    pub bootloader: u8,
    /// Of the security processor's operating system.
    pub tee: u8,
    /// Of the SNP firmware.
    pub snp: u8,
    /// Of the microcode.
    pub microcode: u8,
}

/// A machine. What it states of itself is what was committed, what runs, and what ran at the guest's launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The generation of its processor.
    pub product: Product,
    /// Version of the reports that it makes: 2 names no processor, 5 has mitigation vectors.
    pub report_version: u8,
    /// Whose key signs.
    pub owner: KeyOwner,
    /// The chip's id. On Turin it has 8 bytes, and zeros behind them.
    pub chip_id: [u8; 64],
    /// The TCB.
    pub tcb: Tcb,
    /// Major, minor and build of the firmware.
    pub firmware: [u8; 3],
    /// PLATFORM_INFO (56860, table 24).
    pub platform_info: u64,
    /// Verified mitigations, a bit each.
    pub mitigations: u64,
}

impl Product {
    /// As AMD's certificates have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// What the product extension of a leaf says (57230, table 9).
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Milan => "Milan-B0",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// Family, model and stepping of one of its processors.
    pub(super) const fn cpu(self) -> [u8; 3] {
        match self {
            Self::Milan => [0x19, 0x01, 1],
            Self::Genoa => [0x19, 0x11, 1],
            Self::Turin => [0x1a, 0x02, 1],
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Tcb {
    /// TCB_VERSION (56860, section 2.2).
    pub fn to_bytes(self) -> [u8; 8] {
        let Self {
            fmc,
            bootloader,
            tee,
            snp,
            microcode,
        } = self;
        match fmc {
            Some(fmc) => [fmc, bootloader, tee, snp, 0, 0, 0, microcode],
            None => [bootloader, tee, 0, 0, 0, 0, snp, microcode],
        }
    }
}

impl Machine {
    /// A Genoa with SMT, ECC and the check for memory aliases. Its versions are those of the example in docs/policies.md:
    /// whatever they are, nothing runs at them.
    pub fn genoa(chip_id: [u8; 64]) -> Self {
        Self {
            product: Product::Genoa,
            report_version: 3,
            owner: KeyOwner::Chip,
            chip_id,
            tcb: Tcb {
                fmc: None,
                bootloader: 10,
                tee: 0,
                snp: 23,
                microcode: 84,
            },
            firmware: [1, 55, 40],
            platform_info: 0b10_0101,
            mitigations: 0,
        }
    }

    /// What the certificate of the machine's key has of its chip.
    pub(super) fn hwid(&self) -> &[u8] {
        match self.product {
            Product::Turin => &self.chip_id[..8],
            Product::Milan | Product::Genoa => &self.chip_id,
        }
    }
}
