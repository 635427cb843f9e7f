//! Whose turn it is: weighted fair queueing of sessions, with equal weights (Demers, Keshav and Shenker, 1989). A session
//! is what the literature calls a flow, and its clock is the finish tag of what was computed for it last.
//!
//! Each session has a virtual clock, which advances by the cost of what is computed for it. The virtual time advances by
//! that cost divided by the number of sessions that share it, and never stays behind the clocks of all that wait (as in
//! WF²Q+, Bennett and Zhang, 1997). A session whose clock is ahead of the virtual time has had more than its share: it
//! is in debt. A session that was idle goes on at the virtual time or at its own clock, whichever is later. So a rest
//! earns nothing, and a debt shrinks only as the virtual time advances.
//!
//! The turn goes to the session whose clock would be the least once all that it asks for were computed; what is more than
//! [`MUCH`] counts as `MUCH`. The clocks of sessions that ask for much are within a turn's cost of each other, and that is
//! less than `MUCH`. So a session that asks for little goes ahead of all of them, wherever they are in their round, until
//! its debt comes near to `MUCH`.
//!
//! A session that ends in debt leaves the debt behind, and the next new session takes it over, the greatest first. So a
//! client gains nothing by connecting anew: it takes over the debt that it left, or a greater one. (If the least came
//! first, a client could use up the debts that others left, one after the other, and have all their shares.) The new
//! session of an innocent client then pays for what another had. That cannot be helped, because nobody can tell the two
//! apart, but it is made light: for its first turn the debt counts as less by `MUCH`, and few debts are greater than
//! that. A debt that was left is gone once the virtual time has come to it.

use std::collections::{HashMap, VecDeque};

/// Numbers a session; never used again.
pub(super) type SessionId = u64;

/// Batches that count as much: a session that asks for more does not come later for it.
const MUCH: u64 = 4;

/// What clocks count to for a unit of cost, so that shares of it are not rounded away.
const UNIT: u64 = 1 << 16;

/// Jobs of sessions, each in the queue of its session.
pub(super) struct FairQueue<J> {
    /// Those that have had a job and have not ended.
    sessions: HashMap<SessionId, Session<J>>,
    /// The clocks of sessions that ended in debt, until a new session takes one over or the virtual time comes to it.
    /// There are never more than there were sessions at once.
    left: Vec<u64>,
    /// The virtual time.
    now: u64,
    /// Number of the next job.
    arrivals: u64,
    /// The greatest estimate of what is to be computed.
    much: u64,
}

struct Session<J> {
    jobs: VecDeque<J>,
    clock: u64,
    /// By so much its clock counts less, until it has had a turn.
    grace: u64,
    /// Number of the session's first job: among equals, the earlier goes first.
    arrived: u64,
}

/// What jobs will cost, as far as can be told before they are begun.
pub(super) trait Estimate: Sized {
    /// About what a session's jobs will cost in all, or `much` if that is less; and beside it, at most what its next turn
    /// costs before anything is computed.
    fn estimate(jobs: &VecDeque<Self>, much: u64) -> u64;
}

