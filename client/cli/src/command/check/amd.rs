//! SEV, SEV-ES and SEV-SNP. Sources: AMD APM (24593 volume 2, 15.34 to 15.36; 24594 volume 3, Fn8000_001F); the kernel's
//! Documentation/virt/kvm/x86/amd-memory-encryption.rst, Documentation/ABI/testing/sysfs-devices-system-cpu.

use super::finding::{Finding, Subject};
use super::hyper_v::{By, PARAVISOR, isolation};
use super::look::{Look, Maker, Parameter, READ_MSRS};
use super::machine::{Device, Machine, Text};

/// In EAX of Fn8000_001F, in SEV_STATUS, and in kvm_amd's parameters.
struct Level {
    name: &'static str,
    guest: Subject,
    host: Subject,
    capability: u32,
    status: u64,
    parameter: &'static str,
    kernel: &'static str,
}

const SEV: Level = Level {
    name: "SEV",
    guest: Subject::Sev,
    host: Subject::SevHost,
    capability: 1 << 1,
    status: 1 << 0,
    parameter: "sev",
    kernel: "4.16",
};

const SEV_ES: Level = Level {
    name: "SEV-ES",
    guest: Subject::SevEs,
    host: Subject::SevEsHost,
    capability: 1 << 3,
    status: 1 << 1,
    parameter: "sev_es",
    kernel: "5.11",
};

const SEV_SNP: Level = Level {
    name: "SEV-SNP",
    guest: Subject::SevSnp,
    host: Subject::SevSnpHost,
    capability: 1 << 4,
    status: 1 << 2,
    parameter: "sev_snp",
    kernel: "6.11",
};

const ENCRYPTED_MEMORY: u32 = 0x8000_001f;
const SEV_STATUS: u32 = 0xc001_0131;
const SYSCFG: u32 = 0xc001_0010;
/// MemEncryptionModEn and SecureNestedPagingEn of SYSCFG.
const SMEE: u64 = 1 << 23;
const SNP_ENABLED: u64 = 1 << 24;

pub(super) fn findings(machine: &Machine) -> [Finding; 6] {
    [
        guest(&SEV_SNP, machine),
        host(&SEV_SNP, machine),
        guest(&SEV_ES, machine),
        host(&SEV_ES, machine),
        guest(&SEV, machine),
        host(&SEV, machine),
    ]
}

fn guest(level: &Level, machine: &Machine) -> Finding {
    let name = level.name;
    let is_snp = level.guest == Subject::SevSnp;
    let mut look = Look::at(machine, level.guest);
    if let Some(other) = look.is_not(Maker::Amd, name) {
        return look.absent(other);
    }
    if look.is_virtual() != Some(true) {
        return look.absent("this is no virtual machine");
    }
    let isolation = isolation(&mut look);
    if isolation.is_some_and(|found| found.by == By::SevSnp && found.paravisor) {
        return match is_snp {
            true => look.capable(
                "Hyper-V says that this is an SEV-SNP guest, below a paravisor, which keeps the reports to itself",
                PARAVISOR,
            ),
            false => look.active("Hyper-V says that this is an SEV-SNP guest, which includes it"),
        };
    }
    if capabilities(&mut look) & level.capability == 0 {
        return look.absent(format!("the hypervisor shows no {name} to this machine"));
    }
    // The kernel makes these two in SEV-SNP guests only, and SEV-SNP includes the other levels.
    let vmpl = look.text("/sys/devices/system/cpu/sev/vmpl");
    let device = look.device("/dev/sev-guest");
    match look.msr(SEV_STATUS, "SEV_STATUS") {
        Some(status) if status & level.status == 0 => {
            return look.capable(
                format!("the hypervisor shows {name}, and this machine was started without it"),
                "start the virtual machine with it",
            );
        }
        None if !device.is_there() && !matches!(vmpl, Text::Is(_)) => {
            return look.unknown(
                format!("the hypervisor shows {name}; whether it is on is in SEV_STATUS, which cannot be read"),
                READ_MSRS,
            );
        }
        _ => {}
    }
    match (is_snp, device) {
        (false, _) => look.active(format!("this is an {name} guest")),
        (true, Device::Open | Device::Closed) => look.active_by(
            device,
            "this is an SEV-SNP guest, with the device that makes reports",
        ),
        (true, _) => look.capable(
            "this is an SEV-SNP guest, without /dev/sev-guest, which makes reports",
            "`modprobe sev-guest`; the kernel needs CONFIG_SEV_GUEST",
        ),
    }
}

