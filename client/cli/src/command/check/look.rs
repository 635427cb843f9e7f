//! A look at a machine for one finding: whatever is read becomes a fact of the finding, so that no verdict stands without
//! what it was read from.

use std::io::ErrorKind;

use super::finding::{Fact, Finding, State, Subject};
use super::machine::{Device, Machine, Registers, Text};
use crate::say::cut;

/// Characters of a file that are shown.
const SHOWN: usize = 80;

/// What to do where a model-specific register cannot be read.
pub(super) const READ_MSRS: &str = "run `modprobe msr`, and this command as root";

pub(super) struct Look<'a> {
    machine: &'a Machine,
    subject: Subject,
    facts: Vec<Fact>,
}

/// Whose processors have it.
#[derive(Clone, Copy)]
pub(super) enum Maker {
    Amd,
    Intel,
}

/// A module's parameter.
#[derive(Debug, PartialEq)]
pub(super) enum Parameter {
    On,
    Off,
    /// The module is not loaded, or does not know it.
    Missing,
    /// It cannot be read, or says something else.
    Unclear,
}

impl<'a> Look<'a> {
    pub(super) fn at(machine: &'a Machine, subject: Subject) -> Self {
        let facts = Vec::new();
        Self {
            machine,
            subject,
            facts,
        }
    }

    /// A leaf, if the processor has CPUID and the leaf: beyond the last one, Intel's answer with that one's values
    /// (SDM volume 2A, CPUID).
    pub(super) fn cpuid(&mut self, leaf: u32) -> Option<Registers> {
        let first = leaf & 0xf000_0000;
        let [last, ..] = self.machine.processor.cpuid(first)?;
        let found = match leaf <= last {
            true => self.machine.processor.cpuid(leaf),
            false => None,
        };
        let value = match found {
            Some([a, b, c, d]) => format!("eax {a:08x} ebx {b:08x} ecx {c:08x} edx {d:08x}"),
            None => format!("no such leaf, the last is {last:x}"),
        };
        self.note(format!("CPUID {leaf:x}"), value);
        found
    }

    /// Why this is not the maker's processor, which `what` needs, if it is not (CPUID 0).
    pub(super) fn is_not(&mut self, maker: Maker, what: &str) -> Option<String> {
        let (whose, name) = match maker {
            Maker::Amd => ("AMD", "AuthenticAMD"),
            Maker::Intel => ("Intel", "GenuineIntel"),
        };
        let found = self.machine.vendor();
        match &found {
            Some(found) => self.note("CPUID 0, vendor", found),
            None => self.note("CPUID", format!("none on {}", std::env::consts::ARCH)),
        }
        match found {
            Some(found) if found == name => None,
            Some(found) => Some(format!(
                "{what} is {whose}'s, and this processor says {found}"
            )),
            None => Some(format!(
                "{what} is {whose}'s, and this processor has no CPUID"
            )),
        }
    }

    /// Whether a hypervisor says that it is there; none without CPUID.
    pub(super) fn is_virtual(&mut self) -> Option<bool> {
        let is_virtual = self.machine.is_virtual()?;
        let bit = u8::from(is_virtual).to_string();
        self.note("CPUID 1, ECX bit 31 (hypervisor)", bit);
        Some(is_virtual)
    }

    /// A model-specific register, if it can be read.
    pub(super) fn msr(&mut self, number: u32, name: &str) -> Option<u64> {
        let found = self.machine.processor.msr(number);
        let value = match &found {
            Ok(value) => format!("{value:016x}"),
            Err(error) if error.kind() == ErrorKind::NotFound => "no /dev/cpu/0/msr".to_owned(),
            Err(error) => format!("not readable: {}", error.kind()),
        };
        self.note(format!("MSR {number:x} ({name})"), value);
        found.ok()
    }

    pub(super) fn text(&mut self, path: &str) -> Text {
        let text = self.machine.text(path);
        let value = match &text {
            Text::Is(text) => cut(text, SHOWN),
            Text::Missing => "not there".to_owned(),
            Text::Unreadable(error) => format!("not readable: {error}"),
        };
        self.note(path, value);
        text
    }

