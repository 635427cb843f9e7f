//! Whether an enclave is to be trusted with new connections: what it did last, and when it is probed.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row, of dials and probes, and the enclave is left out.
pub(super) const MAX_FAILURES: u32 = 3;

/// What is known of one enclave.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) pace: Pace,
    standing: Standing,
    /// In a row, as far as they count.
    failures: u32,
    counted: Option<Instant>,
    /// When a probe was thought of last, or the first is to be.
    thought: Thought,
    /// Whether a connection has ended without an answer since one had it.
    doubted: bool,
}

/// How often an enclave is probed. Without probes none is left out, for nothing would bring it back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace(pub(super) Option<Duration>);

#[derive(Clone, Copy, Debug)]
enum Thought {
    FirstAt(Instant),
    LastAt(Instant),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing has gone through yet.
    New,
    /// The first step of a handshake went through.
    Proven,
    /// Left out, and probed so often since.
    Ejected { probes: u32 },
}

/// What a failure or a success has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Ejected,
    Returned,
}

impl Pace {
    /// How long a probe may take, so that the next one comes after it.
    pub(super) fn probe_limit(self) -> Duration {
        self.0
            .map_or(LONGEST_PROBE, |period| period.min(LONGEST_PROBE))
    }
}

/// As long as an enclave gives a handshake.
const LONGEST_PROBE: Duration = Duration::from_secs(10);

/// How long after its first mention an enclave is probed. Parent and enclave are often started together, and the first client
/// may come before the probe does.
const BEFORE_FIRST_PROBE: Duration = Duration::from_secs(1);

/// Failures that are closer to each other count as one: of a burst of connections the kernel resets those that the enclave's
/// queue has no room for, and that says nothing against the enclave.
const BURST: Duration = Duration::from_secs(1);

impl Health {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Health {
            pace,
            standing: Standing::New,
            failures: 0,
            counted: None,
            thought: Thought::FirstAt(now + BEFORE_FIRST_PROBE),
            doubted: false,
        }
    }

    /// Forgets everything but when the last probe was: what listens there may be another enclave now.
    pub(super) fn renew(&mut self, now: Instant) {
        let before = std::mem::replace(self, Health::new(self.pace, now)).thought;
        if let (Thought::LastAt(last), Some(period)) = (before, self.pace.0) {
            self.thought = Thought::FirstAt((now + BEFORE_FIRST_PROBE).max(last + period));
        }
    }

    /// Whether it gets connections as long as others do.
    pub(super) fn is_in(&self) -> bool {
        !matches!(self.standing, Standing::Ejected { .. })
    }

    /// Whether the first step of a handshake has gone through, and nothing since speaks against it.
    pub(super) fn is_proven(&self) -> bool {
        self.standing == Standing::Proven
    }

    /// A dial or a probe has failed.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Change> {
        let in_burst = |counted| now.duration_since(counted) < BURST;
        if self.counted.is_some_and(in_burst) {
            return None;
        }
        self.counted = Some(now);
        self.failures = self.failures.saturating_add(1);
        if self.failures < MAX_FAILURES || !self.is_in() || self.pace.0.is_none() {
            return None;
        }
        self.standing = Standing::Ejected { probes: 0 };
        Some(Change::Ejected)
    }

    /// The first step of a handshake went through, of a probe or of a client.
    pub(super) fn passed(&mut self) -> Option<Change> {
        let returned = !self.is_in();
        self.standing = Standing::Proven;
        self.failures = 0;
        self.counted = None;
        self.doubted = false;
        returned.then_some(Change::Returned)
    }

    /// A client's connection has ended, and the enclave had not answered it. That is the client's doing as a rule, and so no
    /// failure, or strangers could have an enclave left out; but it is a reason to look.
    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }

    /// When to ask again whether a [probe is due](Health::probe_is_due), if one may be.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        let period = self.pace.0?;
        let at = match (self.thought, self.standing) {
            (Thought::FirstAt(first), _) => first,
            (Thought::LastAt(last), Standing::Ejected { probes }) => {
                last + period * backoff(probes)
            }
            (Thought::LastAt(last), _) => last + period,
        };
        Some(at)
    }

    /// Whether to probe it now, which the caller then does. `heard` is whether sessions had bytes from the enclave since the last
    /// time that this was asked: as long as they have, and nothing has failed, there is nothing to find out. Of an enclave that
    /// was left out they show nothing, for they are of before.
    pub(super) fn probe_is_due(&mut self, now: Instant, heard: bool) -> bool {
        if self.probe_at().is_none_or(|at| now < at) {
            return false;
        }
        self.thought = Thought::LastAt(now);
        let doubted = std::mem::take(&mut self.doubted);
        match &mut self.standing {
            Standing::Ejected { probes } => {
                *probes = probes.saturating_add(1);
                true
            }
            Standing::New => true,
            Standing::Proven => !heard || doubted || self.failures > 0,
        }
    }
}