fn host(level: &Level, machine: &Machine) -> Finding {
    let name = level.name;
    let mut look = Look::at(machine, level.host);
    if let Some(other) = look.is_not(Maker::Amd, name) {
        return look.absent(other);
    }
    let parameter = format!("/sys/module/kvm_amd/parameters/{}", level.parameter);
    let parameter = look.parameter(&parameter);
    if parameter == Parameter::On {
        let (sev, kvm) = (look.device("/dev/sev"), look.device("/dev/kvm"));
        return match (sev.is_there(), kvm.is_there()) {
            (true, true) => look.active_by(worse(sev, kvm), format!("KVM can start {name} guests")),
            (false, _) => look.capable(
                format!("KVM has {name} on, without /dev/sev, by which guests are started"),
                "`modprobe ccp`, and look for ccp in `dmesg`: the secure processor may be off in the firmware",
            ),
            (true, false) => look.capable(
                format!("KVM has {name} on, without /dev/kvm"),
                "let /dev/kvm into this container, or look for kvm in `dmesg`",
            ),
        };
    }
    if look.is_virtual() == Some(true) {
        return look.absent("this is a virtual machine; what its host can do is not shown to it");
    }
    if capabilities(&mut look) & level.capability == 0 {
        return look.absent(format!("this processor has no {name}"));
    }
    let syscfg = look.msr(SYSCFG, "SYSCFG");
    let is_snp = level.host == Subject::SevSnpHost;
    match (syscfg, parameter) {
        (_, Parameter::Unclear) => look.unknown(
            format!("this processor has {name}; what KVM makes of it cannot be read"),
            "run as root, on the host itself",
        ),
        (Some(bits), _) if bits & SMEE == 0 => look.capable(
            format!("this processor has {name}; memory encryption is off"),
            "turn on SMEE (and SEV control) in the firmware's set-up",
        ),
        (Some(bits), _) if is_snp && bits & SNP_ENABLED == 0 => look.capable(
            "this processor has SEV-SNP; it is off",
            "turn on SEV-SNP support and RMP coverage in the firmware's set-up; Linux needs to be 6.11 or later, with the \
             IOMMU on: look for SEV-SNP in `dmesg`",
        ),
        (_, Parameter::Missing) => look.capable(
            format!("this processor has {name}; KVM says nothing of it"),
            format!("`modprobe kvm_amd`; Linux needs to be {} or later", level.kernel),
        ),
        (_, Parameter::Off | Parameter::On) => look.capable(
            format!("this processor has {name}; KVM has it off"),
            format!(
                "load kvm_amd with {}=1; if it stays off, turn SEV on in the firmware's set-up, and look for SEV in `dmesg`",
                level.parameter
            ),
        ),
    }
}

fn capabilities(look: &mut Look) -> u32 {
    look.cpuid(ENCRYPTED_MEMORY).map_or(0, |[a, ..]| a)
}

