//! Who has a session. When all places are taken, the session that has been idle longest gives its place to a newcomer,
//! so that nobody keeps places by merely holding them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

use super::ServerLimits;

/// The places of all sessions.
pub(super) struct Admission {
    limits: ServerLimits,
    /// A permit for each place that is free; newcomers get them in the order in which they came.
    free: Arc<Semaphore>,
    state: Mutex<State>,
}

/// A session's place, until it is dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    number: u64,
    end: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

/// The session has nothing in flight as long as this lives.
pub(super) struct Idle<'a>(&'a Place);

#[derive(Default)]
struct State {
    sessions: HashMap<u64, Session>,
    /// Number of the next session.
    arrivals: u64,
    /// Newcomers that wait for a place.
    waiting: usize,
}

struct Session {
    begun: Instant,
    /// Since when nothing is in flight.
    idle: Option<Instant>,
    /// Whether its client has yet to say who it is.
    is_stranger: bool,
    /// Whether it was told to end.
    ending: bool,
    end: Arc<Notify>,
}

impl Admission {
    pub(super) fn new(limits: ServerLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            free: Arc::new(Semaphore::new(limits.sessions)),
            state: Mutex::default(),
        })
    }

    /// A place: at once, or when another session has given its own up. `None` if none has within
    /// [`ServerLimits::admission_time`].
    pub(super) async fn place(self: &Arc<Self>) -> Option<Place> {
        if let Ok(permit) = self.free.clone().try_acquire_owned() {
            return Some(self.begin(permit));
        }
        let _waiting = Waiting::new(self);
        let make_room = async {
            loop {
                sleep_until(self.make_room()).await;
            }
        };
        let freed = async {
            tokio::select! {
                permit = self.free.clone().acquire_owned() => permit,
                never = make_room => never,
            }
        };
        let permit = timeout(self.limits.admission_time, freed).await;
        Some(self.begin(permit.ok()?.ok()?))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        let (begun, end) = (Instant::now(), Arc::new(Notify::new()));
        let session = Session {
            begun,
            idle: Some(begun),
            is_stranger: false,
            ending: false,
            end: end.clone(),
        };
        let mut state = self.lock();
        let number = state.arrivals;
        state.arrivals += 1;
        state.sessions.insert(number, session);
        Place {
            admission: self.clone(),
            number,
            end,
            _permit: permit,
        }
    }

    /// Tells sessions to end, one for each newcomer that waits, as far as there are any that may be told. Returns when
    /// to look again.
    fn make_room(&self) -> Instant {
        let now = Instant::now();
        let mut state = self.lock();
        let ending = state.sessions.values().filter(|session| session.ending);
        for _ in ending.count()..state.waiting {
            let staying = state.sessions.values_mut().filter(|s| !s.ending);
            let due = staying.filter_map(|s| Some((s.due(now, &self.limits)?, s)));
            let Some((_, session)) = due.min_by_key(|(due, _)| *due) else {
                break;
            };
            session.ending = true;
            // It is kept for a session that does not listen at this moment.
            session.end.notify_one();
        }
        let sessions = state.sessions.values();
        let may_end = sessions.map(|session| session.may_end(&self.limits));
        // A session that becomes idle from now on may be told that much later, at the earliest.
        let later = now + self.limits.least_idle;
        let next = may_end.filter(|time| *time > now).min();
        next.unwrap_or(later).min(later)
    }
}

impl Session {
    /// From when on it may be told to end.
    fn may_end(&self, limits: &ServerLimits) -> Instant {
        if self.is_stranger {
            return self.begun;
        }
        let term = self.begun + limits.term;
        let idle = self.idle.map(|since| since + limits.least_idle);
        idle.map_or(term, |idle| idle.min(term))
    }

    /// If it may be told to end at `now`, its place in the order: strangers before all others, for they must cost a listed
    /// client none of its sessions; those that are idle before those that are not; the one that has been so longest before
    /// the others.
    fn due(&self, now: Instant, limits: &ServerLimits) -> Option<(u8, Instant)> {
        match self.idle {
            _ if self.is_stranger => Some((0, self.begun)),
            Some(since) if since + limits.least_idle <= now => Some((1, since)),
            _ if self.begun + limits.term <= now => Some((2, self.begun)),
            _ => None,
        }
    }
}

impl Place {
    /// Says that nothing is in flight from now on, until what it returns is dropped.
    pub(super) fn idle(&self) -> Idle<'_> {
        self.set_idle(Some(Instant::now()));
        Idle(self)
    }

    /// Returns once the session is to end, for a newcomer.
    pub(super) async fn given_away(&self) {
        self.end.notified().await;
    }

    /// Says that the client has yet to say who it is, until what it returns is dropped.
    pub(super) fn stranger(&self) -> Stranger<'_> {
        self.set_stranger(true);
        Stranger(self)
    }

    fn set_stranger(&self, is_stranger: bool) {
        if let Some(session) = self.admission.lock().sessions.get_mut(&self.number) {
            session.is_stranger = is_stranger;
        }
    }

    fn set_idle(&self, idle: Option<Instant>) {
        if let Some(session) = self.admission.lock().sessions.get_mut(&self.number) {
            session.idle = idle;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.lock().sessions.remove(&self.number);
    }
}

/// The session's client is not known as long as this lives.
pub(super) struct Stranger<'a>(&'a Place);

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        self.0.set_stranger(false);
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.set_idle(None);
    }
}

/// A newcomer is counted as waiting as long as this lives.
struct Waiting<'a>(&'a Admission);

