//! The evidence that a connection has seen: what classified a note, and what was rejected.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealnote_client::{Appraisal, EvidenceDigest};

use crate::evidence::Appraised;

/// Sessions whose answers may still come. One is closing while the next is opened.
const SESSIONS: usize = 4;

/// Appraisals of one connection, the last ones.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    accepted: VecDeque<Arc<Appraised>>,
    rejected: Option<Vec<u8>>,
}

impl Seen {
    /// Is to be told of every appraisal.
    pub(crate) fn observer(
        &self,
    ) -> impl Fn(&Appraisal<'_>) -> io::Result<()> + Send + Sync + 'static {
        let seen = self.clone();
        move |appraisal| {
            let mut found = seen.lock();
            match appraisal.verdict {
                Ok(evidence) => {
                    let appraised = Appraised::new(appraisal, evidence);
                    found.accepted.push_front(Arc::new(appraised));
                    found.accepted.truncate(SESSIONS);
                }
                Err(_) => found.rejected = Some(appraisal.saved.evidence.to_vec()),
            }
            Ok(())
        }
    }

    /// What was accepted with this digest.
    pub(crate) fn accepted(&self, digest: EvidenceDigest) -> Option<Arc<Appraised>> {
        let found = self.lock();
        let mut accepted = found.accepted.iter();
        accepted
            .find(|appraised| appraised.digest == digest)
            .cloned()
    }

    /// What was rejected last, for whoever tells of it.
    pub(crate) fn take_rejected(&self) -> Option<Vec<u8>> {
        self.lock().rejected.take()
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
