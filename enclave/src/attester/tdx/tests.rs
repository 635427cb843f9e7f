//! A TDX guest with a stand-in for its kernel, which does wrong in one way at a time.

use std::io;
use std::sync::Mutex;

use sealnote_model::extended;

use super::super::tsm::double::{Double, Fault, Report};
use super::*;

const MODEL: ModelDigest = ModelDigest([7; 48]);

/// A quote of some length, of this version.
pub(super) fn quote(version: u8, rtmr3: &[u8; 48], data: &[u8; 64]) -> Vec<u8> {
    let mut quote = vec![0xee; 5000];
    quote[..8].copy_from_slice(&[version, 0, 2, 0, 0x81, 0, 0, 0]);
    let body = if version == 5 { 54 } else { 48 };
    quote[body + 472..body + 520].copy_from_slice(rtmr3);
    quote[body + 520..body + 584].copy_from_slice(data);
    quote
}

fn of_the_model(data: &[u8; 64]) -> Vec<u8> {
    quote(4, &MODEL.register(), data)
}

/// How the register differs from the kernel's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wrong {
    Nothing,
    /// A kernel before 6.16.
    Absent,
    NotZero,
    Unreadable,
    Short,
    RefusesToExtend,
    ExtendsNot,
    /// Somebody else extends it too.
    ExtendedTwice,
}

struct Register {
    wrong: Wrong,
    value: Mutex<[u8; 48]>,
}

impl Register {
    fn new(wrong: Wrong) -> Self {
        let first = u8::from(wrong == Wrong::NotZero);
        let mut value = [0; 48];
        value[47] = first;
        Self {
            wrong,
            value: Mutex::new(value),
        }
    }
}

impl ModelRegister for Register {
    fn read(&self) -> io::Result<Vec<u8>> {
        match self.wrong {
            Wrong::Absent => Err(io::ErrorKind::NotFound.into()),
            Wrong::Unreadable => Err(io::ErrorKind::PermissionDenied.into()),
            Wrong::Short => Ok(vec![0; 47]),
            _ => Ok(self.value.lock().unwrap().to_vec()),
        }
    }

    fn extend(&self, measurement: &[u8; 48]) -> io::Result<()> {
        let times = match self.wrong {
            Wrong::RefusesToExtend => return Err(io::ErrorKind::InvalidInput.into()),
            Wrong::ExtendsNot => 0,
            Wrong::ExtendedTwice => 2,
            _ => 1,
        };
        let mut value = self.value.lock().unwrap();
        (0..times).for_each(|_| *value = extended(*value, measurement));
        Ok(())
    }
}

fn start(wrong: Wrong) -> Result<TdxAttester<Double>, TdxError> {
    start_with(wrong, of_the_model, Fault::None)
}

fn start_with(wrong: Wrong, quote: Report, fault: Fault) -> Result<TdxAttester<Double>, TdxError> {
    let double = Double::new(Provider::TdxGuest, quote, fault);
    Tdx::with(double, Register::new(wrong))?.extend_model(&MODEL)
}

#[test]
fn the_evidence_is_a_quote_of_all_that_it_is_bound_to() {
    let attester = start(Wrong::Nothing).unwrap();
    assert_eq!((attester.kind().0, attester.endorsed_as()), (3, Some(NAME)));
    let binding = Binding {
        challenge: [1; 32],
        claims: [2; 48],
        public_key: Some(vec![3; 422]),
    };
    let bound = sealnote_evidence::Binding {
        protocol: "sealnote/2",
        challenge: [1; 32],
        claims: [2; 48],
    };
    let bytes = attester.attest(&binding).unwrap();
    let evidence = Evidence::decode(&bytes, 16 * 1024).unwrap();
    let data = bound.report_data(3, binding.public_key.as_deref());
    assert_eq!(evidence.report, of_the_model(&data));
    assert_eq!(evidence.public_key, binding.public_key.as_deref());
}

#[test]
fn without_the_model_in_rtmr3_there_is_no_attester() {
    for (wrong, expected) in [
        (Wrong::Absent, "use a kernel of 6.16 or later"),
        (Wrong::NotZero, "RTMR3 is not zero"),
        (Wrong::Short, "RTMR3 is not zero"),
        (Wrong::Unreadable, "RTMR3 cannot be read"),
        (Wrong::RefusesToExtend, "RTMR3 cannot be extended"),
        (
            Wrong::ExtendsNot,
            "RTMR3 is not what this model extends it to",
        ),
        (
            Wrong::ExtendedTwice,
            "RTMR3 is not what this model extends it to",
        ),
    ] {
        match start(wrong) {
            Ok(_) => panic!("{wrong:?}: there is an attester"),
            Err(error) => assert!(error.to_string().contains(expected), "{wrong:?}: {error}"),
        }
    }
}

#[test]
fn what_extends_rtmr3_while_the_model_is_loaded_is_noticed() {
    let double = Double::new(Provider::TdxGuest, of_the_model, Fault::None);
    let tdx = Tdx::with(double, Register::new(Wrong::Nothing)).unwrap();
    tdx.register.extend(&[9; 48]).unwrap();
    let error = tdx.extend_model(&MODEL).map(|_| ()).unwrap_err();
    assert!(matches!(error, TdxError::ExtendedBefore), "{error}");
}

#[test]
fn a_quote_of_something_else_is_no_evidence() {
    let of = |quote, fault| start_with(Wrong::Nothing, quote, fault)?.quote(&[5; 64]);
    assert!(of(of_the_model, Fault::None).is_ok());
    assert!(of(|data| quote(5, &MODEL.register(), data), Fault::None).is_ok());
    let raced = of(of_the_model, Fault::OtherData);
    assert!(matches!(raced, Err(TdxError::OtherData)), "{raced:?}");
    let since = of(|data| quote(4, &[1; 48], data), Fault::None);
    assert!(matches!(since, Err(TdxError::ExtendedSince)), "{since:?}");
    let none = of(|_| vec![4; 600], Fault::None);
    assert!(matches!(none, Err(TdxError::NoQuote(600))), "{none:?}");

    let snp = Double::new(Provider::SevGuest, of_the_model, Fault::None);
    let error = Tdx::with(snp, Register::new(Wrong::Nothing)).map(|_| ());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("from `sev_guest` here"), "{error}");
}
