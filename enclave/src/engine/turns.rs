//! Whose turn it is: weighted fair queueing of sessions, each with the same weight.
//!
//! Every session has a clock that advances by what is computed for it, and there is one of all, which advances by a
//! session's share of what is computed. One that was idle starts at the clock of all: it is owed nothing for its
//! rest, and has no debt paid off by it; and however many begin, those that wait come nearer with every turn (Demers,
//! Keshav and Shenker, 1989; the clock of all as in WF²Q+, Bennett and Zhang, 1997).
//!
//! The turn is the one's whose clock would be the least if all that it asks for were computed, where [`MUCH`] stands for
//! whatever is more. So a session with little to do goes ahead of those with much, until it is far ahead of its share;
//! and it does so wherever they are in their round: among themselves their clocks are apart by a turn's cost at most, which
//! with the little is less than `MUCH`.
//!
//! A number that is given to one session after another has one clock: to come anew buys nothing.

use std::collections::{HashMap, VecDeque};

/// Numbers a session. Those that have ended are used again, the last one first: there are no more than there are sessions
/// at once.
pub(super) type SessionId = u64;

/// Batches that are as much as anything.
const MUCH: u64 = 4;

/// What clocks count to for a unit of cost, so that shares of it are not rounded away.
const UNIT: u64 = 1 << 16;

/// Jobs of sessions.
pub(super) struct Turns<J> {
    /// Those that have a job, or whose clock is ahead of that of all: they have had their share in advance.
    sessions: HashMap<SessionId, Session<J>>,
    /// The clock of all.
    now: u64,
    /// Number of the next job.
    arrivals: u64,
    /// The greatest estimate of what is to be computed.
    much: u64,
}

struct Session<J> {
    jobs: VecDeque<J>,
    clock: u64,
    /// Of the session's first job: earlier goes first among equals.
    arrived: u64,
}

/// What jobs will cost, as far as can be told without beginning them.
pub(super) trait Estimate: Sized {
    /// All that a session asks for, about, but `much` for more than that; and what its next turn costs beside what is
    /// computed, at most.
    fn estimate(jobs: &VecDeque<Self>, much: u64) -> u64;
}

impl<J: Estimate> Turns<J> {
    /// For turns that compute `batch` at most.
    pub(super) fn new(batch: u64) -> Self {
        Self {
            sessions: HashMap::new(),
            now: 0,
            arrivals: 0,
            much: MUCH * batch,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.busy().next().is_none()
    }

    fn busy(&self) -> impl Iterator<Item = &Session<J>> {
        let sessions = self.sessions.values();
        sessions.filter(|session| !session.jobs.is_empty())
    }

    /// Drops the jobs that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&J) -> bool) {
        for session in self.sessions.values_mut() {
            session.jobs.retain(&keep);
        }
    }

    /// Puts a job behind its session's others.
    pub(super) fn push(&mut self, session: SessionId, job: J) {
        let session = self.sessions.entry(session).or_insert(Session {
            jobs: VecDeque::new(),
            clock: self.now,
            arrived: 0,
        });
        if session.jobs.is_empty() {
            session.arrived = self.arrivals;
        }
        session.jobs.push_back(job);
        self.arrivals += 1;
    }

