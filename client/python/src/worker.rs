//! A connection: takes notes, and brings their outcomes to the board.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_channel::Receiver;
use sealnote_client::{Client, Note, OnOtherModel, OtherModel, Verified};
use sealnote_protocol::task::ModelClaims;
use tokio::time::sleep;

use crate::board::{Board, Ticket};
use crate::failure::Failure;
use crate::note::{Answer, NoteFailure};
use crate::seen::Seen;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What all connections of a client have in common.
pub(crate) struct Common {
    pub(crate) client: Client,
    /// What the first evidence of all attested.
    pub(crate) model: OnceLock<ModelClaims>,
    pub(crate) connections: usize,
    /// Attempts in a row without an answer, after the first connection.
    pub(crate) reconnects: u32,
}

/// Sessions of one client, one after the other.
pub(crate) struct Verifier {
    common: Arc<Common>,
    client: Client,
    /// What its sessions stand on.
    pub(crate) seen: Seen,
}

impl Verifier {
    pub(crate) fn new(common: Arc<Common>) -> Self {
        let seen = Seen::default();
        let client = common.client.to_builder().observer(seen.observer());
        Self {
            client: client.build(),
            common,
            seen,
        }
    }

    /// Connects, verifies, and compares the model with that of the client's first evidence.
    pub(crate) async fn verify(&self) -> Result<Verified, Failure> {
        let verified = self.client.verify().await;
        let verified = verified.map_err(|error| self.failure(error))?;
        let model = verified.evidence().claims().model();
        let first = self.common.model.get_or_init(|| model.clone());
        match (
            self.client.on_other_model(),
            OtherModel::between(first, model),
        ) {
            (OnOtherModel::Stop, Some(other)) => Err(other.into()),
            _ => Ok(verified),
        }
    }

    /// The failure; of evidence that was rejected, with its bytes.
    fn failure(&self, error: impl Into<Failure>) -> Failure {
        error.into().with_document(self.seen.take_rejected())
    }
}

/// One of a submission's connections. It ends with its source; `None` where it is of no use.
pub(crate) struct Worker {
    common: Arc<Common>,
    verifier: Verifier,
    notes: Receiver<Note<Ticket>>,
    board: Arc<Board>,
}

impl Worker {
    pub(crate) fn new(
        common: Arc<Common>,
        notes: Receiver<Note<Ticket>>,
        board: Arc<Board>,
    ) -> Self {
        board.worker_began();
        Self {
            verifier: Verifier::new(common.clone()),
            common,
            notes,
            board,
        }
    }

    /// The first connection: it tells at once if there is none.
    pub(crate) async fn run(self) {
        let verified = loop {
            match self.verifier.verify().await {
                Ok(verified) => break verified,
                Err(failure) => {
                    if self.board.fail(failure).await.is_err() {
                        return;
                    }
                }
            }
        };
        // Once it is known that somebody is there, and who.
        let mut others = tokio::task::JoinSet::new();
        for _ in 1..self.common.connections {
            let parts = (self.common.clone(), self.notes.clone(), self.board.clone());
            let other = Self::new(parts.0, parts.1, parts.2);
            others.spawn(other.run_further());
        }
        self.serve(verified).await;
        while others.join_next().await.is_some() {}
    }

    /// A further connection: the others do its work if it finds no place.
    async fn run_further(self) {
        let mut attempts = Attempts::new(self.common.reconnects);
        loop {
            match self.verifier.verify().await {
                Ok(verified) => return self.serve(verified).await,
                Err(failure) if failure.is_full() => return,
                Err(failure) => {
                    if !self.go_on(&mut attempts, failure).await {
                        return;
                    }
                }
            }
        }
    }

    async fn serve(&self, verified: Verified) {
        let mut attempts = Attempts::new(self.common.reconnects);
        let mut submission = verified.submit(self.notes.clone());
        while let Some(next) = submission.next().await {
            match next {
                Ok(result) => {
                    attempts.succeeded();
                    let answer = Answer {
                        outcome: result.outcome.map_err(NoteFailure::Note),
                        evidence: self.verifier.seen.accepted(result.evidence),
                    };
                    self.board.answer(result.id, answer);
                }
                Err(error) => {
                    let failure = self.verifier.failure(error);
                    if !self.go_on(&mut attempts, failure).await {
                        return;
                    }
                }
            }
        }
    }

    /// Waits before the next attempt: a while, or until the caller wants it.
    async fn go_on(&self, attempts: &mut Attempts, failure: Failure) -> bool {
        match attempts.pause() {
            Some(pause) if failure.may_pass() => {
                self.board.reconnecting();
                sleep(pause).await;
                true
            }
            _ => {
                attempts.succeeded();
                self.board.fail(failure).await.is_ok()
            }
        }
    }
}

/// However it ends, a panic included.
impl Drop for Worker {
    fn drop(&mut self) {
        self.board.worker_ended();
    }
}

/// Attempts since the last answer.
struct Attempts {
    most: u32,
    made: u32,
}

impl Attempts {
    fn new(most: u32) -> Self {
        Self { most, made: 0 }
    }

    fn succeeded(&mut self) {
        self.made = 0;
    }

    /// How long to wait before the next one: twice as long each time, and up to half of it less, so that many clients of
    /// one server do not come back together.
    fn pause(&mut self) -> Option<Duration> {
        if self.made == self.most {
            return None;
        }
        let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.made));
        self.made += 1;
        let random = RandomState::new().build_hasher().finish() as u8;
        let share = 1.0 - f64::from(random) / 512.0;
        Some(doubled.min(LONGEST_PAUSE).mul_f64(share))
    }
}
