//! The processors that this process may use.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Their numbers, as the system has them; at least one.
pub(super) struct Cpus(Vec<usize>);

impl Cpus {
    pub(super) fn allowed() -> Self {
        let set = sched_getaffinity(None).ok();
        let numbers = set.map(|set| {
            let all = 0..CpuSet::MAX_CPU;
            all.filter(|&cpu| set.is_set(cpu)).collect::<Vec<_>>()
        });
        Self(numbers.filter(|cpus| !cpus.is_empty()).unwrap_or(vec![0]))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Keeps the calling thread on one processor. Where the system refuses, it may go anywhere as before:
    /// that costs speed and nothing else.
    pub(super) fn pin(&self, place: usize) {
        let mut set = CpuSet::new();
        set.set(self.0[place % self.0.len()]);
        let _ = sched_setaffinity(None, &set);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_kept_on_its_processor_and_others_are_not() {
        let cpus = Cpus::allowed();
        assert!(cpus.count() >= 1);
        let place = cpus.count() - 1;
        let seen = std::thread::spawn(move || {
            let cpus = Cpus::allowed();
            cpus.pin(place);
            Cpus::allowed().0
        });
        assert_eq!(seen.join().unwrap(), cpus.0[place..]);
        assert_eq!(Cpus::allowed().0, cpus.0);
    }
}
