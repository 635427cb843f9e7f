//! A TPM 2.0 that a hypervisor or a paravisor gives to a virtual machine. Sources: the kernel's
//! Documentation/ABI/stable/sysfs-class-tpm, Documentation/virt/hyperv/coco.rst.

use super::finding::{Finding, Subject};
use super::hyper_v::{By, isolation};
use super::look::Look;
use super::machine::{Device, Machine, Text};

pub(super) fn findings(machine: &Machine) -> [Finding; 2] {
    [azure(machine), any(machine)]
}

/// What Sealnote's kind azure-vtpm needs: its document binds the TPM's key to the processor's report.
fn azure(machine: &Machine) -> Finding {
    let mut look = Look::at(machine, Subject::AzureVtpm);
    if look.is_virtual() != Some(true) {
        return look.absent("this is no virtual machine, as far as CPUID says");
    }
    let by = match isolation(&mut look) {
        Some(found) if found.paravisor => match found.by {
            By::SevSnp => "SEV-SNP",
            By::Tdx => "TDX",
            By::Vbs | By::Other => {
                return look.absent("Hyper-V isolates this machine by neither SEV-SNP nor TDX");
            }
        },
        Some(_) => return look.absent("Hyper-V isolates this machine without a paravisor"),
        None => return look.absent("no Hyper-V that isolates this machine"),
    };
    look.text("/sys/devices/virtual/dmi/id/chassis_asset_tag");
    match tpm(&mut look) {
        Tpm::There(device) => look.active_by(
            device,
            format!("a confidential machine of Hyper-V by {by}, with a paravisor's vTPM"),
        ),
        Tpm::None | Tpm::Old => look.capable(
            format!("a confidential machine of Hyper-V by {by}, without a TPM 2.0"),
            NO_DEVICE,
        ),
        Tpm::NoDevice | Tpm::Unclear => look.capable(
            format!("a confidential machine of Hyper-V by {by}, without /dev/tpmrm0"),
            NO_DEVICE,
        ),
    }
}

fn any(machine: &Machine) -> Finding {
    let mut look = Look::at(machine, Subject::Vtpm);
    let tpm = tpm(&mut look);
    let device = match tpm {
        Tpm::None => return look.absent("no TPM"),
        Tpm::Old => return look.absent("a TPM older than 2.0"),
        Tpm::Unclear => return look.unknown("what TPM there is cannot be read", "run as root"),
        Tpm::There(device) => Some(device),
        Tpm::NoDevice => None,
    };
    match (look.is_virtual(), device) {
        (Some(false), _) => {
            look.absent("a TPM 2.0 of the machine itself, which is no virtual machine")
        }
        (None, _) => look.unknown(
            "a TPM 2.0; whether this is a virtual machine is not known without CPUID",
            "`systemd-detect-virt` may tell",
        ),
        (Some(true), Some(device)) => look.active_by(device, "a virtual machine with a TPM 2.0"),
        (Some(true), None) => look.capable(
            "a virtual machine with a TPM 2.0, without /dev/tpmrm0",
            NO_DEVICE,
        ),
    }
}

const NO_DEVICE: &str =
    "give the virtual machine a TPM 2.0, and let /dev/tpmrm0 into this container";

enum Tpm {
    There(Device),
    /// The kernel has it, and there is no /dev/tpmrm0.
    NoDevice,
    Old,
    Unclear,
    None,
}

