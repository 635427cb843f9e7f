//! What machine this is, as it names itself. No verdict follows from it.

use serde::Serialize;

use super::machine::{Machine, Text};
use crate::say::cut;

/// Characters of a name that are kept.
const LONGEST: usize = 80;

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Platform {
    architecture: &'static str,
    /// The processor's maker; none without CPUID.
    processor: Option<String>,
    hypervisor: Option<String>,
    /// The machine's maker and name, by its DMI tables: a cloud's, on its machines.
    vendor: Option<String>,
    product: Option<String>,
}

impl Platform {
    pub(super) fn of(machine: &Machine) -> Self {
        let name = |file| {
            let Text::Is(name) = machine.text(&format!("/sys/devices/virtual/dmi/id/{file}"))
            else {
                return None;
            };
            Some(cut(&name, LONGEST))
        };
        Self {
            architecture: std::env::consts::ARCH,
            processor: machine.vendor(),
            hypervisor: machine.hypervisor(),
            vendor: name("sys_vendor"),
            product: name("product_name"),
        }
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let processor = self.processor.as_deref().unwrap_or("no CPUID");
        let mut line = format!("{}, {processor}", self.architecture);
        if let Some(hypervisor) = &self.hypervisor {
            line += &format!(", under {hypervisor}");
        }
        for name in [&self.vendor, &self.product].into_iter().flatten() {
            line += &format!(", {name}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::env::consts::ARCH;

    use super::super::recorded::*;
    use super::*;

    #[test]
    fn a_machine_is_named_as_it_names_itself() {
        let line = |recorded: &Recorded| Platform::of(&recorded.machine).line();
        let id = "sys/devices/virtual/dmi/id";
        let ec2 = of(EC2)
            .file(&format!("{id}/sys_vendor"), "Amazon EC2\n")
            .file(&format!("{id}/product_name"), "m6i.xlarge\n");
        let expected = format!("{ARCH}, GenuineIntel, under KVMKVMKVM, Amazon EC2, m6i.xlarge");
        assert_eq!(line(&ec2), expected);
        assert_eq!(line(&of(EPYC_HOST)), format!("{ARCH}, AuthenticAMD"));
        assert_eq!(line(&Recorded::new(None)), format!("{ARCH}, no CPUID"));
    }
}
