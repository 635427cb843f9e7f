//! What holds of every finding, and of all together.

use super::finding::State::{Active, Capable, Unknown};
use super::finding::Subject;
use super::recorded::*;
use super::report;

const SEV_STATUS: u32 = 0xc001_0131;
const SYSCFG: u32 = 0xc001_0010;

const READ: [&str; 5] = [
    "sys/module/kvm_intel/parameters/tdx",
    "sys/module/kvm_amd/parameters/sev",
    "sys/devices/virtual/dmi/id/sys_vendor",
    "sys/class/tpm/tpm0/tpm_version_major",
    "proc/cpuinfo",
];

#[test]
fn a_plain_machine_has_nothing() {
    expect(&of(PLAIN_VM), &[]);
    expect(&of(EC2), &[]);
}

#[test]
fn garbage_makes_nothing_active_and_is_escaped() {
    const ONES: &[(u32, [u32; 4])] = &[(0, [u32::MAX; 4])];
    const ZEROS: &[(u32, [u32; 4])] = &[(0, [0; 4])];
    for leaves in [ONES, ZEROS] {
        let machine =
            of(leaves).registers(leaves, &[(SEV_STATUS, u64::MAX), (SYSCFG, 0), (0x87, 0)]);
        let bytes = [b"\x1b[2J\xff\xfe\0flags".as_slice(), &[b'Y'; 300]].concat();
        let machine = READ
            .iter()
            .fold(machine, |machine, path| machine.file(path, &bytes));
        for finding in machine.findings() {
            assert_ne!(finding.state(), Active, "{}", finding.name());
        }
        let report = report(&machine.machine, None, &[]);
        for line in report.lines(true) {
            let shown = line.replace("\u{1b}[0m", "").replace("\u{1b}[33m", "");
            assert!(!shown.contains(char::is_control), "{line:?}");
            assert!(line.len() < 400, "{line:?}");
        }
    }
}

#[test]
fn no_verdict_is_without_what_it_was_read_from_and_none_claims_proof() {
    let machines = [
        of(PLAIN_VM),
        of(EPYC_HOST),
        of(SNP_GUEST),
        of(AZURE_TDX),
        of(SNP_BELOW_PARAVISOR),
        of(INTEL_HOST),
        of(EC2),
    ];
    for machine in machines {
        let findings = machine.findings();
        assert_eq!(findings.len(), 12);
        for finding in &findings {
            assert!(!finding.evidence().is_empty(), "{}", finding.name());
            let needs_advice = matches!(finding.state(), Capable | Unknown);
            assert!(
                !needs_advice || finding.advice().is_some(),
                "{}",
                finding.name()
            );
        }
        let lines = report(&machine.machine, None, &[]).lines(true);
        let (last, others) = lines.split_last().unwrap();
        assert!(last.contains("proves") && last.contains("sealnote attest"));
        assert!(!others.iter().any(|line| line.contains("attest")));
    }
}

#[test]
fn what_is_required_and_not_active_is_named() {
    let report = |required: &[Subject]| {
        let machine = of(SNP_GUEST).registers(SNP_GUEST, &[(SEV_STATUS, 3)]);
        report(&machine.machine, None, required)
    };
    for met in [&[][..], &[Subject::Sev], &[Subject::Sev, Subject::SevEs]] {
        let report = report(met);
        assert!(report.end().is_ok());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["ok"], &json["exit"]), (&true.into(), &0.into()));
    }
    let report = report(&[Subject::Sev, Subject::SevSnp, Subject::Tdx, Subject::SevSnp]);
    let failure = report.end().unwrap_err();
    assert_eq!(failure.exit().code(), 4);
    let message = failure.message();
    assert!(message.contains("sev-snp is capable: ") && message.contains("tdx is absent: "));
    assert!(!message.contains("sev is"));
    assert_eq!(message.matches("sev-snp is").count(), 1);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["missing"], serde_json::json!(["sev-snp", "tdx"]));
    assert_eq!(
        (&json["ok"], &json["exit"], &json["attested"]),
        (&false.into(), &4.into(), &false.into())
    );
    let found = &json["findings"][2];
    assert_eq!(
        (&found["name"], &found["kind"], &found["role"]),
        (&"sev-snp".into(), &"sev-snp".into(), &"guest".into())
    );
    let host = &json["findings"][3];
    assert_eq!(
        (&host["name"], &host["kind"], &host["role"]),
        (&"sev-snp-host".into(), &"sev-snp".into(), &"host".into())
    );
}