    /// A boolean of a module: Y or N, and 1 or 0 of older kernels' SEV.
    pub(super) fn parameter(&mut self, path: &str) -> Parameter {
        match self.text(path) {
            Text::Is(text) if matches!(text.as_str(), "Y" | "1") => Parameter::On,
            Text::Is(text) if matches!(text.as_str(), "N" | "0") => Parameter::Off,
            Text::Missing => Parameter::Missing,
            Text::Is(_) | Text::Unreadable(_) => Parameter::Unclear,
        }
    }

    pub(super) fn device(&mut self, path: &str) -> Device {
        let device = self.machine.device(path);
        let value = match device {
            Device::Open => "there".to_owned(),
            Device::Closed => "there, not open to this user".to_owned(),
            Device::Missing => "not there".to_owned(),
            Device::Unreadable(error) => format!("not readable: {error}"),
        };
        self.note(path, value);
        device
    }

    pub(super) fn folder(&mut self, path: &str) -> bool {
        let is_there = self.machine.is_folder(path);
        self.note(path, if is_there { "there" } else { "not there" });
        is_there
    }

    /// Whether the kernel set this flag of the first processor.
    pub(super) fn cpuinfo(&mut self, flag: &str) -> bool {
        let Text::Is(text) = self.machine.text("/proc/cpuinfo") else {
            self.note("/proc/cpuinfo", "not readable");
            return false;
        };
        let flags = text.lines().find(|line| line.starts_with("flags"));
        let is_set = flags.is_some_and(|flags| flags.split_whitespace().any(|word| word == flag));
        let value = if is_set { "there" } else { "not there" };
        self.note(format!("/proc/cpuinfo, flag {flag}"), value);
        is_set
    }

    /// Whether there is a PCI device of this vendor and device number, as sysfs writes them.
    pub(super) fn pci(&mut self, vendor: &str, device: &str) -> bool {
        const FOLDER: &str = "/sys/bus/pci/devices";
        let is = |name: &str, file: &str, value: &str| {
            self.machine.text(&format!("{FOLDER}/{name}/{file}")) == Text::Is(value.to_owned())
        };
        let names = self.machine.names(FOLDER);
        let found = names
            .into_iter()
            .find(|name| is(name, "vendor", vendor) && is(name, "device", device));
        let value = found.as_deref().unwrap_or("not there");
        self.note(format!("{FOLDER}, {vendor} {device}"), cut(value, SHOWN));
        found.is_some()
    }

    /// It is on, and whatever evidence is made with is there.
    pub(super) fn active(self, says: impl Into<String>) -> Finding {
        self.finding(State::Active, says.into(), None)
    }

    /// On, by a device that this user may not be able to open.
    pub(super) fn active_by(self, device: Device, says: impl Into<String>) -> Finding {
        let advice = "run as root, or let this user open the device";
        let advice = (device == Device::Closed).then(|| advice.to_owned());
        self.finding(State::Active, says.into(), advice)
    }

    /// The processor or the platform can, and something is off or missing.
    pub(super) fn capable(self, says: impl Into<String>, advice: impl Into<String>) -> Finding {
        self.finding(State::Capable, says.into(), Some(advice.into()))
    }

    pub(super) fn absent(self, says: impl Into<String>) -> Finding {
        self.finding(State::Absent, says.into(), None)
    }

    /// What would tell cannot be read.
    pub(super) fn unknown(self, says: impl Into<String>, advice: impl Into<String>) -> Finding {
        self.finding(State::Unknown, says.into(), Some(advice.into()))
    }

    fn finding(self, state: State, says: String, advice: Option<String>) -> Finding {
        Finding::new(self.subject, state, says, advice, self.facts)
    }

    fn note(&mut self, source: impl Into<String>, value: impl Into<String>) {
        self.facts.push(Fact::new(source.into(), value.into()));
    }
}