impl<'a> Waiting<'a> {
    fn new(admission: &'a Admission) -> Self {
        admission.lock().waiting += 1;
        Self(admission)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(10);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A session with a request in flight for so long, none for so long, and so on, until it is told to end. Then it
    /// takes `last` to answer.
    async fn hold(place: Place, busy: Duration, idle: Duration, last: Duration) {
        let work = async {
            loop {
                {
                    let _idle = place.idle();
                    sleep(idle).await;
                }
                sleep(busy).await;
            }
        };
        tokio::select! {
            () = place.given_away() => sleep(last).await,
            never = work => never,
        }
    }

    /// All places are taken, one a moment, by such sessions.
    async fn full(busy: Duration, idle: Duration, last: Duration) -> Arc<Admission> {
        let admission = Admission::new(ServerLimits::default());
        for _ in 0..ServerLimits::default().sessions {
            let place = admission.place().await.unwrap();
            tokio::spawn(hold(place, busy, idle, last));
            sleep(MOMENT).await;
        }
        admission
    }

    /// How long a newcomer waits; it keeps its place, and is never idle.
    async fn newcomer(admission: &Arc<Admission>) -> Option<Duration> {
        let asked = Instant::now();
        let place = admission.place().await?;
        tokio::spawn(hold(place, seconds(3600), Duration::ZERO, MOMENT));
        Some(asked.elapsed())
    }

    /// The numbers of those that have a place.
    fn numbers(admission: &Admission) -> Vec<u64> {
        let mut numbers: Vec<_> = admission.lock().sessions.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_all_places_with_a_note_now_and_then_gives_one_to_each_newcomer() {
        let admission = full(MOMENT, seconds(119), MOMENT).await;
        // The first holders have sent their second note: they are no longer those that are idle longest.
        sleep(seconds(119) - 50 * MOMENT).await;
        for count in 1..=20 {
            assert!(newcomer(&admission).await.unwrap() <= 2 * MOMENT);
            let left: Vec<_> = (0..96)
                .filter(|n| !numbers(&admission).contains(n))
                .collect();
            assert_eq!(left.len(), count);
            assert!(left.iter().all(|number| *number > 40), "{left:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_cut_between_two_requests() {
        let least = ServerLimits::default().least_idle;
        // All are idle, and none for long.
        let admission = full(MOMENT, seconds(3600), MOMENT).await;
        let idle = 96 * MOMENT;
        let waited = newcomer(&admission).await.unwrap();
        assert!(waited >= least - idle && waited < least, "{waited:?}");
        assert_eq!(numbers(&admission), (1..=96).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_been_idle_longest_gives_way_and_not_who_came_first() {
        let admission = Admission::new(ServerLimits {
            sessions: 2,
            ..ServerLimits::default()
        });
        let first = admission.place().await.unwrap();
        let second = admission.place().await.unwrap();
        sleep(seconds(10)).await;
        let _idle = first.idle();
        sleep(seconds(10)).await;
        tokio::select! {
            biased;
            place = admission.place() => assert!(place.is_none(), "both are there still"),
            () = first.given_away() => panic!("the first was told to end"),
            () = second.given_away() => {}
        }
    }

    /// A flood of clients that are in no list must not cost a listed one its session.
    #[tokio::test(start_paused = true)]
    async fn who_has_yet_to_say_who_it_is_gives_way_first_and_at_once() {
        for is_known in [false, true] {
            let admission = Admission::new(ServerLimits {
                sessions: 2,
                ..ServerLimits::default()
            });
            let listed = admission.place().await.unwrap();
            sleep(seconds(10)).await;
            let stranger = admission.place().await.unwrap();
            let unknown = stranger.stranger();
            if is_known {
                drop(unknown);
            } else {
                std::mem::forget(unknown);
            }
            tokio::select! {
                biased;
                place = admission.place() => assert!(place.is_none(), "both are there still"),
                () = listed.given_away() => assert!(is_known, "a listed client was told to end"),
                () = stranger.given_away() => assert!(!is_known, "it had been there for no time"),
            }
        }
    }

    /// Whether they send a note before they would count as idle, or always have one in flight.
    #[tokio::test(start_paused = true)]
    async fn sessions_that_are_never_idle_for_long_give_way_after_their_term() {
        let term = ServerLimits::default().term;
        for (busy, idle) in [(MOMENT, seconds(2)), (seconds(3600), Duration::ZERO)] {
            let admission = full(busy, idle, MOMENT).await;
            let asked = Instant::now();
            assert_eq!(newcomer(&admission).await, None);
            assert_eq!(asked.elapsed(), ServerLimits::default().admission_time);
            assert_eq!(numbers(&admission).len(), 96);
            sleep(term).await;
            for count in 1..=3 {
                assert!(newcomer(&admission).await.unwrap() <= 2 * MOMENT);
                assert_eq!(numbers(&admission)[0], count);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_end_as_newcomers_wait_however_long_they_take_to_end() {
        let admission = full(MOMENT, seconds(119), seconds(4)).await;
        sleep(seconds(30)).await;
        let ending = || {
            let state = admission.lock();
            state
                .sessions
                .values()
                .filter(|session| session.ending)
                .count()
        };
        let gone = timeout(MOMENT, newcomer(&admission));
        assert!(gone.await.is_err());
        assert_eq!(ending(), 1);
        let three = async {
            tokio::join!(
                newcomer(&admission),
                newcomer(&admission),
                newcomer(&admission)
            )
        };
        let soon = async {
            sleep(MOMENT).await;
            // One was told for the newcomer that has gone.
            assert_eq!(ending(), 3);
        };
        let (waited, ()) = tokio::join!(three, soon);
        for waited in [waited.0, waited.1, waited.2] {
            assert!(waited.unwrap() <= seconds(4) + 2 * MOMENT);
        }
        assert_eq!((ending(), numbers(&admission).len()), (0, 96));
    }
}
