//! Bytes of any kind are refused, not stumbled over; and roots of any kind but the right one.

mod common;

use common::{Fixture, NOW_SECONDS, now, rng};
use sealnote_software_attester::nitro::SoftwareRoot;
use sealnote_software_attester::tdx::{Form, Machine, Platform, system_time};
use sealnote_verifier::nitro::inspect;
use sealnote_verifier::{TrustRoots, azure_vtpm, sev_snp, tdx, token};
use sha2::{Digest, Sha384};

/// Bytes from a counter: the same on every run.
fn stream(seed: u32) -> impl Iterator<Item = u8> {
    (0u32..).flat_map(move |counter| {
        Sha384::digest([seed.to_be_bytes(), counter.to_be_bytes()].concat())
            .into_iter()
            .collect::<Vec<u8>>()
    })
}

#[test]
fn random_bytes_are_refused() {
    for seed in 0..5_000 {
        let len = (seed % 257) as usize;
        let bytes: Vec<u8> = stream(seed).take(len).collect();
        assert!(inspect(&bytes).is_err(), "seed {seed}");
    }
}

#[test]
fn random_bytes_are_evidence_of_no_kind() {
    for seed in 0..5_000 {
        let len = (seed % 1_301) as usize;
        let bytes: Vec<u8> = stream(seed).take(len).collect();
        let accepted = [
            sev_snp::inspect(&bytes).is_ok(),
            tdx::inspect(&bytes).is_ok(),
            tdx::event_log::replay(&bytes).is_ok(),
            azure_vtpm::Parts::decode(&bytes).is_ok(),
            azure_vtpm::file::EvidenceFile::from_json(&bytes).is_ok(),
            token::inspect(&bytes).is_ok(),
        ];
        assert_eq!(accepted, [false; 6], "seed {seed}");
    }
}

/// One whose guest has measured something.
fn machine(form: Form) -> Machine {
    let now = system_time(NOW_SECONDS);
    let machine = Machine::new(form, &Platform::default(), now, &mut rng());
    let mut machine = machine.expect("a machine");
    for (register, digest) in [(0, 0xa0), (1, 0xa1), (3, 0xa4)] {
        machine.measure(register, [digest; 48]);
    }
    machine
}

#[test]
fn every_truncation_of_a_quote_is_refused() {
    for form in Form::ALL {
        let quote = machine(form).quote().expect("a quote");
        assert!(tdx::inspect(&quote).is_ok(), "{form:?}");
        for len in 0..quote.len() {
            let refused = tdx::inspect(&quote[..len]).expect_err("half a quote");
            assert_eq!(refused.check(), tdx::checks::T1, "{form:?}: {len} bytes");
        }
    }
}

/// Before anything is set aside for what they declare.
#[test]
fn lengths_within_a_quote_are_of_bytes_that_are_there() {
    let machine = machine(Form::V4);
    let quote = machine.quote().expect("a quote");
    // Behind header, body and the length of what follows, the signature and its key.
    let outer = 48 + machine.body.len() + 4 + 64 + 64 + 2;
    let qe_auth = outer + 4 + 384 + 64;
    let inner = qe_auth + 2 + machine.qe_auth_data.len() + 2;
    for (at, bytes) in [
        (outer, &[0, 0, 15, 0][..]),
        (qe_auth, &[0xff, 0xff]),
        (inner, &[0, 0, 15, 0]),
    ] {
        let mut quote = quote.clone();
        quote[at..at + bytes.len()].copy_from_slice(bytes);
        let refused = tdx::inspect(&quote).expect_err("a length of nothing");
        assert_eq!(refused, tdx::quote::QuoteError::Lengths, "at {at}");
    }
}

/// An event log may end behind any event, and there alone.
#[test]
fn an_event_log_is_cut_between_events_alone() {
    let machine = machine(Form::V4);
    let log = machine.event_log();
    let replays = |len: &usize| tdx::event_log::replay(&log[..*len]).is_ok();
    let count = (0..=log.len()).filter(replays).count();
    assert_eq!(count, 1 + machine.events.len());
}