    /// The session whose turn it is: `serve` takes from its jobs, at least one, and says what it cost.
    /// Nothing happens when there is no job.
    pub(super) fn serve(&mut self, serve: impl FnOnce(&mut VecDeque<J>) -> u64) {
        // Who has had a share in advance has it of this time, too.
        let sharing = self.sessions.len() as u64;
        let much = self.much;
        let due = |session: &Session<J>| {
            let estimate = J::estimate(&session.jobs, much);
            (session.clock + estimate * UNIT, session.arrived)
        };
        let sessions = self.sessions.values_mut();
        let Some(session) = sessions
            .filter(|session| !session.jobs.is_empty())
            .min_by_key(|session| due(session))
        else {
            self.sessions.clear();
            return;
        };
        let cost = serve(&mut session.jobs).max(1) * UNIT;
        session.clock += cost;
        self.now += cost / sharing;
        match self.busy().map(|session| session.clock).min() {
            Some(least) => {
                // Never behind all who wait.
                self.now = self.now.max(least);
                let now = self.now;
                self.sessions
                    .retain(|_, session| !session.jobs.is_empty() || session.clock > now);
            }
            None => self.sessions.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units that are left.
    struct Work(u64);

    const BATCH: u64 = 1000;

    /// Serves a turn; the session that had it is told by its mark in `served`.
    fn turn(turns: &mut Turns<(SessionId, Work)>) -> Option<SessionId> {
        let mut served = None;
        turns.serve(|jobs| {
            let (session, work) = jobs.front_mut().unwrap();
            served = Some(*session);
            let cost = work.0.min(BATCH);
            work.0 -= cost;
            if work.0 == 0 {
                jobs.pop_front();
            }
            cost
        });
        served
    }

    impl Estimate for (SessionId, Work) {
        fn estimate(jobs: &VecDeque<Self>, much: u64) -> u64 {
            jobs.iter().map(|(_, work)| work.0).sum::<u64>().min(much)
        }
    }

    #[test]
    fn busy_sessions_get_equal_shares_whatever_the_sizes_of_their_jobs() {
        let mut turns = Turns::new(BATCH);
        for _ in 0..100 {
            turns.push(1, (1, Work(100)));
            turns.push(2, (2, Work(1000)));
            turns.push(3, (3, Work(10_000)));
        }
        let mut had = [0u64; 4];
        for _ in 0..40 {
            let session = turn(&mut turns).unwrap() as usize;
            had[session] += [0, 100, 1000, 1000][session];
        }
        for session in 1..4 {
            assert!(had[session].abs_diff(had[1]) <= 2 * BATCH, "{had:?}");
        }
    }

    /// Sessions from 1 to `count`, which have a lot to do.
    fn busy(count: u64) -> Turns<(SessionId, Work)> {
        let mut turns = Turns::new(BATCH);
        for session in 1..=count {
            turns.push(session, (session, Work(1_000_000_000)));
        }
        turns
    }

    /// Wherever the others are in their round.
    #[test]
    fn little_of_an_idle_session_waits_for_one_batch_only() {
        for before in 0..200 {
            let mut turns = busy(63);
            for _ in 0..before {
                turn(&mut turns);
            }
            // More than two batches, one after the other.
            turns.push(99, (99, Work(2500)));
            for _ in 0..3 {
                assert_eq!(turn(&mut turns), Some(99), "after {before} turns");
            }
            assert_ne!(turn(&mut turns), Some(99));
        }
    }

    /// Also when its client sends the next note as soon as it has the answer.
    #[test]
    fn it_waits_for_others_once_it_is_far_ahead_of_them() {
        let mut turns = busy(63);
        let (mut had, mut others) = (0, 0);
        loop {
            assert_ne!(turn(&mut turns), Some(99));
            others += BATCH;
            turns.push(99, (99, Work(30)));
            if turn(&mut turns) != Some(99) {
                break;
            }
            had += 30;
        }
        let ahead = had - others / 63;
        assert!((2 * BATCH..MUCH * BATCH).contains(&ahead), "{ahead}");
    }

    /// What it has ahead of the others does not add up against it, nor against them.
    #[test]
    fn who_keeps_to_its_share_never_waits() {
        let mut turns = busy(63);
        let mut had = [0u64; 100];
        for round in 0..3000 {
            for _ in 0..9 {
                had[turn(&mut turns).unwrap() as usize] += BATCH;
            }
            turns.push(99, (99, Work(140)));
            assert_eq!(turn(&mut turns), Some(99), "round {round}");
        }
        assert!((1..=63).all(|other| had[other].abs_diff(had[1]) <= BATCH));
    }

    #[test]
    fn rest_is_no_credit_and_no_pardon() {
        let mut turns = Turns::new(BATCH);
        turns.push(1, (1, Work(10_000)));
        for _ in 0..5 {
            assert_eq!(turn(&mut turns), Some(1));
        }
        // Session 2 comes late: it is not owed the five turns.
        turns.push(2, (2, Work(10_000)));
        let of_two = (0..8).filter(|_| turn(&mut turns) == Some(2)).count();
        assert!((3..=5).contains(&of_two), "{of_two}");

        // Session 3 has had turns just now; that it has nothing to do for a moment does not hide them.
        let mut turns = Turns::new(BATCH);
        turns.push(4, (4, Work(5000)));
        let ahead = (0..10).take_while(|_| {
            turns.push(3, (3, Work(1000)));
            turn(&mut turns) == Some(3)
        });
        assert_eq!(ahead.count(), 3);
    }

    /// The clock of all would be behind those who stay, and who comes next be owed the difference.
    #[test]
    fn who_leaves_before_its_turn_holds_up_no_clock() {
        let mut turns = busy(2);
        assert_eq!(turn(&mut turns), Some(1));
        turns.retain(|(session, _)| *session == 1);
        assert_eq!(turn(&mut turns), Some(1));
        turns.push(3, (3, Work(1_000_000)));
        let order: Vec<_> = (0..4).map(|_| turn(&mut turns).unwrap()).collect();
        assert_eq!(order, [1, 3, 1, 3]);
    }

    /// A client that comes anew for each note, under the number that it had: its share is that of one session.
    #[test]
    fn a_stream_of_new_sessions_starves_nobody() {
        let mut turns = busy(10);
        let mut had = [0u64; 100];
        for _ in 0..3000 {
            let session = turn(&mut turns).unwrap() as usize;
            had[session] += if session < 98 { BATCH } else { 300 };
            for (number, jobs) in [(98, 1), (99, 2)] {
                let session = turns.sessions.get(&number);
                if session.is_none_or(|session| session.jobs.is_empty()) {
                    (0..jobs).for_each(|_| turns.push(number, (number, Work(300))));
                }
            }
            assert!(turns.sessions.len() <= 12);
        }
        let (least, most) = (had[1..=10].iter().min(), had[1..=10].iter().max());
        assert!(most.unwrap() - least.unwrap() <= 2 * BATCH, "{had:?}");
        for new in [98, 99] {
            assert!(had[new] <= had[1] + (MUCH + 2) * BATCH, "{had:?}");
        }
    }

    /// As many small sessions as there may be, each within its share: what is little does not wait for what is much.
    #[test]
    fn many_small_sessions_do_not_make_each_other_wait_for_large_ones() {
        let mut turns = busy(20);
        let mut waits = false;
        for round in 0..20_000 {
            // Each three quarters of its share.
            let small = 21 + round % 75;
            turns.push(small, (small, Work(600)));
            if round % 50 == 0 {
                turns.push(99, (99, Work(700)));
                waits = true;
            }
            for _ in 0..1 + round % 2 {
                match turn(&mut turns) {
                    Some(99) => waits = false,
                    Some(1..=20) => assert!(!waits, "round {round}"),
                    _ => {}
                }
            }
        }
        assert!(!waits);
    }

    #[test]
    fn equals_are_served_in_the_order_of_arrival_and_nothing_is_kept_of_the_idle() {
        let mut turns = Turns::new(BATCH);
        for session in [5, 3, 9] {
            turns.push(session, (session, Work(10)));
        }
        let order: Vec<_> = (0..3).map(|_| turn(&mut turns).unwrap()).collect();
        assert_eq!(order, [5, 3, 9]);
        assert!(turns.is_empty() && turn(&mut turns).is_none());
        turns.push(7, (7, Work(10)));
        turns.retain(|_| false);
        assert!(turn(&mut turns).is_none() && turns.sessions.is_empty());
        turns.push(1, (1, Work(5000)));
        while turn(&mut turns).is_some() {}
        assert!(turns.sessions.is_empty());
    }
}
