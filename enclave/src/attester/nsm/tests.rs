//! The start against a stand-in for the module, which does wrong in one way at a time.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use aws_nitro_enclaves_nsm_api::api::Digest;
use minicbor::Encoder;
use sha2::{Digest as _, Sha384};

use super::*;

const MODEL: ModelDigest = ModelDigest([7; 48]);

/// How the stand-in differs from a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// Something extended register 16 before the program started.
    ExtendedBefore,
    RefusesToExtend,
    /// It says yes, and does nothing.
    ExtendsNot,
    RefusesToLock,
    LocksNot,
    /// As if it had been asked for 16.
    LocksTooFew,
    /// Register 16 alone stays open.
    LocksAllButOne,
    /// Between the first reading and the lock.
    ChangesWhenLocked,
    RepeatsItself,
    GivesFewBytes,
    /// An answer that is none to the question.
    AnswersAnother,
    NoTimestamp,
}

struct FakeModule {
    fault: Fault,
    state: Mutex<State>,
}

struct State {
    register: [u8; 48],
    locked: u16,
    drawn: u8,
    /// The requests, by name.
    asked: Vec<&'static str>,
}

impl FakeModule {
    fn new(fault: Fault) -> Nsm<Self> {
        let mut state = State {
            register: [0; 48],
            locked: 16,
            drawn: 0,
            asked: Vec::new(),
        };
        if fault == Fault::ExtendedBefore {
            state.extend(b"another");
        }
        Nsm {
            module: Self {
                fault,
                state: Mutex::new(state),
            },
        }
    }
}

impl State {
    fn extend(&mut self, data: &[u8]) {
        let extended = Sha384::new_with_prefix(self.register).chain_update(data);
        self.register = extended.finalize().into();
    }
}

impl Module for FakeModule {
    fn request(&self, request: Request) -> Response {
        let mut state = self.state.lock().unwrap();
        let refused = Response::Error(ErrorCode::InvalidOperation);
        match request {
            _ if self.fault == Fault::AnswersAnother => Response::LockPCR,
            Request::GetRandom => {
                state.asked.push("random");
                state.drawn += u8::from(self.fault != Fault::RepeatsItself);
                let few = self.fault == Fault::GivesFewBytes;
                Response::GetRandom {
                    random: vec![state.drawn; if few { 63 } else { 256 }],
                }
            }
            Request::ExtendPCR { index: 16, data } => {
                state.asked.push("extend");
                match self.fault {
                    Fault::RefusesToExtend => return refused,
                    Fault::ExtendsNot => {}
                    _ => state.extend(&data),
                }
                Response::ExtendPCR {
                    data: state.register.to_vec(),
                }
            }
            Request::DescribePCR { index: 16 } => {
                state.asked.push("describe 16");
                Response::DescribePCR {
                    lock: state.locked > 16,
                    data: state.register.to_vec(),
                }
            }
            Request::LockPCRs { range } => {
                state.asked.push("lock");
                match self.fault {
                    Fault::RefusesToLock => return refused,
                    Fault::LocksNot => {}
                    Fault::LocksTooFew => state.locked = 17,
                    Fault::ChangesWhenLocked => {
                        state.extend(b"another");
                        state.locked = range;
                    }
                    _ => state.locked = range,
                }
                Response::LockPCRs
            }
            Request::DescribeNSM => {
                state.asked.push("describe");
                let mut locked_pcrs: BTreeSet<u16> = (0..state.locked).collect();
                if self.fault == Fault::LocksAllButOne {
                    locked_pcrs.remove(&16);
                }
                Response::DescribeNSM {
                    version_major: 1,
                    version_minor: 0,
                    version_patch: 0,
                    module_id: "i-0-enc0".into(),
                    max_pcrs: 32,
                    locked_pcrs,
                    digest: Digest::SHA384,
                }
            }
            Request::Attestation { .. } => {
                state.asked.push("attest");
                let named = self.fault != Fault::NoTimestamp;
                Response::Attestation {
                    document: document(if named { "timestamp" } else { "time" }, 1_000_000_999),
                }
            }
            _ => refused,
        }
    }
}