#[test]
fn random_payloads_are_refused() {
    let fixture = Fixture::new();
    let mut bytes = fixture.attempt().bytes;
    // Past the head of the payload: whatever is signed is parsed before the signature is looked at.
    let payload = 10..bytes.len() - 98;
    for seed in 0..200 {
        for (byte, random) in bytes[payload.clone()].iter_mut().zip(stream(seed)) {
            *byte = random;
        }
        assert!(inspect(&bytes).is_err(), "seed {seed}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let fixture = Fixture::new();
    let bytes = fixture.attempt().bytes;
    for len in 0..bytes.len() {
        let attempt = fixture.envelope_bytes(bytes[..len].to_vec());
        assert_eq!(attempt.outcome(), "X2", "{len} bytes");
    }
}

#[test]
fn every_truncation_of_the_payload_is_refused() {
    let fixture = Fixture::new();
    let payload = fixture.document.encode().expect("a payload");
    for len in (1..payload.len()).step_by(17) {
        assert_eq!(
            fixture.payload(&payload[..len]).outcome(),
            "X2",
            "{len} bytes"
        );
    }
}

#[test]
fn flipped_bits_are_refused() {
    let fixture = Fixture::new();
    let bytes = fixture.attempt().bytes;
    for (at, bit) in (0..bytes.len()).step_by(13).zip((0..8).cycle()) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let attempt = fixture.envelope_bytes(flipped);
        assert_ne!(attempt.outcome(), "accepted", "bit {bit} of byte {at}");
    }
}

#[test]
fn certificates_are_not_stumbled_over() {
    let fixture = Fixture::new();
    let len = fixture.chain.certificate.len();
    for (at, bit) in (0..len).step_by(3).zip((0..8).cycle()) {
        // Signed anew, so that the certificate is really looked at.
        let attempt = fixture.chain(|chain| chain.certificate[at] ^= 1 << bit);
        assert_ne!(attempt.outcome(), "accepted", "bit {bit} of byte {at}");
    }
    for len in (1..len).step_by(5) {
        let attempt = fixture.chain(|chain| chain.certificate.truncate(len));
        assert_eq!(attempt.outcome(), "A13", "{len} bytes");
    }
}

#[test]
fn only_a_self_signed_p384_ca_is_a_root() {
    let add = |pem: &str| TrustRoots::vendors().danger_add_software_root(pem);
    let root = SoftwareRoot::generate(now(), &mut rng()).expect("a root");
    let pem = root.certificate_pem().expect("PEM");
    assert_eq!(add(&pem), Ok(()));

    let fixture = Fixture::under(root);
    let der_of = |index: usize| fixture.chain.cabundle[index].clone();
    for (name, der) in [
        ("a CA that another signed", der_of(1)),
        ("a leaf", fixture.chain.certificate.clone()),
        ("a root whose signature is broken", {
            let mut der = der_of(0);
            let last = der.len() - 1;
            der[last] ^= 1;
            der
        }),
    ] {
        assert!(add(&to_pem(&der)).is_err(), "{name}");
    }
    for text in [
        "",
        "-----BEGIN CERTIFICATE-----",
        &pem[..pem.len() / 2],
        &pem.replace("CERTIFICATE", "PUBLIC KEY"),
    ] {
        assert!(add(text).is_err(), "{text:?}");
    }

    let mut no_ca = SoftwareRoot::template(now(), &mut rng()).expect("a root");
    no_ca.certificate.extensions.clear();
    let no_ca = SoftwareRoot::from_link(no_ca).expect("a signed root");
    assert!(
        add(&no_ca.certificate_pem().expect("PEM")).is_err(),
        "no CA"
    );
}

fn to_pem(der: &[u8]) -> String {
    use x509_cert::der::{Decode, EncodePem, pem::LineEnding};
    x509_cert::Certificate::from_der(der)
        .and_then(|certificate| certificate.to_pem(LineEnding::LF))
        .unwrap_or_default()
}
