//! Counts of what happens to enclaves.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Event;
use crate::metrics::counters;

/// Zero in a parent that starts no enclaves.
#[derive(Debug)]
pub(crate) struct LifecycleMetrics {
    running: Gauge,
    started: Counter,
    not_started: Family<Reason, Counter>,
    ended: Family<Reason, Counter>,
    replacements: Family<Outcome, Counter>,
    not_watched: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Default for LifecycleMetrics {
    fn default() -> Self {
        let missing = ["image", "nitro_cli", "room", "state_file", "taken"];
        let came_to = ["before_answer", "while_serving"];
        let outcomes = ["by_restart", "failed", "replaced"];
        LifecycleMetrics {
            running: Gauge::default(),
            started: Counter::default(),
            not_started: counters(missing.map(|reason| Reason { reason })),
            ended: counters(came_to.map(|reason| Reason { reason })),
            replacements: counters(outcomes.map(|outcome| Outcome { outcome })),
            not_watched: Counter::default(),
        }
    }
}

impl LifecycleMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "enclaves_running",
            "Enclaves that this parent looks after and that run",
            self.running.clone(),
        );
        registry.register(
            "enclaves_started",
            "Enclaves started with nitro-cli",
            self.started.clone(),
        );
        registry.register(
            "enclaves_not_started",
            "Starts that failed, by what was missing",
            self.not_started.clone(),
        );
        registry.register(
            "enclaves_ended",
            "Enclaves that ended without an order of this parent, by how far they had come or what their console said",
            self.ended.clone(),
        );
        registry.register(
            "enclave_replacements",
            "Images that were to be replaced, by what came of it",
            self.replacements.clone(),
        );
        registry.register(
            "enclave_watch_failures",
            "Questions whether enclaves run that nitro-cli did not answer",
            self.not_watched.clone(),
        );
    }

    pub(crate) fn count(&self, event: &Event) {
        match event {
            Event::Started { .. } => {
                self.started.inc();
                self.running.inc();
            }
            Event::TakenOver(_) => {
                self.running.inc();
            }
            Event::Terminated(_) | Event::LeftRunning(_) => {
                self.running.dec();
            }
            Event::Ended { reason, .. } => {
                self.running.dec();
                let reason = reason.label();
                self.ended.get_or_create(&Reason { reason }).inc();
            }
            Event::NotStarted { error, .. } => {
                let reason = error.label();
                self.not_started.get_or_create(&Reason { reason }).inc();
            }
            Event::Replaced { .. } => self.replacement("replaced"),
            Event::ReplacedByRestart { .. } => self.replacement("by_restart"),
            Event::NotReplaced(_) => self.replacement("failed"),
            Event::NotWatched(_) => {
                self.not_watched.inc();
            }
            Event::Ready { .. }
            | Event::Silent { .. }
            | Event::Console { .. }
            | Event::Unchanged
            | Event::NotTerminated { .. }
            | Event::NotKept(_) => {}
        }
    }

    fn replacement(&self, outcome: &'static str) {
        self.replacements.get_or_create(&Outcome { outcome }).inc();
    }
}
