//! A report's 1,184 bytes (56860, table 23), and its signature.

use p384::ecdsa::signature::Signer;
use p384::ecdsa::{Signature, SigningKey};

use super::machine::{KeyOwner, Machine};

/// Length of a report in bytes.
pub const REPORT_LEN: usize = 0x4a0;

const SIGNED_LEN: usize = 0x2a0;

/// r and s are little-endian, in fields of 72 bytes (56860, chapter 10).
const SCALAR_LEN: usize = 48;
const SCALAR_FIELD_LEN: usize = 72;

const ECDSA_P384_SHA384: u8 = 1;

/// What a guest's report says of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its security version.
    pub svn: u32,
    /// The guest policy (56860, table 10).
    pub policy: u64,
    /// From the id block.
    pub family_id: [u8; 16],
    /// From the id block.
    pub image_id: [u8; 16],
    /// The launch measurement.
    pub measurement: [u8; 48],
    /// What the host put in.
    pub host_data: [u8; 32],
    /// Digest of the key that signed the id block.
    pub id_key_digest: [u8; 48],
    /// Digest of the key that signed the id key.
    pub author_key_digest: [u8; 48],
    /// Of this guest alone.
    pub report_id: [u8; 32],
}

impl Guest {
    /// A guest without id block and host data, which may run beside SMT.
    pub fn measured(measurement: [u8; 48]) -> Self {
        Self {
            svn: 0,
            policy: 0x3_001f,
            family_id: [0; 16],
            image_id: [0; 16],
            measurement,
            host_data: [0; 32],
            id_key_digest: [0; 48],
            author_key_digest: [0; 48],
            report_id: [0; 32],
        }
    }
}

/// A report before it is signed.
#[derive(Clone, Debug)]
pub struct Report([u8; REPORT_LEN]);

impl Report {
    /// What the machine's firmware says of itself and of the guest, which put `report_data` in.
    pub fn new(machine: &Machine, guest: &Guest, report_data: &[u8; 64]) -> Self {
        let mut report = Self([0; REPORT_LEN]);
        report.set(0x00, &[machine.report_version]);
        report.set(0x04, &guest.svn.to_le_bytes());
        report.set(0x08, &guest.policy.to_le_bytes());
        report.set(0x10, &guest.family_id);
        report.set(0x20, &guest.image_id);
        report.set(0x34, &[ECDSA_P384_SHA384]);
        report.set(0x40, &machine.platform_info.to_le_bytes());
        report.set(0x50, report_data);
        report.set(0x90, &guest.measurement);
        report.set(0xc0, &guest.host_data);
        report.set(0xe0, &guest.id_key_digest);
        report.set(0x110, &guest.author_key_digest);
        report.set(0x140, &guest.report_id);
        // No migration agent.
        report.set(0x160, &[0xff; 32]);
        report.set(0x1a0, &machine.chip_id);
        // Current, reported, committed, and that of the launch.
        for at in [0x38, 0x180, 0x1e0, 0x1f0] {
            report.set(at, &machine.tcb.to_bytes());
        }
        let [major, minor, build] = machine.firmware;
        // Current and committed.
        for at in [0x1e8, 0x1ec] {
            report.set(at, &[build, minor, major]);
        }
        if matches!(machine.owner, KeyOwner::Cloud(_)) {
            report.set(0x48, &[1 << 2]);
        }
        if machine.report_version >= 3 {
            report.set(0x188, &machine.product.cpu());
        }
        if machine.report_version >= 5 {
            // At the launch, and now.
            for at in [0x1f8, 0x200] {
                report.set(at, &machine.mitigations.to_le_bytes());
            }
        }
        report
    }

    /// Other bytes from this place on.
    ///
    /// # Panics
    ///
    /// Beyond the report's end.
    pub fn set(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The report without its signature.
    pub fn as_bytes(&self) -> &[u8; REPORT_LEN] {
        &self.0
    }

    /// The report, signed by a leaf's key.
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let signature: Signature = key.sign(&self.0[..SIGNED_LEN]);
        let mut signed = self.clone();
        for (field, scalar) in signature.to_bytes().chunks(SCALAR_LEN).enumerate() {
            let little_endian: Vec<u8> = scalar.iter().rev().copied().collect();
            signed.set(SIGNED_LEN + field * SCALAR_FIELD_LEN, &little_endian);
        }
        signed.0.to_vec()
    }
}
