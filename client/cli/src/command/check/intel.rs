//! TDX. Sources: Intel SDM volume 2A (CPUID 7) and volume 4 (the registers); Intel TDX module base architecture
//! specification (CPUID 21, "IntelTDX    "); the kernel's Documentation/arch/x86/tdx.rst,
//! Documentation/ABI/testing/configfs-tsm-report,
//! Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest.

use super::finding::{Finding, Subject};
use super::hyper_v::{By, PARAVISOR, isolation};
use super::look::{Look, Maker, Parameter, READ_MSRS};
use super::machine::{Machine, Text};

const TDX: u32 = 0x21;
/// In ECX of CPUID 7: total memory encryption, which TDX builds on.
const TME: u32 = 1 << 13;
const MTRRCAP: u32 = 0xfe;
/// The processor can set memory apart for the TDX module.
const SEAMRR: u64 = 1 << 15;
/// Upper half: how many keys the firmware gave to TDX.
const KEYID_PARTITIONING: u32 = 0x87;

pub(super) fn findings(machine: &Machine) -> [Finding; 2] {
    [guest(machine), host(machine)]
}

fn guest(machine: &Machine) -> Finding {
    let mut look = Look::at(machine, Subject::Tdx);
    if let Some(other) = look.is_not(Maker::Intel, "TDX") {
        return look.absent(other);
    }
    if look.is_virtual() != Some(true) {
        return look.absent("this is no virtual machine");
    }
    let isolation = isolation(&mut look);
    if isolation.is_some_and(|found| found.by == By::Tdx && found.paravisor) {
        return look.capable(
            "Hyper-V says that this is a TDX guest, below a paravisor, which keeps the quotes to itself",
            PARAVISOR,
        );
    }
    let is_tdx =
        |[_, b, c, d]: [u32; 4]| [b, d, c].map(u32::to_le_bytes).concat() == b"IntelTDX    ";
    if !look.cpuid(TDX).is_some_and(is_tdx) {
        return look.absent("the hypervisor shows no TDX to this machine");
    }
    let device = look.device("/dev/tdx_guest");
    if !device.is_there() {
        return look.capable(
            "this is a TDX guest, without /dev/tdx_guest",
            "`modprobe tdx_guest`; the kernel needs CONFIG_TDX_GUEST_DRIVER",
        );
    }
    // The device gives reports for this processor only; quotes come by configfs-tsm.
    if !look.folder("/sys/kernel/config/tsm/report") {
        return look.capable(
            "this is a TDX guest, without configfs-tsm, which makes quotes",
            "`mount -t configfs none /sys/kernel/config`; Linux needs to be 6.7 or later",
        );
    }
    let register = look.text("/sys/class/misc/tdx_guest/measurements/rtmr3:sha384");
    let says = match register {
        Text::Missing => {
            "this is a TDX guest, with what makes quotes; its kernel cannot extend RTMR3, as Linux 6.16 can"
        }
        _ => "this is a TDX guest, with what makes quotes",
    };
    look.active_by(device, says)
}

