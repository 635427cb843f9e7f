//! Every frame, and everything that somebody on the way can do to it.

use sealnote_protocol::NotDeterministic;
use sealnote_protocol::frame::{FrameError, FrameType};
use sealnote_protocol::handshake::MAX_CLIENT_HANDSHAKE;
use sealnote_protocol::session::SessionError;
use sealnote_session::EvidenceError;

use crate::pair::Pair;
use crate::wire::{Fault, Step};

const STEPS: [Step; 11] = [
    Step::Hello,
    Step::Answer,
    Step::Key,
    Step::Ready,
    Step::Request(0),
    Step::Request(2),
    Step::ClientClose,
    Step::Reply(0),
    Step::Reply(1),
    Step::Reply(2),
    Step::EnclaveClose,
];

/// Frames of each sort, where flips are tried: those left out are of a sort that is there.
const SORTS: [Step; 8] = [
    Step::Hello,
    Step::Answer,
    Step::Key,
    Step::Ready,
    Step::Request(0),
    Step::ClientClose,
    Step::Reply(0),
    Step::EnclaveClose,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    Drop,
    /// Delivered twice.
    Replay,
    /// After the next frame of its direction.
    Swap,
    /// What would come next, recorded in another session, is delivered before it.
    Early,
    /// The last four bytes are missing, and the stream ends there.
    Truncate,
    /// The last four bytes are missing, and the next frame follows.
    Bite,
    /// A zero byte behind it.
    Extend,
    /// A byte shorter, and the header says so.
    Shorten,
    /// A byte longer, and the header says so.
    Lengthen,
    /// No payload, and the header says so.
    Empty,
    Retype(u8),
}

const MUTATIONS: [Mutation; 18] = [
    Mutation::Drop,
    Mutation::Replay,
    Mutation::Swap,
    Mutation::Early,
    Mutation::Truncate,
    Mutation::Bite,
    Mutation::Extend,
    Mutation::Shorten,
    Mutation::Lengthen,
    Mutation::Empty,
    Mutation::Retype(0),
    Mutation::Retype(1),
    Mutation::Retype(2),
    Mutation::Retype(3),
    Mutation::Retype(4),
    Mutation::Retype(5),
    Mutation::Retype(6),
    Mutation::Retype(7),
];

/// How a run ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// As if nothing had been done.
    Complete,
    /// Both wait until the stream ends.
    Cut,
    /// The client waits until the stream ends; the enclave had closed.
    ClientCut,
    /// The enclave finds out, and the client is refused.
    Enclave(Fault),
    /// The client finds out, while the enclave waits.
    Client(Fault),
    /// The client finds out, after the enclave had closed.
    ClientLate(Fault),
}