/// The one of two devices that are there which this user may not open, if any.
fn worse(one: Device, other: Device) -> Device {
    match one {
        Device::Closed => one,
        _ => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State::{Active, Capable, Unknown};
    use super::super::recorded::*;
    use super::{SEV_STATUS, SYSCFG};

    const PARAMETERS: &str = "sys/module/kvm_amd/parameters";

    fn epyc() -> Recorded {
        ["sev", "sev_es", "sev_snp"]
            .iter()
            .fold(of(EPYC_HOST), |machine, name| {
                machine.file(&format!("{PARAMETERS}/{name}"), "Y\n")
            })
    }

    #[test]
    fn an_amd_host_starts_guests_if_kvm_has_it_on_and_the_devices_are_there() {
        let hosts = [
            ("sev-snp-host", Active),
            ("sev-es-host", Active),
            ("sev-host", Active),
        ];
        expect(&epyc().devices(&["sev", "kvm"]), &hosts);
        // Linux before 6.2 wrote numbers.
        let old = of(EPYC_HOST)
            .file(&format!("{PARAMETERS}/sev"), "1\n")
            .devices(&["sev", "kvm"]);
        assert_eq!(old.state("sev-host"), Active);
        let closed = epyc().devices(&["sev", "kvm"]).closed();
        expect_one(&closed, "sev-snp-host", Active, "can start", "run as root");

        expect_one(
            &epyc().devices(&["kvm"]),
            "sev-snp-host",
            Capable,
            "without /dev/sev",
            "ccp",
        );
        expect_one(
            &epyc().devices(&["sev"]),
            "sev-snp-host",
            Capable,
            "without /dev/kvm",
            "container",
        );
        let folder = epyc().devices(&["kvm"]).folder("dev/sev");
        expect_one(&folder, "sev-snp-host", Capable, "without /dev/sev", "ccp");
    }

    #[test]
    fn an_amd_host_where_something_is_off_is_capable_and_hears_what() {
        let snp = format!("{PARAMETERS}/sev_snp");
        let smee = 1 << 23;
        let registers = |bits: u64| of(EPYC_HOST).registers(EPYC_HOST, &[(SYSCFG, bits)]);
        expect_one(
            &registers(0xf4_0000 & !smee),
            "sev-snp-host",
            Capable,
            "memory encryption is off",
            "SMEE",
        );
        expect_one(
            &registers(0xf4_0000 & !smee),
            "sev-host",
            Capable,
            "memory encryption is off",
            "SMEE",
        );
        expect_one(
            &registers(smee),
            "sev-snp-host",
            Capable,
            "it is off",
            "RMP",
        );
        let on = smee | 1 << 24;
        expect_one(
            &registers(on),
            "sev-snp-host",
            Capable,
            "KVM says nothing",
            "6.11",
        );
        expect_one(
            &registers(smee),
            "sev-host",
            Capable,
            "KVM says nothing",
            "modprobe kvm_amd",
        );
        expect_one(
            &registers(on).file(&snp, "N\n"),
            "sev-snp-host",
            Capable,
            "KVM has it off",
            "sev_snp=1",
        );
        // Without the registers it is capable all the same.
        expect_one(
            &of(EPYC_HOST),
            "sev-snp-host",
            Capable,
            "KVM says nothing",
            "6.11",
        );
        expect_one(
            &of(EPYC_HOST).file(&snp, "N"),
            "sev-snp-host",
            Capable,
            "KVM has it off",
            "sev_snp=1",
        );

        for unclear in [
            of(EPYC_HOST).file(&snp, "maybe"),
            of(EPYC_HOST).file(&snp, ""),
            of(EPYC_HOST).folder(&snp),
        ] {
            expect_one(&unclear, "sev-snp-host", Unknown, "cannot be read", "root");
        }
        expect(
            &of(ROME_HOST),
            &[("sev-es-host", Capable), ("sev-host", Capable)],
        );
    }

    const GUEST: [&str; 3] = ["sev-snp", "sev-es", "sev"];

    #[test]
    fn an_amd_guest_is_what_sev_status_says() {
        for (status, states) in [
            (0b111, [Active, Active, Active]),
            (0b011, [Capable, Active, Active]),
            (0b001, [Capable, Capable, Active]),
            (0b000, [Capable, Capable, Capable]),
        ] {
            let machine = of(SNP_GUEST)
                .registers(SNP_GUEST, &[(SEV_STATUS, status)])
                .devices(&["sev-guest"]);
            assert_eq!(
                GUEST.map(|name| machine.state(name)),
                states,
                "{status:03b}"
            );
        }
        let off = of(SNP_GUEST).registers(SNP_GUEST, &[(SEV_STATUS, 0)]);
        expect_one(
            &off,
            "sev",
            Capable,
            "started without it",
            "start the virtual machine",
        );
        let no_device = of(SNP_GUEST).registers(SNP_GUEST, &[(SEV_STATUS, 7)]);
        expect_one(
            &no_device,
            "sev-snp",
            Capable,
            "without /dev/sev-guest",
            "modprobe sev-guest",
        );
        assert_eq!(no_device.state("sev"), Active);
    }

    #[test]
    fn without_sev_status_an_amd_guest_is_what_the_kernel_says_or_unknown() {
        let unread = [of(SNP_GUEST), of(SNP_GUEST).registers(SNP_GUEST, &[])];
        for machine in unread {
            for name in GUEST {
                expect_one(&machine, name, Unknown, "cannot be read", "modprobe msr");
            }
        }
        let device = of(SNP_GUEST).devices(&["sev-guest"]);
        assert_eq!(GUEST.map(|name| device.state(name)), [Active; 3]);
        expect_one(
            &device.closed(),
            "sev-snp",
            Active,
            "with the device",
            "run as root",
        );
        let vmpl = of(SNP_GUEST).file("sys/devices/system/cpu/sev/vmpl", "0\n");
        assert_eq!(
            GUEST.map(|name| vmpl.state(name)),
            [Capable, Active, Active]
        );
        let unreadable = of(SNP_GUEST).folder("sys/devices/system/cpu/sev/vmpl");
        assert_eq!(GUEST.map(|name| unreadable.state(name)), [Unknown; 3]);
    }
}
