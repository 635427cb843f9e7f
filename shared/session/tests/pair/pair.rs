//! Both ends in memory, and somebody on the way.

use std::collections::VecDeque;

use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::Binding;
use sealnote_protocol::suite::Suite;

use crate::client_end::{Batches, ClientEnd};
use crate::enclave_end::{EnclaveEnd, classify};
use crate::rogue::{Schedule, xwing_secret};
use crate::wire::{Fault, Step};
use crate::world::WORLD;

pub struct Pair {
    pub client: ClientEnd,
    pub enclave: EnclaveEnd,
    /// Every frame as its sender sent it, in order.
    pub wire: Vec<(Step, Vec<u8>)>,
    batches: Batches,
}

/// Who is on the way: gives what arrives in place of a frame.
pub trait OnTheWay {
    fn pass(&mut self, step: Step, frame: Vec<u8>) -> Vec<Vec<u8>>;
}

impl<F: FnMut(Step, Vec<u8>) -> Vec<Vec<u8>>> OnTheWay for F {
    fn pass(&mut self, step: Step, frame: Vec<u8>) -> Vec<Vec<u8>> {
        self(step, frame)
    }
}

/// Passes everything on as it is.
pub fn honest(_: Step, frame: Vec<u8>) -> Vec<Vec<u8>> {
    vec![frame]
}

impl Pair {
    /// Three requests with good notes, all in flight at once.
    pub fn new() -> Self {
        Self::with(batches())
    }

    pub fn with(batches: Batches) -> Self {
        let limits = SessionLimits::default();
        Self {
            client: ClientEnd::new(WORLD.policy.clone(), limits, batches.clone()),
            enclave: EnclaveEnd::new(WORLD.enclave.clone(), batches.len()),
            wire: Vec::new(),
            batches,
        }
    }

    /// Has the enclave's attester make documents by `attest`.
    pub fn attesting(mut self, attest: impl FnMut(&Binding) -> Vec<u8> + 'static) -> Self {
        self.enclave.attest = Box::new(attest);
        self
    }

    /// Runs until nothing is on the way any more, and then ends both streams.
    pub fn run(&mut self, on_the_way: &mut impl OnTheWay) {
        let mut queue = VecDeque::from(self.client.start());
        while let Some((step, frame)) = queue.pop_front() {
            self.wire.push((step, frame.clone()));
            for bytes in on_the_way.pass(step, frame) {
                queue.extend(match step.is_from_client() {
                    true => self.enclave.deliver(&bytes),
                    false => self.client.deliver(&bytes),
                });
            }
        }
        self.client.end();
        self.enclave.end();
        self.check_invariants();
    }

    /// A run that nobody disturbs.
    pub fn completed() -> Self {
        let mut pair = Self::new();
        pair.run(&mut honest);
        assert_eq!(pair.faults(), (None, None));
        pair
    }

    /// The enclave's fault and the client's.
    pub fn faults(&self) -> (Option<&Fault>, Option<&Fault>) {
        (self.enclave.fault.as_ref(), self.client.fault.as_ref())
    }

    /// The first frame of this kind.
    pub fn frame(&self, step: Step) -> Vec<u8> {
        let found = self.wire.iter().find(|(sent, _)| *sent == step);
        found.expect("the run got that far").1.clone()
    }

    /// The client's schedule, computed from the wire and its secret.
    pub fn schedule(&self) -> Schedule {
        let frames = [Step::Hello, Step::Answer, Step::Key].map(|step| self.frame(step));
        let secret = xwing_secret(&self.enclave.rng.drawn[..32], &frames);
        Schedule::new(Suite::XWing, &frames, &secret)
    }

    /// What must hold whatever was done to the frames.
    fn check_invariants(&self) {
        let sent_notes = self
            .wire
            .iter()
            .any(|(step, _)| step.is_from_client() && step.is_record());
        assert!(
            self.client.confirmed || !sent_notes,
            "a note left the client before ready opened"
        );
        for (got, sent) in self.enclave.notes.iter().zip(&self.batches) {
            let got: Vec<&[u8]> = got.iter().flatten().map(String::as_bytes).collect();
            let sent: Vec<&[u8]> = sent
                .iter()
                .map(Vec::as_slice)
                .filter(|note| got.contains(note))
                .collect();
            assert_eq!(got, sent, "the enclave accepted other notes");
        }
        for (got, sent) in self.client.answers.iter().zip(&self.batches) {
            for (got, note) in got.iter().flatten().zip(sent) {
                if let (Ok(got), Ok(note)) = (got, std::str::from_utf8(note)) {
                    assert_eq!(
                        Ok(got),
                        classify(note).as_ref(),
                        "the client accepted others"
                    );
                }
            }
        }
        let mut after = self.client.after.iter().chain(&self.enclave.after);
        assert!(after.all(|error| *error == sealnote_protocol::session::SessionError::Over));
    }
}

/// Three requests of one, two and four good notes.
pub fn batches() -> Batches {
    let note = |n: usize| format!("note {n}: dyspnoea on exertion, grade {n}").into_bytes();
    vec![
        vec![note(0)],
        vec![note(1), note(2)],
        (3..7).map(note).collect(),
    ]
}
