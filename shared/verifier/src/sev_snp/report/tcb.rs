//! Versions of the trusted computing base (56860, section 2.2, TCB_VERSION).

use std::fmt;

use super::Cpuid;

/// The security versions of the parts of the TCB. There is no order of the whole: each part is compared by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcb {
    /// Of the FMC; from Turin on.
    pub fmc: Option<u8>,
    /// Of the boot loader.
    pub bootloader: u8,
    /// Of the security processor's operating system.
    pub tee: u8,
    /// Of the SNP firmware.
    pub snp: u8,
    /// The lowest patch level of all cores.
    pub microcode: u8,
}

/// A part of the TCB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The FMC.
    Fmc,
    /// The boot loader.
    Bootloader,
    /// The security processor's operating system.
    Tee,
    /// The SNP firmware.
    Snp,
    /// The microcode.
    Microcode,
}

/// Where the parts are: Turin has another layout than what came before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Milan,
    Turin,
}

impl Layout {
    /// Reports of version 2 name no processor, and there are none of Turin.
    pub(super) fn of_cpu(cpu: Option<Cpuid>) -> Self {
        match cpu {
            Some(cpu) if cpu.family >= 0x1a => Self::Turin,
            _ => Self::Milan,
        }
    }
}

impl Tcb {
    /// `None` if a reserved byte is not zero.
    pub(super) fn read(bytes: [u8; 8], layout: Layout) -> Option<Self> {
        match (layout, bytes) {
            (Layout::Milan, [bootloader, tee, 0, 0, 0, 0, snp, microcode]) => Some(Self {
                fmc: None,
                bootloader,
                tee,
                snp,
                microcode,
            }),
            (Layout::Turin, [fmc, bootloader, tee, snp, 0, 0, 0, microcode]) => Some(Self {
                fmc: Some(fmc),
                bootloader,
                tee,
                snp,
                microcode,
            }),
            _ => None,
        }
    }

    /// The first part that is older than it is in `floor`. A part that only `floor` has counts as 0.
    pub(crate) fn first_below(&self, floor: &Self) -> Option<Component> {
        let parts = self.parts().into_iter().zip(floor.parts());
        parts
            .into_iter()
            .find(|((_, ours), (_, least))| ours < least)
            .map(|((part, _), _)| part)
    }

    fn parts(&self) -> [(Component, u8); 5] {
        [
            (Component::Fmc, self.fmc.unwrap_or(0)),
            (Component::Bootloader, self.bootloader),
            (Component::Tee, self.tee),
            (Component::Snp, self.snp),
            (Component::Microcode, self.microcode),
        ]
    }
}

/// `fmc 1, bootloader 1, tee 1, snp 4, microcode 81`.
impl fmt::Display for Tcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fmc) = self.fmc {
            write!(f, "fmc {fmc}, ")?;
        }
        write!(
            f,
            "bootloader {}, tee {}, snp {}, microcode {}",
            self.bootloader, self.tee, self.snp, self.microcode
        )
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fmc => "FMC",
            Self::Bootloader => "boot loader",
            Self::Tee => "TEE",
            Self::Snp => "SNP firmware",
            Self::Microcode => "microcode",
        })
    }
}