/// How many periods pass before the next probe of an enclave that was left out so many probes ago: 1, 1, 2, 4, 6, 6, ….
fn backoff(probes: u32) -> u32 {
    2_u32.pow(probes.saturating_sub(1).min(3)).min(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn three_failures_in_a_row_and_it_is_out_until_one_step_goes_through() {
        let (mut health, mut now) = new();
        let mut fail = |health: &mut Health| {
            now += SECOND;
            health.failed(now)
        };
        assert_eq!((fail(&mut health), fail(&mut health)), (None, None));
        assert_eq!(health.passed(), None);
        assert!(health.is_in() && health.is_proven());
        assert_eq!((fail(&mut health), fail(&mut health)), (None, None));
        assert!(health.is_in() && health.is_proven());
        assert_eq!(fail(&mut health), Some(Change::Ejected));
        assert!(!health.is_in() && !health.is_proven());
        assert_eq!(fail(&mut health), None);
        assert_eq!(health.passed(), Some(Change::Returned));
        assert!(health.is_in() && health.is_proven());
    }

    #[test]
    fn a_burst_of_failures_is_one_failure() {
        let (mut health, now) = new();
        for burst in 0..2 {
            for _ in 0..100 {
                assert_eq!(health.failed(now + burst * SECOND), None);
            }
        }
        let almost = now + 2 * SECOND - Duration::from_millis(1);
        assert_eq!(health.failed(almost), None);
        assert_eq!(health.failed(now + 2 * SECOND), Some(Change::Ejected));
    }

    #[test]
    fn sessions_that_succeed_are_probe_enough() {
        let (mut health, start) = new();
        health.passed();
        let at = |second: u32| start + second * SECOND;
        assert!(!health.probe_is_due(at(1), true));
        assert!(!health.probe_is_due(at(10), false), "it is not time");
        assert!(health.probe_is_due(at(11), false));
        // Somebody came and went, and others have what they want.
        health.doubt();
        assert!(health.probe_is_due(at(21), true));
        health.doubt();
        health.passed();
        assert!(!health.probe_is_due(at(31), true));
        health.failed(at(32));
        assert!(health.probe_is_due(at(41), true));
        assert!(health.probe_is_due(at(51), true), "it has not passed");
    }

    #[test]
    fn a_new_one_is_probed_soon_and_at_most_once_in_a_period() {
        let (mut health, start) = new();
        let mut probed = Vec::new();
        for tenth in 0..400 {
            if health.probe_is_due(start + tenth * SECOND / 10, true) {
                probed.push(tenth / 10);
            }
        }
        assert_eq!(probed, [1, 11, 21, 31]);
    }

    #[test]
    fn the_longer_it_is_out_the_seldomer_it_is_probed_down_to_once_in_six_periods() {
        let (mut health, start) = new();
        for second in 0..3 {
            health.failed(start + second * SECOND);
        }
        let due = |second: &u32| health.probe_is_due(start + *second * SECOND, true);
        let probed: Vec<u32> = (0..300).filter(due).collect();
        assert_eq!(probed, [1, 11, 31, 71, 131, 191, 251]);
        // Once it is back, it is probed as others are.
        health.passed();
        assert_eq!(health.probe_at(), Some(start + 261 * SECOND));
    }

    #[test]
    fn who_comes_back_is_new_and_probed_no_more_often_for_it() {
        let (mut health, start) = new();
        health.passed();
        assert!(health.probe_is_due(start + SECOND, false));
        for second in 2..5 {
            health.failed(start + second * SECOND);
        }
        health.renew(start + 5 * SECOND);
        assert!(health.is_in() && !health.is_proven());
        assert_eq!(health.failed(start + 5 * SECOND), None);
        assert_eq!(health.probe_at(), Some(start + 11 * SECOND));
        health.renew(start + 60 * SECOND);
        assert_eq!(health.probe_at(), Some(start + 61 * SECOND));
    }

    #[test]
    fn without_probes_none_is_left_out() {
        let now = Instant::now();
        let mut health = Health::new(Pace(None), now);
        for second in 0..100 {
            assert_eq!(health.failed(now + second * SECOND), None);
            assert!(!health.probe_is_due(now + second * SECOND, false));
        }
        assert_eq!(health.probe_at(), None);
        assert!(health.is_in() && !health.is_proven());
    }

    fn new() -> (Health, Instant) {
        let now = Instant::now();
        (Health::new(Pace(Some(PERIOD)), now), now)
    }
}