/// What a module signs, without the signature.
fn document(key: &str, milliseconds: u64) -> Vec<u8> {
    let mut payload = Encoder::new(Vec::new());
    payload.map(3).unwrap();
    payload.str("module_id").unwrap().str("i-0-enc0").unwrap();
    payload.str("digest").unwrap().str("SHA384").unwrap();
    payload.str(key).unwrap().u64(milliseconds).unwrap();
    let mut envelope = Encoder::new(Vec::new());
    envelope.array(4).unwrap().bytes(&[0xa0]).unwrap();
    envelope.map(0).unwrap();
    envelope.bytes(payload.writer()).unwrap();
    envelope.bytes(&[0; 96]).unwrap();
    envelope.into_writer()
}

#[test]
fn the_model_is_measured_and_every_register_locked_before_there_is_an_attester() {
    let attester = FakeModule::new(Fault::None).lock_model(&MODEL).unwrap();
    let state = attester.module.state.lock().unwrap();
    let extended = Sha384::new_with_prefix([0; 48]).chain_update(
        Sha384::new_with_prefix(b"sealnote/1 model\0")
            .chain_update(MODEL.0)
            .finalize(),
    );
    assert_eq!(state.register, *extended.finalize());
    assert_eq!(state.locked, 32);
    assert_eq!(
        state.asked,
        ["extend", "describe 16", "lock", "describe 16", "describe"]
    );
}

#[test]
fn whatever_is_not_as_asked_for_ends_the_start() {
    for (fault, expected) in [
        (Fault::ExtendedBefore, "PCR16 is not what this model"),
        (Fault::RefusesToExtend, "refused to extend PCR16: Invalid"),
        (Fault::ExtendsNot, "PCR16 is not what this model"),
        (Fault::RefusesToLock, "refused to lock the registers"),
        (Fault::LocksNot, "did not lock"),
        (Fault::LocksTooFew, "did not lock"),
        (Fault::LocksAllButOne, "did not lock"),
        (Fault::ChangesWhenLocked, "PCR16 is not what this model"),
        (Fault::AnswersAnother, "answered another request"),
    ] {
        match FakeModule::new(fault).lock_model(&MODEL) {
            Ok(_) => panic!("{fault:?}: there is an attester"),
            Err(error) => assert!(error.to_string().contains(expected), "{fault:?}: {error}"),
        }
    }
}

#[test]
fn random_bytes_are_enough_and_differ_from_draw_to_draw() {
    assert!(FakeModule::new(Fault::None).random().is_ok());
    for fault in [
        Fault::RepeatsItself,
        Fault::GivesFewBytes,
        Fault::AnswersAnother,
    ] {
        assert!(FakeModule::new(fault).random().is_err(), "{fault:?}");
    }
}

#[test]
fn the_clocks_may_differ_by_a_minute() {
    let attester = FakeModule::new(Fault::None).lock_model(&MODEL).unwrap();
    let at = |seconds: u64| {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds) - Duration::from_secs(100)
    };
    // The document says 1,000,000.999 s.
    for (now, offset) in [
        (161, 60),
        (160, 59),
        (101, 0),
        (100, 0),
        (41, -59),
        (40, -60),
    ] {
        assert_eq!(attester.check_clock(at(now)).unwrap(), offset, "{now}");
    }
    for now in [162, 39, 0, 100_000] {
        let error = attester.check_clock(at(now)).unwrap_err();
        assert!(matches!(error, NsmError::Clock { .. }), "{now}: {error}");
    }

    let silent = FakeModule::new(Fault::NoTimestamp).lock_model(&MODEL);
    let error = silent.unwrap().check_clock(at(100)).unwrap_err();
    assert!(matches!(error, NsmError::Timestamp), "{error}");
}

#[test]
fn the_request_reaches_the_module_as_it_was() {
    struct Echo;
    impl Module for Echo {
        fn request(&self, request: Request) -> Response {
            match request {
                Request::Attestation {
                    user_data,
                    nonce,
                    public_key,
                } => Response::Attestation {
                    document: [user_data, nonce, public_key]
                        .map(|field| field.unwrap().into_vec())
                        .concat(),
                },
                _ => Response::Error(ErrorCode::InvalidArgument),
            }
        }
    }
    let attester = NsmAttester { module: Echo };
    let document = attester.attest(&Binding {
        challenge: [1; 32],
        claims: [2; 48],
        public_key: Some(vec![3, 3]),
    });
    assert_eq!(
        document.unwrap(),
        [vec![2; 48], vec![1; 32], vec![3; 2]].concat()
    );
}
