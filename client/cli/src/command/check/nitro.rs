//! AWS Nitro Enclaves: inside one, and on the instance that starts them. Sources: the kernel's
//! Documentation/virt/ne_overview.rst, drivers/misc/nsm.c, drivers/virt/nitro_enclaves.

use super::finding::{Finding, Subject};
use super::look::Look;
use super::machine::{Device, Machine, Text};

/// Amazon's Nitro Enclaves device, which an instance has if it was started with enclaves enabled.
const PCI: (&str, &str) = ("0x1d0f", "0xe4c1");

pub(super) fn findings(machine: &Machine) -> [Finding; 2] {
    [enclave(machine), parent(machine)]
}

fn enclave(machine: &Machine) -> Finding {
    let mut look = Look::at(machine, Subject::Nitro);
    match look.device("/dev/nsm") {
        device @ (Device::Open | Device::Closed) => look.active_by(
            device,
            "this is an enclave, with the security module that makes documents",
        ),
        Device::Missing => look.absent("no Nitro security module (/dev/nsm)"),
        Device::Unreadable(_) => look.unknown("/dev cannot be read", "run as root"),
    }
}

fn parent(machine: &Machine) -> Finding {
    let mut look = Look::at(machine, Subject::NitroParent);
    let device = look.device("/dev/nitro_enclaves");
    if device.is_there() {
        return look.active_by(device, "enclaves are enabled, and can be started");
    }
    let vendor = look.text("/sys/devices/virtual/dmi/id/sys_vendor");
    match (look.pci(PCI.0, PCI.1), vendor) {
        (true, _) => look.capable(
            "enclaves are enabled for this instance, and /dev/nitro_enclaves is not there",
            "`modprobe nitro_enclaves`, and let the device into this container",
        ),
        (false, _) if matches!(device, Device::Unreadable(_)) => {
            look.unknown("/dev cannot be read", "run as root")
        }
        (false, Text::Is(vendor)) if vendor == "Amazon EC2" => look.absent(
            "an EC2 instance without enclaves: start one with --enclave-options Enabled=true, of a type that has them",
        ),
        (false, Text::Unreadable(_)) => look.unknown(
            "whether this is an EC2 instance cannot be read",
            "run as root, or with --metadata",
        ),
        (false, Text::Missing) => look.absent("no Nitro Enclaves device, and no DMI tables that name a cloud"),
        (false, _) => look.absent("this is no EC2 instance, by its DMI tables"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State::{Absent, Active, Capable, Unknown};
    use super::super::recorded::*;

    const VENDOR: &str = "sys/devices/virtual/dmi/id/sys_vendor";

    #[test]
    fn nitro_is_told_inside_and_outside_with_or_without_cpuid() {
        let pci = |machine: Recorded, device: &str| {
            let folder = "sys/bus/pci/devices/0000:00:02.0";
            machine
                .file(&format!("{folder}/vendor"), "0x1d0f\n")
                .file(&format!("{folder}/device"), device)
        };
        let instance =
            || [of(EC2), Recorded::new(None)].map(|machine| machine.file(VENDOR, "Amazon EC2\n"));
        for machine in instance() {
            expect_one(
                &machine.devices(&["nitro_enclaves"]),
                "nitro-parent",
                Active,
                "can be started",
                "",
            );
        }
        for machine in instance() {
            let machine = pci(machine, "0xe4c1\n");
            expect_one(
                &machine,
                "nitro-parent",
                Capable,
                "enabled for this instance",
                "modprobe nitro_enclaves",
            );
        }
        for machine in instance() {
            // Its network card.
            let machine = pci(machine, "0xec20\n");
            expect_one(&machine, "nitro-parent", Absent, "without enclaves", "");
            expect_one(&machine, "nitro", Absent, "/dev/nsm", "");
        }
        expect(&of(EC2).devices(&["nsm"]), &[("nitro", Active)]);
        expect(&Recorded::new(None).devices(&["nsm"]), &[("nitro", Active)]);
        let other = of(EC2).file(VENDOR, "QEMU\n");
        expect_one(&other, "nitro-parent", Absent, "no EC2 instance", "");
        expect_one(&of(EC2), "nitro-parent", Absent, "no DMI tables", "");
        expect_one(
            &of(EC2).folder(VENDOR),
            "nitro-parent",
            Unknown,
            "cannot be read",
            "root",
        );
        let unreadable = of(EC2).circle("dev");
        expect_one(&unreadable, "nitro", Unknown, "cannot be read", "root");
        expect_one(
            &unreadable,
            "nitro-parent",
            Unknown,
            "cannot be read",
            "root",
        );
    }
}
