//! How many connections at a time, and how patiently the enclave is dialled.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use sealnote_transport::{Endpoint, Stream, TransportError, connect_within};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

/// The cap on connections.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Semaphore>);

/// A place under the cap, given back when dropped.
pub(crate) struct Place(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Places {
    pub(crate) fn new(count: NonZeroUsize) -> Self {
        Places(Arc::new(Semaphore::new(
            count.get().min(Semaphore::MAX_PERMITS),
        )))
    }

    /// A place if one is free now. Nobody queues: a client that is told at once can go elsewhere.
    pub(crate) fn take(&self) -> Option<Place> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Place)
    }
}

/// Connects to the enclave, trying again until `patience` has run out; the last failure is the
/// error. `on_failure` is told of every failed attempt.
///
/// While an enclave boots, a connection is refused, reset or not answered at all, depending on the
/// vsock backend; so every failure counts as "not yet".
pub(crate) async fn dial(
    enclave: &Endpoint,
    patience: Duration,
    on_failure: impl Fn(&TransportError),
) -> Result<Stream, TransportError> {
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match connect_within(enclave, left.min(ATTEMPT_TIMEOUT)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                on_failure(&error);
                if Instant::now() + pause >= deadline {
                    return Err(error);
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

// The kernel gives up on a vsock connection after 2 s by default (vsock(7),
// SO_VM_SOCKETS_CONNECT_TIMEOUT); one attempt may take that long and a little more.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let places = Places::new(NonZeroUsize::new(2).unwrap());
        let first = places.take().unwrap();
        let _second = places.take().unwrap();
        assert!(places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }
}
