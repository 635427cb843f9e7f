//! How Hyper-V isolates this machine. Azure's confidential machines run on it, most of them above a paravisor, which keeps
//! the processor's own interface to itself and gives a vTPM instead (the kernel's Documentation/virt/hyperv/coco.rst).

use super::look::Look;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Isolation {
    pub(super) by: By,
    pub(super) paravisor: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum By {
    /// Software: virtualization-based security.
    Vbs,
    SevSnp,
    Tdx,
    Other,
}

/// Of a virtual machine. Leaves and bits: Microsoft's Hypervisor Top-Level Functional Specification, feature discovery.
pub(super) fn isolation(look: &mut Look) -> Option<Isolation> {
    let [_, b, c, d] = look.cpuid(0x4000_0000)?;
    if [b, c, d].map(u32::to_le_bytes).concat() != b"Microsoft Hv" {
        return None;
    }
    let [_, privileges, ..] = look.cpuid(0x4000_0003)?;
    let (isolation, is_root) = (1 << 22, 1 << 12);
    if privileges & isolation == 0 || privileges & is_root != 0 {
        return None;
    }
    let [a, b, ..] = look.cpuid(0x4000_000c)?;
    let by = match b & 0xf {
        0 => return None,
        1 => By::Vbs,
        2 => By::SevSnp,
        3 => By::Tdx,
        _ => By::Other,
    };
    Some(Isolation {
        by,
        paravisor: a & 1 == 1,
    })
}

pub(super) const PARAVISOR: &str = "evidence comes by the paravisor's vTPM: see azure-vtpm";