#[test]
fn every_mutation_of_every_frame() {
    let recorded = Pair::completed();
    let mut wrong = Vec::new();
    let mut runs = 0;
    for step in STEPS {
        for mutation in MUTATIONS {
            let original = recorded.frame(step);
            if mutation == Mutation::Retype(original[0]) {
                continue;
            }
            let Some(expected) = expected(step, mutation, original.len()) else {
                continue;
            };
            let end = end_of(run(step, mutation, &recorded));
            if end != expected {
                wrong.push(format!(
                    "{mutation:?} of {step:?}: {end:?}, not {expected:?}"
                ));
            }
            runs += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(runs, 174);
}

/// `None` where a frame has no such mutation: there is nothing after it to swap with, or nothing
/// of another session that could come early.
fn expected(step: Step, mutation: Mutation, len: usize) -> Option<End> {
    use End::{Client, ClientCut, ClientLate, Complete, Cut, Enclave};
    let not_authentic = || Fault::Session(SessionError::NotAuthentic);
    let malformed = || Fault::Evidence(EvidenceError::Malformed(NotDeterministic));
    let shifted = || Fault::Frame(FrameError::Type(0));
    // The client allows an answer's payload: 68 bytes of plaintext here, and the tag.
    let too_long = |len: usize| {
        Fault::Frame(FrameError::TooLong {
            declared: len - 8,
            limit: 12 + 4 * 14 + 16,
        })
    };
    let out_of_place = |step| {
        Fault::Frame(FrameError::OutOfPlace(match step {
            Step::Hello => FrameType::Hello,
            Step::Key => FrameType::Key,
            _ => FrameType::Record,
        }))
    };
    // What the receiver finds in a frame of another content.
    let garbled = || match step {
        Step::Hello | Step::Key => Enclave(Fault::Message),
        Step::Answer => Client(malformed()),
        Step::Ready => Client(not_authentic()),
        Step::Request(_) | Step::ClientClose => Enclave(not_authentic()),
        _ => ClientLate(not_authentic()),
    };
    let missing = match step {
        Step::Reply(_) | Step::EnclaveClose => ClientCut,
        _ => Cut,
    };
    Some(match (mutation, step) {
        // The next record no longer opens; where none comes, the stream ends without a close.
        (Mutation::Drop, Step::Request(_) | Step::Reply(_)) => garbled(),
        (Mutation::Drop | Mutation::Truncate, _) => missing,
        (Mutation::Bite, Step::Request(_) | Step::Reply(_)) => garbled(),
        (Mutation::Bite, _) => missing,
        // A second answer is longer than anything that is due.
        (Mutation::Replay, Step::Answer) => Client(too_long(len)),
        // The client has sent everything once `ready` opened the first time.
        (Mutation::Replay, Step::Ready) => ClientLate(not_authentic()),
        (Mutation::Replay, Step::Hello | Step::Key) => Enclave(out_of_place(step)),
        // Nobody reads on after a close.
        (Mutation::Replay | Mutation::Extend, Step::ClientClose | Step::EnclaveClose) => Complete,
        (Mutation::Replay, _) => garbled(),
        (Mutation::Swap, Step::Request(_) | Step::Reply(_)) => garbled(),
        (Mutation::Swap, _) => return None,
        (Mutation::Early, Step::Hello | Step::Key) => Enclave(out_of_place(after(step))),
        (Mutation::Early, Step::Answer) => Client(out_of_place(after(step))),
        (Mutation::Early, Step::Ready) => garbled(),
        (Mutation::Early, _) => return None,
        (Mutation::Extend, Step::Answer) => Client(shifted()),
        (Mutation::Extend, Step::Ready | Step::Reply(_)) => ClientLate(shifted()),
        (Mutation::Extend, _) => Enclave(shifted()),
        (Mutation::Lengthen, Step::Reply(_)) => ClientLate(too_long(len + 1)),
        (Mutation::Shorten | Mutation::Lengthen | Mutation::Empty, _) => garbled(),
        (Mutation::Retype(to), _) => {
            let fault = match (to, garbled()) {
                // A farewell has no payload, and every other frame has one.
                (5 | 6, _) => Fault::Frame(FrameError::TooLong {
                    declared: len - 8,
                    limit: 0,
                }),
                (1, _) => Fault::Frame(FrameError::OutOfPlace(FrameType::Hello)),
                (2, _) => Fault::Frame(FrameError::OutOfPlace(FrameType::Answer)),
                (3, _) => Fault::Frame(FrameError::OutOfPlace(FrameType::Key)),
                (4, _) => Fault::Frame(FrameError::OutOfPlace(FrameType::Record)),
                (unassigned, _) => Fault::Frame(FrameError::Type(unassigned)),
            };
            match garbled() {
                Enclave(_) => Enclave(fault),
                Client(_) => Client(fault),
                _ => ClientLate(fault),
            }
        }
    })
}

fn run(at: Step, mutation: Mutation, recorded: &Pair) -> Pair {
    let mut held: Option<Vec<u8>> = None;
    let mut ended = false;
    let mut pair = Pair::new();
    pair.run(&mut |step: Step, frame: Vec<u8>| {
        if step == at {
            let resized = |len: usize| {
                let mut frame = frame.clone();
                frame.resize(len, 0);
                let payload = (len - 8) as u32;
                frame[4..8].copy_from_slice(&payload.to_be_bytes());
                vec![frame]
            };
            return match mutation {
                Mutation::Drop => Vec::new(),
                Mutation::Replay => vec![frame.clone(), frame],
                Mutation::Swap => {
                    held = Some(frame);
                    Vec::new()
                }
                Mutation::Early => vec![recorded.frame(after(step)), frame],
                Mutation::Truncate => {
                    ended = true;
                    vec![frame[..frame.len() - 4].to_vec()]
                }
                Mutation::Bite => vec![frame[..frame.len() - 4].to_vec()],
                Mutation::Extend => vec![[frame, vec![0]].concat()],
                Mutation::Shorten => resized(frame.len() - 1),
                Mutation::Lengthen => resized(frame.len() + 1),
                Mutation::Empty => resized(8),
                Mutation::Retype(kind) => {
                    let mut frame = frame;
                    frame[0] = kind;
                    vec![frame]
                }
            };
        }
        if ended && step.is_from_client() == at.is_from_client() {
            return Vec::new();
        }
        match held.take_if(|_| step.is_from_client() == at.is_from_client()) {
            Some(earlier) => vec![frame, earlier],
            None => vec![frame],
        }
    });
    pair
}

/// What comes next in the same direction, short enough to be due.
fn after(step: Step) -> Step {
    match step {
        Step::Hello => Step::Key,
        Step::Answer => Step::Ready,
        Step::Key => Step::ClientClose,
        _ => Step::Reply(0),
    }
}

fn end_of(pair: Pair) -> End {
    let closed = pair.enclave.ended;
    match (pair.enclave.fault, pair.client.fault) {
        (None, None) if closed && pair.client.ended => End::Complete,
        (Some(Fault::Cut), Some(Fault::Cut)) => End::Cut,
        (None, Some(Fault::Cut)) if closed => End::ClientCut,
        (Some(fault), Some(Fault::Refused)) if fault != Fault::Cut => End::Enclave(fault),
        (Some(Fault::Cut), Some(fault)) => End::Client(fault),
        (None, Some(fault)) if closed => End::ClientLate(fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_other_frame_before_the_hello() {
    let recorded = Pair::completed();
    let out_of_place = |kind| Fault::Frame(FrameError::OutOfPlace(kind));
    let too_long = |step| {
        Fault::Frame(FrameError::TooLong {
            declared: recorded.frame(step).len() - 8,
            limit: MAX_CLIENT_HANDSHAKE,
        })
    };
    for (step, fault) in [
        (Step::Key, out_of_place(FrameType::Key)),
        (Step::ClientClose, out_of_place(FrameType::Record)),
        (Step::Answer, too_long(Step::Answer)),
        (Step::Request(0), too_long(Step::Request(0))),
    ] {
        let mut pair = Pair::new();
        pair.run(&mut |own: Step, frame: Vec<u8>| match own {
            Step::Hello => vec![recorded.frame(step)],
            _ => vec![frame],
        });
        let faults = (Some(&fault), Some(&Fault::Refused));
        assert_eq!(pair.faults(), faults, "{step:?}");
        assert_eq!(pair.enclave.exported, None);
    }
}

#[test]
fn a_flip_in_any_header_byte() {
    let honest = Pair::completed();
    for step in SORTS {
        for byte in 0..8 {
            for bit in [0, 7] {
                let pair = flipped(step, byte, bit);
                let fault = match step.is_from_client() {
                    true => &pair.enclave.fault,
                    false => &pair.client.fault,
                };
                let place = format!("{step:?}, byte {byte}, bit {bit}");
                let original = honest.frame(step);
                let value = original[byte] ^ 1 << bit;
                match byte {
                    0 if !(1..=6).contains(&value) => {
                        let expected = Fault::Frame(FrameError::Type(value));
                        assert_eq!(fault.as_ref(), Some(&expected), "{place}");
                    }
                    1 => {
                        let expected = Fault::Frame(FrameError::Version(value));
                        assert_eq!(fault.as_ref(), Some(&expected), "{place}");
                    }
                    2 | 3 => {
                        let expected = Fault::Frame(FrameError::Reserved);
                        assert_eq!(fault.as_ref(), Some(&expected), "{place}");
                    }
                    4 => assert!(
                        matches!(fault, Some(Fault::Frame(FrameError::TooLong { .. }))),
                        "{place}: {fault:?}"
                    ),
                    _ => assert!(fault.is_some(), "{place}"),
                }
                no_answer_after(&pair, step, &place);
            }
        }
    }
}

#[test]
fn a_flip_in_the_payload_of_a_record() {
    let honest = Pair::completed();
    for step in SORTS.into_iter().filter(|step| step.is_record()) {
        for (byte, bit) in sample(&honest.frame(step), 24) {
            let pair = flipped(step, byte, bit);
            let end = end_of(pair);
            let fault = Fault::Session(SessionError::NotAuthentic);
            let expected = match step {
                Step::Ready => End::Client(fault),
                _ if step.is_from_client() => End::Enclave(fault),
                _ => End::ClientLate(fault),
            };
            assert_eq!(end, expected, "{step:?}, byte {byte}");
        }
    }
}

#[test]
fn a_flip_in_the_payload_of_a_handshake_frame() {
    let honest = Pair::completed();
    for step in [Step::Hello, Step::Answer, Step::Key] {
        for (byte, bit) in sample(&honest.frame(step), 48) {
            let pair = flipped(step, byte, bit);
            let place = format!("{step:?}, byte {byte}, bit {bit}");
            assert!(!pair.client.confirmed, "{place}");
            assert_eq!(pair.enclave.notes, Vec::<Vec<_>>::new(), "{place}");
            assert!(
                matches!(
                    (step, pair.faults()),
                    // The challenge, a suite, or the encoding.
                    (
                        Step::Hello,
                        (Some(Fault::Cut), Some(Fault::Rejected(_)))
                            | (Some(Fault::Message), Some(Fault::Refused))
                            | (Some(Fault::NoSuite), Some(Fault::Refused))
                    ) | (
                        Step::Answer,
                        (
                            Some(Fault::Cut),
                            Some(Fault::Evidence(_) | Fault::Rejected(_))
                        )
                    ) | (
                        Step::Key,
                        (
                            Some(Fault::Cut),
                            Some(Fault::Session(SessionError::NotAuthentic))
                        ) | (Some(Fault::Message | Fault::Suite(_)), Some(Fault::Refused))
                    )
                ),
                "{place}: {:?}",
                pair.faults()
            );
        }
    }
}

fn flipped(at: Step, byte: usize, bit: u8) -> Pair {
    let mut pair = Pair::new();
    pair.run(&mut |step: Step, mut frame: Vec<u8>| {
        if step == at {
            // Sampled on another session's frame; documents differ by a few bytes in length.
            let byte = byte.min(frame.len() - 1);
            frame[byte] ^= 1 << bit;
        }
        vec![frame]
    });
    pair
}

/// Up to `count` places in the payload, spread over all of it, the ends included.
fn sample(frame: &[u8], count: usize) -> Vec<(usize, u8)> {
    let payload = frame.len() - 8;
    let count = count.min(payload);
    (0..count)
        .map(|n| 8 + n * (payload - 1) / (count - 1))
        .enumerate()
        .map(|(n, byte)| (byte, (n % 8) as u8))
        .collect()
}

/// The frame that was tampered with, and none after it, has had an effect.
fn no_answer_after(pair: &Pair, step: Step, place: &str) {
    let (requests, answers) = match step {
        Step::Request(n) => (n, 0),
        Step::Reply(n) => (3, n),
        Step::ClientClose | Step::EnclaveClose => (3, 3),
        _ => (0, 0),
    };
    let answered = pair.client.answers.iter().flatten().count();
    assert_eq!(pair.enclave.notes.len(), requests, "{place}");
    assert!(answered <= answers, "{place}: {answered} answers");
}
