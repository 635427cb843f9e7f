//! Of an SEV-SNP report.

use sealnote_verifier::sev_snp::{ReportFields, VerifiedReport, inspect};

use super::{Fact, MEASUREMENT, malformed};
use crate::exit::Failure;

pub(super) fn verified(report: &VerifiedReport) -> Vec<Fact> {
    let mut facts = vec![Fact::shown("product", report.product().name())];
    facts.extend(report.cloud().map(|cloud| Fact::shown("cloud", cloud)));
    facts.extend(fields(report.fields()));
    facts
}

pub(super) fn unverified(report: &[u8]) -> Result<Vec<Fact>, Failure> {
    match inspect(report) {
        Ok(report) => Ok(fields(report.fields())),
        Err(error) => Err(malformed(error.check(), &error)),
    }
}

/// 56860, table 23.
fn fields(fields: &ReportFields) -> Vec<Fact> {
    let mut facts = vec![
        Fact::shown("report_version", fields.version),
        Fact::shown(MEASUREMENT, hex::encode(fields.measurement)),
        Fact::shown("host_data", hex::encode(fields.host_data)),
        Fact::shown("report_data", hex::encode(fields.report_data)),
        Fact::shown("id_key_digest", hex::encode(fields.id_key_digest)),
        Fact::shown("author_key_digest", hex::encode(fields.author_key_digest)),
        Fact::shown("guest_policy", format!("{:#x}", fields.policy)),
        Fact::shown("vmpl", fields.vmpl),
        Fact::shown("platform_info", format!("{:#x}", fields.platform_info)),
        Fact::shown("chip_id", hex::encode(fields.chip_id)),
        Fact::shown("reported_tcb", fields.reported_tcb.to_string()),
        Fact::shown("committed_tcb", fields.committed_tcb.to_string()),
        Fact::shown("current_tcb", fields.current_tcb.to_string()),
        Fact::shown("launch_tcb", fields.launch_tcb.to_string()),
        Fact::shown("firmware", fields.current_firmware.to_string()),
    ];
    if let Some(mitigations) = fields.mitigations {
        let current = format!("{:#x}", mitigations.current);
        let launch = format!("{:#x}", mitigations.launch);
        facts.push(Fact::shown("mitigations", current));
        facts.push(Fact::shown("launch_mitigations", launch));
    }
    facts
}