impl<J: Estimate> FairQueue<J> {
    /// For turns that compute `batch` at most.
    pub(super) fn new(batch: u64) -> Self {
        Self {
            sessions: HashMap::new(),
            left: Vec::new(),
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
        let now = self.now;
        let session = self.sessions.entry(session).or_insert_with(|| {
            let debt = take_greatest(&mut self.left);
            let clock = debt.map_or(now, |clock| clock.max(now));
            Session {
                jobs: VecDeque::new(),
                clock,
                grace: (clock - now).min(self.much * UNIT),
                arrived: 0,
            }
        });
        if session.jobs.is_empty() {
            session.clock = session.clock.max(now);
            session.arrived = self.arrivals;
        }
        session.jobs.push_back(job);
        self.arrivals += 1;
    }

    /// Forgets a session, and what it asked for, but not its debt.
    pub(super) fn end(&mut self, session: SessionId) {
        let session = self.sessions.remove(&session);
        if let Some(session) = session.filter(|session| session.clock > self.now) {
            self.left.push(session.clock);
        }
    }

    /// The session whose turn it is: `serve` takes from its jobs, at least one, and says what it cost.
    /// Nothing happens when there is no job.
    pub(super) fn serve(&mut self, serve: impl FnOnce(&mut VecDeque<J>) -> u64) {
        let sharing = self.sharing();
        let much = self.much;
        let due = |session: &Session<J>| {
            let estimate = J::estimate(&session.jobs, much);
            (
                session.clock - session.grace + estimate * UNIT,
                session.arrived,
            )
        };
        let sessions = self.sessions.values_mut();
        let Some(session) = sessions
            .filter(|session| !session.jobs.is_empty())
            .min_by_key(|session| due(session))
        else {
            return self.forgive();
        };
        let cost = serve(&mut session.jobs).max(1) * UNIT;
        session.clock += cost;
        session.grace = 0;
        self.now += cost / sharing;
        match self.busy().map(|session| session.clock).min() {
            // Never behind all that wait.
            Some(least) => self.now = self.now.max(least),
            None => self.forgive(),
        }
        let now = self.now;
        self.left.retain(|clock| *clock > now);
    }

    /// How many sessions share what is computed: those that wait, and those in debt, which have had their share of it
    /// in advance.
    fn sharing(&self) -> u64 {
        let shares = |session: &&Session<J>| !session.jobs.is_empty() || session.clock > self.now;
        (self.sessions.values().filter(shares).count() + self.left.len()) as u64
    }

    /// Nobody waits, so nobody is the worse for what others had: the virtual time comes to every clock.
    fn forgive(&mut self) {
        let clocks = self.sessions.values().map(|session| session.clock);
        self.now = clocks.chain(self.left.drain(..)).fold(self.now, u64::max);
    }
}

fn take_greatest(clocks: &mut Vec<u64>) -> Option<u64> {
    let (index, _) = clocks.iter().enumerate().max_by_key(|(_, clock)| **clock)?;
    Some(clocks.swap_remove(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units that are left.
    struct Work(u64);

    const BATCH: u64 = 1000;

    /// Serves a turn; the session that had it is told by its mark in `served`.
    fn turn(queue: &mut FairQueue<(SessionId, Work)>) -> Option<SessionId> {
        let mut served = None;
        queue.serve(|jobs| {
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
        let mut queue = FairQueue::new(BATCH);
        for _ in 0..100 {
            queue.push(1, (1, Work(100)));
            queue.push(2, (2, Work(1000)));
            queue.push(3, (3, Work(10_000)));
        }
        let mut had = [0u64; 4];
        for _ in 0..40 {
            let session = turn(&mut queue).unwrap() as usize;
            had[session] += [0, 100, 1000, 1000][session];
        }
        for session in 1..4 {
            assert!(had[session].abs_diff(had[1]) <= 2 * BATCH, "{had:?}");
        }
    }

    /// Sessions from 1 to `count`, which have a lot to do.
    fn busy(count: u64) -> FairQueue<(SessionId, Work)> {
        let mut queue = FairQueue::new(BATCH);
        for session in 1..=count {
            queue.push(session, (session, Work(1_000_000_000)));
        }
        queue
    }

    /// Wherever the others are in their round.
    #[test]
    fn little_of_an_idle_session_waits_for_one_batch_only() {
        for before in 0..200 {
            let mut queue = busy(63);
            for _ in 0..before {
                turn(&mut queue);
            }
            // More than two batches, one after the other.
            queue.push(99, (99, Work(2500)));
            for _ in 0..3 {
                assert_eq!(turn(&mut queue), Some(99), "after {before} turns");
            }
            assert_ne!(turn(&mut queue), Some(99));
        }
    }

    /// Also when its client sends the next note as soon as it has the answer.
    #[test]
    fn it_waits_for_others_once_it_is_far_ahead_of_them() {
        let mut queue = busy(63);
        let (mut had, mut others) = (0, 0);
        loop {
            assert_ne!(turn(&mut queue), Some(99));
            others += BATCH;
            queue.push(99, (99, Work(30)));
            if turn(&mut queue) != Some(99) {
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
        let mut queue = busy(63);
        let mut had = [0u64; 100];
        for round in 0..3000 {
            for _ in 0..9 {
                had[turn(&mut queue).unwrap() as usize] += BATCH;
            }
            queue.push(99, (99, Work(140)));
            assert_eq!(turn(&mut queue), Some(99), "round {round}");
        }
        assert!((1..=63).all(|other| had[other].abs_diff(had[1]) <= BATCH));
    }

    #[test]
    fn rest_is_no_credit_and_no_pardon() {
        let mut queue = FairQueue::new(BATCH);
        queue.push(1, (1, Work(10_000)));
        for _ in 0..5 {
            assert_eq!(turn(&mut queue), Some(1));
        }
        // Session 2 comes late: it is not owed the five queue.
        queue.push(2, (2, Work(10_000)));
        let of_two = (0..8).filter(|_| turn(&mut queue) == Some(2)).count();
        assert!((3..=5).contains(&of_two), "{of_two}");

        // Session 3 has had turns just now; that it has nothing to do for a moment does not hide them.
        let mut queue = FairQueue::new(BATCH);
        queue.push(4, (4, Work(5000)));
        let ahead = (0..10).take_while(|_| {
            queue.push(3, (3, Work(1000)));
            turn(&mut queue) == Some(3)
        });
        assert_eq!(ahead.count(), 3);
    }

    /// The clock of all would be behind those who stay, and who comes next be owed the difference.
    #[test]
    fn who_leaves_before_its_turn_holds_up_no_clock() {
        let mut queue = busy(2);
        assert_eq!(turn(&mut queue), Some(1));
        queue.retain(|(session, _)| *session == 1);
        assert_eq!(turn(&mut queue), Some(1));
        queue.push(3, (3, Work(1_000_000)));
        let order: Vec<_> = (0..4).map(|_| turn(&mut queue).unwrap()).collect();
        assert_eq!(order, [1, 3, 1, 3]);
    }

    /// Two clients that connect anew for each request, of one note and of two, beside so many that are busy. Returns
    /// what each of them had, and what the busy ones had.
    fn beside_two_that_come_anew(busy_ones: u64, before: u64) -> ([u64; 2], Vec<u64>) {
        let mut queue = busy(busy_ones);
        // So many have been there at once, and have gone, some of them in debt.
        let mut next = busy_ones + 1;
        let earlier = next..next + before;
        earlier
            .clone()
            .for_each(|id| queue.push(id, (id, Work(300))));
        while queue.busy().count() as u64 > busy_ones {
            turn(&mut queue);
        }
        earlier.for_each(|id| queue.end(id));
        next += before;

        let (mut anew, mut had) = ([0; 2], vec![0; busy_ones as usize]);
        let mut open = [0, 0];
        for _ in 0..10_000 {
            for (session, notes) in open.iter_mut().zip([1, 2]) {
                if queue
                    .sessions
                    .get(session)
                    .is_none_or(|s| s.jobs.is_empty())
                {
                    queue.end(*session);
                    *session = next;
                    next += 1;
                    (0..notes).for_each(|_| queue.push(*session, (*session, Work(300))));
                }
            }
            let served = turn(&mut queue).unwrap();
            match open.iter().position(|session| *session == served) {
                Some(client) => anew[client] += 300,
                None => had[served as usize - 1] += BATCH,
            }
            assert!(queue.sessions.len() + queue.left.len() <= (busy_ones + 2 + before) as usize);
        }
        (anew, had)
    }

    #[test]
    fn to_connect_anew_buys_nothing() {
        for (busy_ones, before) in [(94, 0), (2, 0), (2, 94)] {
            let (anew, had) = beside_two_that_come_anew(busy_ones, before);
            let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
            assert!(most - least <= 2 * BATCH, "{had:?}");
            // Once, what any session may be ahead, and the grace.
            let ahead = (2 * MUCH + 2) * BATCH;
            let fair = |anew: &u64| anew.abs_diff(*least) <= ahead;
            assert!(anew.iter().all(fair), "{anew:?}, {had:?}");
        }
    }

    /// How many turns each of a new session's notes waits for, beside ten that are busy, where sessions have just left
    /// such debts behind.
    fn waits_after(debts: &[u64]) -> [usize; 2] {
        let mut queue = busy(10);
        (0..10).for_each(|_| assert!(turn(&mut queue).is_some()));
        queue.left = debts.iter().map(|debt| queue.now + debt * UNIT).collect();
        [(); 2].map(|()| {
            queue.push(99, (99, Work(10)));
            let mut served = std::iter::from_fn(|| turn(&mut queue));
            served.position(|served| served == 99).unwrap()
        })
    }

    #[test]
    fn a_debt_that_is_taken_over_does_not_hold_up_the_first_turn() {
        assert_eq!(waits_after(&[]), [0, 0]);
        assert_eq!(waits_after(&[BATCH, 2 * BATCH]), [0, 0]);
        let [first, second] = waits_after(&[BATCH, 6 * BATCH]);
        assert_eq!(first, 0);
        assert!((20..40).contains(&second), "{second}");
    }

    #[test]
    fn a_debt_that_is_left_is_paid_off_by_everybodys_turns() {
        let mut queue = busy(10);
        queue.push(99, (99, Work(3000)));
        (0..3).for_each(|_| assert_eq!(turn(&mut queue), Some(99)));
        queue.end(99);
        assert_eq!(queue.left.len(), 1);
        (0..40).for_each(|_| assert!(turn(&mut queue).is_some()));
        assert!(queue.left.is_empty());
    }

    #[test]
    fn a_session_that_has_nothing_to_do_for_a_while_takes_over_no_debt() {
        let mut queue = busy(10);
        queue.push(99, (99, Work(10)));
        (0..20).for_each(|_| assert!(turn(&mut queue).is_some()));
        queue.left = vec![queue.now + 9 * BATCH * UNIT];
        queue.push(99, (99, Work(10)));
        assert_eq!(turn(&mut queue), Some(99));
        assert_eq!(queue.left.len(), 1);
    }

    /// As many small sessions as there may be, each within its share: what is little does not wait for what is much.
    #[test]
    fn many_small_sessions_do_not_make_each_other_wait_for_large_ones() {
        let mut queue = busy(20);
        let mut waits = false;
        for round in 0..20_000 {
            // Each three quarters of its share.
            let small = 21 + round % 75;
            queue.push(small, (small, Work(600)));
            if round % 50 == 0 {
                queue.push(99, (99, Work(700)));
                waits = true;
            }
            for _ in 0..1 + round % 2 {
                match turn(&mut queue) {
                    Some(99) => waits = false,
                    Some(1..=20) => assert!(!waits, "round {round}"),
                    _ => {}
                }
            }
        }
        assert!(!waits);
    }

    #[test]
    fn equals_are_served_in_the_order_of_arrival_and_nobody_is_in_debt_once_nobody_waits() {
        let mut queue = FairQueue::new(BATCH);
        for session in [5, 3, 9] {
            queue.push(session, (session, Work(10)));
        }
        let order: Vec<_> = (0..3).map(|_| turn(&mut queue).unwrap()).collect();
        assert_eq!(order, [5, 3, 9]);
        assert!(queue.is_empty() && turn(&mut queue).is_none());
        queue.push(7, (7, Work(10)));
        queue.retain(|_| false);
        assert!(turn(&mut queue).is_none());
        for ended in [1, 2] {
            queue.push(ended, (ended, Work(5000)));
            while turn(&mut queue).is_some() {}
            assert_eq!(queue.sharing(), 0);
            queue.end(ended);
        }
        assert!(queue.left.is_empty());
        [3, 5, 7, 9]
            .into_iter()
            .for_each(|session| queue.end(session));
        assert!(queue.sessions.is_empty());
    }
}
