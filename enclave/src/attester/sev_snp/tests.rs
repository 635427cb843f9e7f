//! An SEV-SNP guest with a stand-in for its kernel.

use std::io;

use super::super::tsm::double::{Double, Fault};
use super::*;

fn report(data: &[u8; 64]) -> Vec<u8> {
    let mut report = vec![0xee; REPORT_LEN];
    report[0x180..0x188].copy_from_slice(&[0xd6, 0x1a, 0, 0, 0, 0, 0, 8]);
    report[0x1a0..0x1e0].copy_from_slice(&[0x3a; 64]);
    report[0x50..0x90].copy_from_slice(data);
    report
}

fn no_device() -> io::Result<Fixed> {
    Err(io::ErrorKind::NotFound.into())
}

/// In place of the device.
struct Fixed(Vec<u8>);

impl Source for Fixed {
    fn report(&self, _: &[u8; 64]) -> Result<Vec<u8>, SevSnpError> {
        Ok(self.0.clone())
    }
}

fn binding() -> Binding {
    Binding {
        challenge: [1; 32],
        claims: [2; 48],
        public_key: Some(vec![3; 422]),
    }
}

#[test]
fn the_evidence_is_a_report_of_all_that_it_is_bound_to() {
    let double = Double::new(Provider::SevGuest, report, Fault::None);
    let attester = SevSnp::with(double, no_device).unwrap();
    assert_eq!((attester.kind().0, attester.endorsed_as()), (2, Some(NAME)));
    for public_key in [Some(vec![3; 422]), None] {
        let binding = Binding {
            public_key,
            ..binding()
        };
        let bound = sealnote_evidence::Binding {
            protocol: "sealnote/2",
            challenge: [1; 32],
            claims: [2; 48],
        };
        let key = binding.public_key.as_deref();
        let bytes = attester.attest(&binding).unwrap();
        let evidence = Evidence::decode(&bytes, 4096).unwrap();
        assert_eq!(evidence.report, report(&bound.report_data(2, key)));
        assert_eq!(evidence.public_key, key);
        assert_eq!((evidence.event_log, evidence.vtpm), (None, None));
    }
}

#[test]
fn the_machine_is_named_as_its_report_names_it() {
    let double = Double::new(Provider::SevGuest, report, Fault::None);
    let machine = SevSnp::with(double, no_device).unwrap().machine().unwrap();
    assert_eq!(machine.chip, "3a".repeat(64));
    assert_eq!(machine.reported_tcb, "d61a000000000008");
}

#[test]
fn a_report_of_something_else_is_no_evidence() {
    let of = |entries| SevSnp::with(entries, no_device).and_then(|snp| snp.report(&[7; 64]));
    let raced = of(Double::new(Provider::SevGuest, report, Fault::OtherData));
    assert!(matches!(raced, Err(SevSnpError::OtherData)), "{raced:?}");
    for (short, len) in [
        ((|_| vec![0; 1183]) as fn(&[u8; 64]) -> Vec<u8>, 1183),
        (|_| vec![0; 1185], 1185),
        (|_| vec![0], 1),
    ] {
        let short = of(Double::new(Provider::SevGuest, short, Fault::None));
        assert!(matches!(short, Err(SevSnpError::Length(l)) if l == len));
    }
}

#[test]
fn the_device_stands_in_only_where_there_is_no_configfs() {
    let device = || Ok(Fixed(report(&[7; 64])));
    for fault in [Fault::Absent, Fault::NoDriver] {
        let absent = || Double::new(Provider::SevGuest, |_| Vec::new(), fault);
        let attester = SevSnp::with(absent(), device).unwrap();
        assert_eq!(attester.report(&[7; 64]).unwrap(), report(&[7; 64]));
        // What the device gives is looked at like any other report.
        let other = attester.report(&[8; 64]);
        assert!(matches!(other, Err(SevSnpError::OtherData)), "{other:?}");

        let neither = SevSnp::with(absent(), no_device).map(|_| ());
        assert!(matches!(neither, Err(SevSnpError::NoDevice(_))));
    }
    let tdx = Double::new(Provider::TdxGuest, report, Fault::None);
    let error = SevSnp::with(tdx, device).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("`tdx_guest` here"), "{error}");
}
