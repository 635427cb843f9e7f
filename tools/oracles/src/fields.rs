//! What a report says, as both read it.

use sealnote_verifier::sev_snp::report::{Firmware, SigningKey, Tcb};
use sealnote_verifier::sev_snp::{ReportFields, inspect};
use sev::firmware::guest::{AttestationReport, Version};
use sev::firmware::host::TcbVersion;
use sev::parser::ByteParser;

/// The fields that both read and do not read alike; `None` where they are not to be compared.
pub fn different(report: &[u8]) -> Option<Vec<&'static str>> {
    let ours = inspect(report).ok()?;
    let theirs = AttestationReport::from_bytes(report).ok()?;
    // sev guesses by such a chip id that the report is of Turin, whose reports have no version 2: S12 refuses it.
    if theirs.version == 2 && theirs.chip_id[8..] == [0; 56] {
        return None;
    }
    let alike = alike(ours.fields(), &theirs);
    let different = alike.into_iter().filter(|(_, is_alike)| !is_alike);
    Some(different.map(|(field, _)| field).collect())
}

#[rustfmt::skip] // A line each, so that they can be read as a table.
fn alike(ours: &ReportFields, theirs: &AttestationReport) -> [(&'static str, bool); 27] {
    let cpu = ours.cpu;
    let mitigations = ours.mitigations;
    [
        ("version", ours.version == theirs.version),
        ("guest SVN", ours.guest_svn == theirs.guest_svn),
        // The conversion to a number would set a bit.
        ("guest policy", theirs.policy.to_bytes().is_ok_and(|bytes| ours.policy.to_le_bytes() == bytes)),
        ("family id", ours.family_id == theirs.family_id),
        ("image id", ours.image_id == theirs.image_id),
        ("VMPL", ours.vmpl == theirs.vmpl),
        ("current TCB", tcb(&ours.current_tcb) == theirs.current_tcb),
        ("platform info", ours.platform_info == u64::from(theirs.plat_info)),
        ("masked chip key", ours.is_chip_key_masked == theirs.key_info.mask_chip_key()),
        ("signing key", signing_key(ours.signing_key) == theirs.key_info.signing_key()),
        ("report data", ours.report_data == theirs.report_data),
        ("measurement", ours.measurement == theirs.measurement),
        ("host data", ours.host_data == theirs.host_data),
        ("id key", ours.id_key_digest == theirs.id_key_digest),
        ("author key", ours.author_key_digest == theirs.author_key_digest),
        ("report id", ours.report_id == theirs.report_id),
        ("report id of the migration agent", ours.report_id_ma == theirs.report_id_ma),
        ("reported TCB", tcb(&ours.reported_tcb) == theirs.reported_tcb),
        ("family", cpu.map(|cpu| cpu.family) == theirs.cpuid_fam_id),
        ("model", cpu.map(|cpu| cpu.model) == theirs.cpuid_mod_id),
        ("stepping", cpu.map(|cpu| cpu.stepping) == theirs.cpuid_step),
        ("chip id", ours.chip_id == theirs.chip_id),
        ("committed TCB", tcb(&ours.committed_tcb) == theirs.committed_tcb),
        ("firmware", [ours.current_firmware, ours.committed_firmware].map(version) == [theirs.current, theirs.committed]),
        ("launch TCB", tcb(&ours.launch_tcb) == theirs.launch_tcb),
        ("mitigations at launch", mitigations.map(|both| both.launch) == theirs.launch_mit_vector),
        ("mitigations now", mitigations.map(|both| both.current) == theirs.current_mit_vector),
    ]
}

fn tcb(tcb: &Tcb) -> TcbVersion {
    TcbVersion {
        fmc: tcb.fmc,
        bootloader: tcb.bootloader,
        tee: tcb.tee,
        snp: tcb.snp,
        microcode: tcb.microcode,
    }
}

fn version(firmware: Firmware) -> Version {
    Version::new(firmware.major, firmware.minor, firmware.build)
}

fn signing_key(key: SigningKey) -> u32 {
    match key {
        SigningKey::Vcek => 0,
        SigningKey::Vlek => 1,
        SigningKey::Other(number) => number.into(),
    }
}
