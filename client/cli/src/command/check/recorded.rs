//! Machines for tests: what their processors answer, and files under a root of their own.
//!
//! EPYC_HOST's and ROME_HOST's leaf of encrypted memory, AZURE_TDX and PLAIN_VM are answers of real machines, as `cpuid -r`
//! printed them (those of others from public reports). The rest is laid out as the sources of QEMU and Hyper-V's
//! specification have it.

use std::io::{Error, ErrorKind};
use std::path::Path;

use tempfile::TempDir;

use super::finding::{Finding, State};
use super::findings;
use super::machine::{Machine, Processor, Registers};

type Leaves = &'static [(u32, Registers)];

const AMD: [u32; 3] = [0x6874_7541, 0x444d_4163, 0x6974_6e65];
const INTEL: [u32; 3] = [0x756e_6547, 0x6c65_746e, 0x4965_6e69];
const KVM: (u32, Registers) = (
    0x4000_0000,
    [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x0000_004d],
);
const HYPER_V: (u32, Registers) = (
    0x4000_0000,
    [0x4000_000c, 0x7263_694d, 0x666f_736f, 0x7648_2074],
);
/// Of a machine that Hyper-V isolates.
const PRIVILEGES: (u32, Registers) = (
    0x4000_0003,
    [0x0000_ae7f, 0x0062_8030, 0x0000_0002, 0xe0be_47a2],
);

const fn first(last: u32, [b, c, d]: [u32; 3]) -> (u32, Registers) {
    (0, [last, b, c, d])
}

/// Milan.
pub(super) const EPYC_HOST: Leaves = &[
    first(0x10, AMD),
    (1, [0x00a0_0f11, 0x0080_0800, 0x7efa_320b, 0x178b_fbff]),
    (0x8000_0000, [0x8000_0023, AMD[0], AMD[1], AMD[2]]),
    (
        0x8000_001f,
        [0x0101_fd3f, 0x0000_4173, 0x0000_01fd, 0x0000_0080],
    ),
];

/// Rome: without SEV-SNP.
pub(super) const ROME_HOST: Leaves = &[
    first(0x10, AMD),
    (1, [0x0083_0f10, 0x0080_0800, 0x7ed8_320b, 0x178b_fbff]),
    (0x8000_0000, [0x8000_0020, AMD[0], AMD[1], AMD[2]]),
    (
        0x8000_001f,
        [0x0001_000f, 0x0000_016f, 0x0000_01fd, 0x0000_0001],
    ),
];

/// KVM shows SEV, SEV-ES and SEV-SNP.
pub(super) const SNP_GUEST: Leaves = &[
    first(0x10, AMD),
    (1, [0x00a0_0f11, 0x0002_0800, 0xfeda_3203, 0x178b_fbff]),
    KVM,
    (0x8000_0000, [0x8000_001f, AMD[0], AMD[1], AMD[2]]),
    (0x8000_001f, [0x0000_001a, 0x0000_0073, 0, 0]),
];

/// Without a paravisor.
pub(super) const AZURE_TDX: Leaves = &[
    first(0x21, INTEL),
    (1, [0x0008_06f8, 0x0002_0800, 0xfffa_ba17, 0x1fab_fbff]),
    (7, [0x0000_0001, 0xf1bf_2ff9, 0x1b41_5fe6, 0xffd1_4410]),
    (0x21, [0, 0x6574_6e49, 0x2020_2020, 0x5844_546c]),
    HYPER_V,
    PRIVILEGES,
    (0x4000_000c, [0, 3, 0, 0]),
    (0x8000_0000, [0x8000_0008, 0, 0, 0]),
];

pub(super) const SNP_BELOW_PARAVISOR: Leaves = &[
    first(0x10, AMD),
    (1, [0x00a0_0f11, 0x0002_0800, 0xfeda_3203, 0x178b_fbff]),
    HYPER_V,
    PRIVILEGES,
    (0x4000_000c, [1, 2, 0, 0]),
    (0x8000_0000, [0x8000_0008, AMD[0], AMD[1], AMD[2]]),
];

pub(super) const TDX_BELOW_PARAVISOR: Leaves = &[
    first(0x20, INTEL),
    (1, [0x0008_06f8, 0x0002_0800, 0xfffa_ba17, 0x1fab_fbff]),
    HYPER_V,
    PRIVILEGES,
    (0x4000_000c, [1, 3, 0, 0]),
    (0x8000_0000, [0x8000_0008, 0, 0, 0]),
];

/// Isolated by software only.
pub(super) const VBS: Leaves = &[
    first(0x20, INTEL),
    (1, [0x0008_06f8, 0x0002_0800, 0xfffa_ba17, 0x1fab_fbff]),
    HYPER_V,
    PRIVILEGES,
    (0x4000_000c, [1, 1, 0, 0]),
    (0x8000_0000, [0x8000_0008, 0, 0, 0]),
];

/// Sapphire Rapids: with total memory encryption.
pub(super) const INTEL_HOST: Leaves = &[
    first(0x20, INTEL),
    (1, [0x0008_06f8, 0x0040_0800, 0x7ffe_fbff, 0xbfeb_fbff]),
    (7, [0x0000_0002, 0xf3bf_bfef, 0xfb41_7ffe, 0xffdd_4432]),
    (0x8000_0000, [0x8000_0008, 0, 0, 0]),
];