/// The kernel makes /dev/tpmrm0, which shares a TPM among programs, of a TPM 2.0 only.
fn tpm(look: &mut Look) -> Tpm {
    match look.device("/dev/tpmrm0") {
        device @ (Device::Open | Device::Closed) => return Tpm::There(device),
        Device::Unreadable(_) => return Tpm::Unclear,
        Device::Missing => {}
    }
    match look.text("/sys/class/tpm/tpm0/tpm_version_major") {
        Text::Is(version) if version == "2" => Tpm::NoDevice,
        Text::Is(version) if version == "1" => Tpm::Old,
        Text::Is(_) | Text::Unreadable(_) => Tpm::Unclear,
        Text::Missing => Tpm::None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State::{Absent, Active, Capable, Unknown};
    use super::super::recorded::*;

    const TPM_VERSION: &str = "sys/class/tpm/tpm0/tpm_version_major";

    #[test]
    fn below_a_paravisor_evidence_is_the_vtpms() {
        let azure = |leaves| {
            let tag = "sys/devices/virtual/dmi/id/chassis_asset_tag";
            of(leaves).file(tag, "7783-7084-3265-9085-8269-3286-77\n")
        };
        let (tpm, paravisor) = (&["tpm0", "tpmrm0"], "azure-vtpm");
        let snp = [("sev-snp", Capable), ("sev-es", Active), ("sev", Active)];
        let vtpm = [("azure-vtpm", Active), ("vtpm", Active)];
        expect(
            &azure(SNP_BELOW_PARAVISOR).devices(tpm),
            &[&snp[..], &vtpm].concat(),
        );
        expect_one(
            &azure(SNP_BELOW_PARAVISOR),
            "sev-snp",
            Capable,
            "below a paravisor",
            paravisor,
        );
        expect(
            &azure(TDX_BELOW_PARAVISOR).devices(tpm),
            &[&[("tdx", Capable)][..], &vtpm].concat(),
        );
        expect_one(
            &azure(TDX_BELOW_PARAVISOR),
            "tdx",
            Capable,
            "below a paravisor",
            paravisor,
        );

        expect_one(
            &azure(TDX_BELOW_PARAVISOR),
            "azure-vtpm",
            Capable,
            "without a TPM",
            "TPM 2.0",
        );
        let no_device = azure(TDX_BELOW_PARAVISOR).file(TPM_VERSION, "2\n");
        expect_one(
            &no_device,
            "azure-vtpm",
            Capable,
            "without /dev/tpmrm0",
            "TPM 2.0",
        );
        expect_one(
            &azure(VBS).devices(tpm),
            "azure-vtpm",
            Absent,
            "neither",
            "",
        );
        expect_one(
            &azure(AZURE_TDX).devices(tpm),
            "azure-vtpm",
            Absent,
            "without a paravisor",
            "",
        );
        expect_one(
            &of(EC2).devices(tpm),
            "azure-vtpm",
            Absent,
            "no Hyper-V",
            "",
        );
    }

    #[test]
    fn a_tpm_is_a_virtual_machines_only_if_this_is_one() {
        let tpm = &["tpmrm0"];
        expect_one(&of(EC2).devices(tpm), "vtpm", Active, "with a TPM 2.0", "");
        expect_one(
            &of(EC2).devices(tpm).closed(),
            "vtpm",
            Active,
            "",
            "run as root",
        );
        expect_one(
            &of(EPYC_HOST).devices(tpm),
            "vtpm",
            Absent,
            "of the machine itself",
            "",
        );
        expect_one(
            &Recorded::new(None).devices(tpm),
            "vtpm",
            Unknown,
            "without CPUID",
            "systemd-detect-virt",
        );
        expect_one(
            &of(EC2).file(TPM_VERSION, "2\n"),
            "vtpm",
            Capable,
            "without /dev/tpmrm0",
            "container",
        );
        expect_one(
            &of(EC2).file(TPM_VERSION, "1\n"),
            "vtpm",
            Absent,
            "older than 2.0",
            "",
        );
        expect_one(
            &of(EC2).file(TPM_VERSION, "\x1b[2J"),
            "vtpm",
            Unknown,
            "cannot be read",
            "root",
        );
        expect_one(
            &of(EC2).circle("dev/tpmrm0"),
            "vtpm",
            Unknown,
            "cannot be read",
            "root",
        );
    }
}
