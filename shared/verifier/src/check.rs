//! The steps of an appraisal, and the record of those that ran.

use std::fmt;

/// One step of an appraisal. Each kind of evidence has a list of its own, such as [`crate::nitro::checks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    kind: &'static str,
    id: &'static str,
    title: &'static str,
}

impl Check {
    /// A step of the appraisal of evidence of this kind (`any`, where all kinds have it), with its identifier
    /// as PROTOCOL.md writes it, and what holds when it has passed, in a few words.
    pub const fn new(kind: &'static str, id: &'static str, title: &'static str) -> Self {
        Self { kind, id, title }
    }

    /// The kind of evidence, such as `nitro`; `any` where all have the step.
    pub const fn kind(self) -> &'static str {
        self.kind
    }

    /// The identifier, such as `A5`: of its own among the steps that one appraisal has.
    pub const fn id(self) -> &'static str {
        self.id
    }

    /// What holds when the step has passed, in a few words, for display.
    pub const fn title(self) -> &'static str {
        self.title
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id)
    }
}

/// The checks that evidence has passed, in the order in which they did.
///
/// A check gets in only together with its work, by [`run`](Self::run) or [`run_all`](Self::run_all).
/// So what a user is told has passed is what ran, and a check that nobody calls is not listed.
#[derive(Clone, Debug, Default)]
pub struct CheckLog(Vec<Check>);

impl CheckLog {
    /// Does a check's work, and records the check if it succeeds.
    ///
    /// A check with parts in several places is run here with its last part. What makes sure that the
    /// others came before is that the last part takes what they returned.
    pub fn run<T, E>(&mut self, check: Check, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.run_all([check], |_| work())
    }

    /// The same for checks that one piece of work does together, with others in between.
    pub fn run_all<T, E, const N: usize>(
        &mut self,
        checks: [Check; N],
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = work(self)?;
        self.0.extend(checks);
        Ok(done)
    }

    /// Adds what was recorded elsewhere, after what is here.
    pub(crate) fn append(&mut self, later: &Self) {
        self.0.extend(&later.0);
    }

    /// The checks that have passed.
    pub fn passed(&self) -> &[Check] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nitro::checks::{A1, A2, A7, A8, A9, A14, X3};

    #[test]
    fn a_check_is_recorded_when_its_work_has_succeeded() {
        let mut log = CheckLog::default();
        assert_eq!(log.run(A2, || Ok::<_, ()>(7)), Ok(7));
        assert_eq!(log.run(A1, || Err::<(), _>("no")), Err("no"));
        let nested = log.run_all([X3, A7], |log| log.run(A8, || Ok::<_, ()>(())));
        assert_eq!(nested, Ok(()));
        assert_eq!(log.passed(), [A2, A8, X3, A7]);
        let failed = log.run_all([A14], |log| {
            log.run(A9, || Ok::<_, ()>(()))?;
            Err::<(), _>(())
        });
        assert_eq!(failed, Err(()));
        assert!(!log.passed().contains(&A14));
    }
}