/// Ice Lake, under EC2's hypervisor.
pub(super) const EC2: Leaves = &[
    first(0x1b, INTEL),
    (1, [0x0006_06a6, 0x0002_0800, 0xfffa_3203, 0x1f8b_fbff]),
    (7, [0, 0xf1bf_07ab, 0x1840_5f5e, 0xac00_0410]),
    KVM,
    (0x8000_0000, [0x8000_0008, 0, 0, 0]),
];

/// Turin, under a hypervisor that shows nothing of SEV.
pub(super) const PLAIN_VM: Leaves = &[
    first(0x1c, AMD),
    (1, [0x00b0_0f21, 0x0002_0800, 0xfffa_3203, 0x178b_fbff]),
    (7, [0x0000_0001, 0xf1bf_07ab, 0x0040_5fc6, 0x0000_0110]),
    KVM,
    (0x8000_0000, [0x8000_0021, AMD[0], AMD[1], AMD[2]]),
    (0x8000_001f, [0, 0, 0, 0]),
];

/// A machine on a root of its own.
pub(super) struct Recorded {
    folder: TempDir,
    pub(super) machine: Machine,
}

struct Answers {
    /// None: a processor without CPUID.
    leaves: Option<Leaves>,
    /// None: nothing that shows them.
    registers: Option<Vec<(u32, u64)>>,
}

impl Processor for Answers {
    fn cpuid(&self, leaf: u32) -> Option<Registers> {
        let leaves = self.leaves?;
        let found = leaves.iter().find(|(number, _)| *number == leaf);
        // As Intel's: another leaf's values, where there is none.
        Some(found.map_or(leaves[leaves.len() - 1].1, |(_, registers)| *registers))
    }

    fn msr(&self, number: u32) -> std::io::Result<u64> {
        let registers = self.registers.as_ref().ok_or(ErrorKind::NotFound)?;
        let found = registers.iter().find(|(register, _)| *register == number);
        // The processor refuses.
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| Error::from_raw_os_error(5))
    }
}

impl Recorded {
    pub(super) fn new(leaves: Option<Leaves>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registers = None;
        let machine = Machine {
            root: folder.path().to_owned(),
            processor: Box::new(Answers { leaves, registers }),
            may_open: |_| true,
        };
        Self { folder, machine }
    }

    pub(super) fn registers(mut self, leaves: Leaves, registers: &[(u32, u64)]) -> Self {
        self.machine.processor = Box::new(Answers {
            leaves: Some(leaves),
            registers: Some(registers.to_vec()),
        });
        self
    }

    /// With a file that says this; a stand-in for a device, if it says nothing.
    pub(super) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        std::fs::write(path, text).unwrap();
        self
    }

    pub(super) fn devices(self, names: &[&str]) -> Self {
        names
            .iter()
            .fold(self, |this, name| this.file(&format!("dev/{name}"), ""))
    }

    /// With a folder. Where a file is due, nobody can read it as one, not even root.
    pub(super) fn folder(self, path: &str) -> Self {
        std::fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    /// With a link to itself, which nobody can follow.
    pub(super) fn circle(self, path: &str) -> Self {
        let path = self.path(path);
        std::os::unix::fs::symlink(&path, &path).unwrap();
        self
    }

    /// With devices that this user may not open.
    pub(super) fn closed(mut self) -> Self {
        self.machine.may_open = |_| false;
        self
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        findings(&self.machine)
    }

    pub(super) fn finding(&self, name: &str) -> Finding {
        let mut all = self.findings().into_iter();
        all.find(|finding| finding.name() == name).unwrap()
    }

    pub(super) fn state(&self, name: &str) -> State {
        self.finding(name).state()
    }

    /// The names of those that are not absent, and their states.
    pub(super) fn there(&self) -> Vec<(String, State)> {
        let all = self.findings().into_iter();
        let there = all.filter(|finding| finding.state() != State::Absent);
        there
            .map(|finding| (finding.name(), finding.state()))
            .collect()
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        path
    }
}

pub(super) fn of(leaves: Leaves) -> Recorded {
    Recorded::new(Some(leaves))
}

/// These are there, in their order, and no others.
#[track_caller]
pub(super) fn expect(machine: &Recorded, expected: &[(&str, State)]) {
    let there = machine.there();
    let there: Vec<_> = there
        .iter()
        .map(|(name, state)| (name.as_str(), *state))
        .collect();
    assert_eq!(there, expected);
}

/// In this state, with these words; with advice in these words, or with none.
#[track_caller]
pub(super) fn expect_one(machine: &Recorded, name: &str, state: State, says: &str, advice: &str) {
    let finding = machine.finding(name);
    assert_eq!(finding.state(), state, "{}", finding.says());
    assert!(finding.says().contains(says), "{}", finding.says());
    let given = finding.advice().unwrap_or_default();
    assert!(
        given.contains(advice) && given.is_empty() == advice.is_empty(),
        "{given}"
    );
}