fn host(machine: &Machine) -> Finding {
    let mut look = Look::at(machine, Subject::TdxHost);
    if let Some(other) = look.is_not(Maker::Intel, "TDX") {
        return look.absent(other);
    }
    let parameter = look.parameter("/sys/module/kvm_intel/parameters/tdx");
    if parameter == Parameter::On {
        let kvm = look.device("/dev/kvm");
        return match kvm.is_there() {
            true => look.active_by(kvm, "KVM can start TDX guests"),
            false => look.capable(
                "KVM has TDX on, without /dev/kvm",
                "let /dev/kvm into this container, or look for kvm in `dmesg`",
            ),
        };
    }
    if look.is_virtual() == Some(true) {
        return look.absent("this is a virtual machine; what its host can do is not shown to it");
    }
    let features = look.cpuid(7);
    if features.is_none_or(|[_, _, c, _]| c & TME == 0) {
        return look.absent("this processor has no TME, which TDX builds on");
    }
    if !look.cpuinfo("tdx_host_platform") {
        if let Some(caps) = look.msr(MTRRCAP, "IA32_MTRRCAP")
            && caps & SEAMRR == 0
        {
            return look.absent("this processor cannot set memory apart for a TDX module (SEAMRR)");
        }
        match look.msr(KEYID_PARTITIONING, "IA32_MKTME_KEYID_PARTITIONING") {
            Some(keys) if keys >> 32 > 0 => {}
            Some(_) => {
                return look.capable(
                    "this processor may have TDX; the firmware gives it no keys",
                    "turn on TME-MT, TDX and the SEAM loader in the firmware's set-up, and give keys to TDX",
                );
            }
            None => {
                return look.unknown(
                    "this processor has TME; whether TDX is on is in registers that cannot be read",
                    READ_MSRS,
                );
            }
        }
    }
    let says = "the firmware has TDX on";
    match parameter {
        Parameter::Unclear => look.unknown(
            format!("{says}; what KVM makes of it cannot be read"),
            "run as root, on the host itself",
        ),
        Parameter::Missing => look.capable(
            format!("{says}; KVM says nothing of it"),
            "`modprobe kvm_intel`; Linux needs to be 6.16 or later, with CONFIG_INTEL_TDX_HOST",
        ),
        Parameter::Off | Parameter::On => look.capable(
            format!("{says}; KVM has it off"),
            "load kvm_intel with tdx=1, and look for tdx in `dmesg`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State::{Absent, Active, Capable, Unknown};
    use super::super::recorded::*;

    const TDX: &str = "sys/module/kvm_intel/parameters/tdx";
    const MEASUREMENT: &str = "sys/class/misc/tdx_guest/measurements/rtmr3:sha384";

    #[test]
    fn a_tdx_guest_shows_its_leaf_and_its_device() {
        let tsm = |machine: Recorded| machine.folder("sys/kernel/config/tsm/report");
        let guest = tsm(of(AZURE_TDX))
            .devices(&["tdx_guest"])
            .file(MEASUREMENT, [0; 48]);
        expect(&guest, &[("tdx", Active)]);
        assert!(!guest.finding("tdx").says().contains("RTMR3"));
        let older = tsm(of(AZURE_TDX)).devices(&["tdx_guest"]);
        let bare = of(AZURE_TDX).devices(&["tdx_guest"]);
        expect_one(&bare, "tdx", Capable, "without configfs-tsm", "mount");
        expect_one(&older, "tdx", Active, "cannot extend RTMR3", "");
        expect_one(
            &of(AZURE_TDX),
            "tdx",
            Capable,
            "without /dev/tdx_guest",
            "modprobe tdx_guest",
        );
        expect_one(&older.closed(), "tdx", Active, "", "run as root");
    }

    #[test]
    fn a_leaf_that_is_not_there_is_not_believed() {
        // Beyond its last leaf, this processor answers with another's values: those of TDX.
        const OLDER: &[(u32, [u32; 4])] = &[
            (0, [0x20, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
            (1, [0x0008_06f8, 0, 0xfffa_ba17, 0]),
            (0x4000_0000, [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d]),
            (0x21, [0, 0x6574_6e49, 0x2020_2020, 0x5844_546c]),
        ];
        expect(&of(OLDER).devices(&["tdx_guest"]), &[]);
        const OTHER: &[(u32, [u32; 4])] = &[
            OLDER[1],
            OLDER[2],
            (0, [0x21, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
            (0x21, [0, 0x6574_6e49, 0x2020_2021, 0x5844_546c]),
        ];
        expect(&of(OTHER).devices(&["tdx_guest"]), &[]);
    }

    #[test]
    fn an_intel_host_starts_guests_if_firmware_and_kvm_have_it_on() {
        let on = of(INTEL_HOST).file(TDX, "Y\n");
        expect_one(&on, "tdx-host", Capable, "without /dev/kvm", "container");
        expect(&on.devices(&["kvm"]), &[("tdx-host", Active)]);

        let (caps, seamrr) = (0xfe, 1 << 15);
        let keys = |keys: u64| {
            of(INTEL_HOST).registers(INTEL_HOST, &[(caps, seamrr), (0x87, keys << 32 | 63)])
        };
        expect_one(&keys(64), "tdx-host", Capable, "KVM says nothing", "6.16");
        expect_one(
            &keys(64).file(TDX, "N"),
            "tdx-host",
            Capable,
            "KVM has it off",
            "tdx=1",
        );
        expect_one(
            &keys(64).file(TDX, "\0"),
            "tdx-host",
            Unknown,
            "cannot be read",
            "root",
        );
        expect_one(&keys(0), "tdx-host", Capable, "gives it no keys", "TME-MT");
        let no_seam = of(INTEL_HOST).registers(INTEL_HOST, &[(caps, 0), (0x87, 63)]);
        expect_one(&no_seam, "tdx-host", Absent, "SEAMRR", "");
        expect_one(
            &of(INTEL_HOST),
            "tdx-host",
            Unknown,
            "cannot be read",
            "modprobe msr",
        );
        let cpuinfo = |flags| {
            of(INTEL_HOST).file(
                "proc/cpuinfo",
                format!("processor\t: 0\nflags\t\t: fpu {flags}\n"),
            )
        };
        expect_one(
            &cpuinfo("tdx_host_platform tme"),
            "tdx-host",
            Capable,
            "the firmware has TDX on",
            "6.16",
        );
        expect_one(
            &cpuinfo("no_tdx_host_platform"),
            "tdx-host",
            Unknown,
            "cannot be read",
            "modprobe msr",
        );
        expect_one(&of(EC2), "tdx-host", Absent, "virtual machine", "");
    }

    #[test]
    fn a_processor_without_cpuid_says_so() {
        let arm = Recorded::new(None);
        expect(&arm, &[]);
        for name in ["sev", "sev-snp-host", "tdx", "tdx-host"] {
            expect_one(&arm, name, Absent, "this processor has no CPUID", "");
        }
        let facts = arm.finding("tdx");
        let expected = format!("none on {}", std::env::consts::ARCH);
        assert_eq!(facts.evidence(), [("CPUID", expected.as_str())]);
    }
}
