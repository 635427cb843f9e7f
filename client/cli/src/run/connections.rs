//! The sessions that notes go through, and what is done where one ends before its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use sealnote_client::{Client, ConnectError, Note, SessionEnd, Submission, SubmitError, Verified};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::budget::Budget;
use super::{Done, Event, Pending};
use crate::sink::RowResult;

/// The first pause before a further try; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) notes: async_channel::Receiver<Note<Pending>>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) budget: Budget,
    /// How long to go on without one answer.
    pub(super) patience: Duration,
    pub(super) min_known: Option<f64>,
    pub(super) stop: Arc<AtomicBool>,
    /// Is notified when `stop` is set.
    pub(super) halted: Arc<Notify>,
    /// Connections that were made anew.
    pub(super) reconnected: Arc<AtomicU64>,
}

/// Why a connection has nothing more to do, if it did not come to the notes' end.
pub(super) enum Ended {
    /// All notes were answered, and perhaps a close is missing.
    Done(Option<SessionEnd>),
    /// A further connection never came about. It took no note.
    NotNeeded(SubmitError),
}

/// Starts one connection with the evidence at hand, and `further` ones.
pub(super) fn start(
    shared: &Shared,
    first: Verified,
    further: usize,
) -> JoinSet<Result<Ended, SubmitError>> {
    let mut set = JoinSet::new();
    let begun = Arc::new(AtomicBool::new(true));
    let submission = first.submit(notes(shared, begun.clone()));
    set.spawn(drive(shared.clone(), submission, begun));
    for _ in 0..further {
        let begun = Arc::new(AtomicBool::new(false));
        let submission = shared.client.submit(notes(shared, begun.clone()));
        set.spawn(drive(shared.clone(), submission, begun));
    }
    set
}

/// Notes, until the run is asked to stop: what was read ahead is not sent then. The first one sets `begun`.
fn notes(
    shared: &Shared,
    begun: Arc<AtomicBool>,
) -> impl Stream<Item = Note<Pending>> + Send + use<> {
    let stop = shared.stop.clone();
    let notes = shared.notes.clone();
    notes.take_while(move |_| {
        begun.store(true, Ordering::Relaxed);
        std::future::ready(!stop.load(Ordering::Relaxed))
    })
}

async fn drive<S>(
    shared: Shared,
    mut submission: Submission<S, Pending>,
    begun: Arc<AtomicBool>,
) -> Result<Ended, SubmitError>
where
    S: Stream<Item = Note<Pending>>,
{
    let mut pauses = Pauses::new(shared.patience);
    loop {
        match submission.next().await {
            Some(Ok(result)) => {
                pauses = Pauses::new(shared.patience);
                let mut pending = result.id;
                let result = RowResult::of(result.outcome, result.evidence, shared.min_known);
                // It may wait for that of an earlier record.
                let scores = result.held();
                shared.budget.add(scores);
                pending.held += scores;
                let done = Event::Done(Done { pending, result });
                if shared.events.send(done).is_err() {
                    return Ok(Ended::Done(None));
                }
            }
            None => return Ok(Ended::Done(submission.missing_close())),
            Some(Err(error)) if !may_be_repeated(&error) => return Err(error),
            Some(Err(error)) if !begun.load(Ordering::Relaxed) => {
                return Ok(Ended::NotNeeded(error));
            }
            Some(Err(error)) => {
                let halted = shared.halted.notified();
                let stopping = shared.stop.load(Ordering::Relaxed);
                let Some(pause) = pauses.next(Instant::now()).filter(|_| !stopping) else {
                    return Err(error);
                };
                if shared.reconnected.fetch_add(1, Ordering::Relaxed) == 0 {
                    let patience = shared.patience.as_secs();
                    note!("{error}; connecting again, for {patience} s at most");
                }
                tokio::select! {
                    () = sleep(pause) => {}
                    () = halted => return Err(error),
                }
            }
        }
    }
}

/// Whether time may help. Rejected evidence, another model and a record that was tampered with are for a person to
/// look at; and so is a quota, which time helps only after so long that a run is better resumed.
fn may_be_repeated(error: &SubmitError) -> bool {
    match error {
        SubmitError::Connect(error) => !matches!(
            error,
            ConnectError::Rejected(_)
                | ConnectError::Evidence(_)
                | ConnectError::Key(_)
                | ConnectError::NotKept(_)
                | ConnectError::NoClientKey
        ),
        SubmitError::Session(SessionEnd::Wire(_)) | SubmitError::NoProgress => true,
        _ => false,
    }
}

/// Exponential backoff, up to a deadline that begins with the first failure.
struct Pauses {
    next: Duration,
    patience: Duration,
    deadline: Option<Instant>,
    failed: Option<Instant>,
}

impl Pauses {
    fn new(patience: Duration) -> Self {
        Self {
            next: FIRST_PAUSE,
            patience,
            deadline: None,
            failed: None,
        }
    }

    fn next(&mut self, now: Instant) -> Option<Duration> {
        // A failure long after the one before begins anew: an input may be slow, and nothing was asked meanwhile.
        if self
            .failed
            .is_some_and(|failed| now > failed + self.patience.max(2 * LONGEST_PAUSE))
        {
            *self = Self::new(self.patience);
        }
        self.failed = Some(now);
        let deadline = *self.deadline.get_or_insert(now + self.patience);
        if now >= deadline {
            return None;
        }
        let pause = self.next.min(deadline - now);
        self.next = (2 * self.next).min(LONGEST_PAUSE);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_deadline() {
        let mut pauses = Pauses::new(Duration::from_secs(60));
        let mut now = Instant::now();
        let mut slept = Vec::new();
        while let Some(pause) = pauses.next(now) {
            slept.push(pause.as_millis());
            now += pause;
        }
        assert_eq!(
            slept,
            [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 14_250]
        );
        assert!(Pauses::new(Duration::ZERO).next(now).is_none());
    }
}
