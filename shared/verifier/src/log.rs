//! The record of what ran.

use crate::check::Check;

/// The checks that a document has passed, in the order in which they did.
///
/// A check gets in only together with its work, by [`run`](Self::run) or [`run_all`](Self::run_all).
/// So what a user is told has passed is what ran, and a check that nobody calls is not listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct CheckLog(Vec<Check>);

impl CheckLog {
    /// Does a check's work, and records the check if it succeeds.
    ///
    /// A check with parts in several places is run here with its last part. What makes sure that the
    /// others came before is that the last part takes what they returned.
    pub(crate) fn run<T, E>(
        &mut self,
        check: Check,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.run_all([check], |_| work())
    }

    /// The same for checks that one piece of work does together, with others in between.
    pub(crate) fn run_all<T, E, const N: usize>(
        &mut self,
        checks: [Check; N],
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = work(self)?;
        self.0.extend(checks);
        Ok(done)
    }

    /// The checks that have passed.
    pub(crate) fn checks(&self) -> &[Check] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_recorded_when_its_work_has_succeeded() {
        let mut log = CheckLog::default();
        assert_eq!(log.run(Check::A2, || Ok::<_, ()>(7)), Ok(7));
        assert_eq!(log.run(Check::A1, || Err::<(), _>("no")), Err("no"));
        let nested = log.run_all([Check::X3, Check::A7], |log| {
            log.run(Check::A8, || Ok::<_, ()>(()))
        });
        assert_eq!(nested, Ok(()));
        assert_eq!(log.checks(), [Check::A2, Check::A8, Check::X3, Check::A7]);
        let failed = log.run_all([Check::A14], |log| {
            log.run(Check::A9, || Ok::<_, ()>(()))?;
            Err::<(), _>(())
        });
        assert_eq!(failed, Err(()));
        assert!(!log.checks().contains(&Check::A14));
    }
}
