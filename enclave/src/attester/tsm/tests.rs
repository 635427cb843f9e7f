//! Reports by a stand-in for configfs-tsm.

use super::double::{Double, Fault};
use super::*;

fn echo(data: &[u8; 64]) -> Vec<u8> {
    [&b"report of "[..], data].concat()
}

fn report(provider: Provider, fault: Fault) -> (Double, Result<Vec<u8>, TsmError>) {
    let double = Double::new(provider, echo, fault);
    let tsm = Tsm::open(double.clone(), provider);
    (double, tsm.and_then(|tsm| tsm.report(&[7; 64])))
}

#[test]
fn a_report_is_of_what_was_asked_for_and_leaves_nothing_behind() {
    for (provider, writes) in [
        (
            Provider::SevGuest,
            &[("privlevel", &b"0"[..]), ("inblob", &[7; 64][..])][..],
        ),
        (Provider::TdxGuest, &[("inblob", &[7; 64][..])][..]),
    ] {
        let (double, report) = report(provider, Fault::None);
        assert_eq!(report.unwrap(), echo(&[7; 64]));
        let state = double.state.lock().unwrap();
        assert!(state.entries.is_empty());
        let written = state.written.iter();
        let written: Vec<_> = written
            .map(|(name, value)| (name.as_str(), &value[..]))
            .collect();
        assert_eq!(written, writes);
    }
}

#[test]
fn whatever_is_not_as_it_should_be_is_an_error_and_leaves_nothing_behind() {
    for (fault, expected) in [
        (Fault::Absent, "mount configfs"),
        (Fault::NoDriver, "load the guest's driver"),
        (
            Fault::OtherProvider,
            "come from `arm_cca_guest` here, not from `sev_guest`",
        ),
        (Fault::ChangesProvider, "come from `arm_cca_guest` here"),
        (Fault::RefusesLevel, "does not run at VMPL 0"),
        (
            Fault::Raced,
            "written to our entry in /sys/kernel/config/tsm/report (generation 3, not 2)",
        ),
        (Fault::IgnoresWrites, "(generation 0, not 2)"),
        (Fault::NoNumber, "`generation` of a report is not a number"),
        (Fault::Empty, "is empty"),
        (
            Fault::TooLong,
            "`outblob` of a report has more than 16384 bytes",
        ),
        (Fault::RefusesReport, "does not give `outblob`"),
    ] {
        let (double, report) = report(Provider::SevGuest, fault);
        let error = report.expect_err(&format!("{fault:?}")).to_string();
        assert!(error.contains(expected), "{fault:?}: {error}");
        assert!(double.state.lock().unwrap().entries.is_empty(), "{fault:?}");
    }
    let (_, report) = report(Provider::SevGuest, Fault::KeepsEntries);
    assert!(matches!(report, Err(TsmError::Remove(_))), "{report:?}");
}
