//! Whom the parent lets in, for how long, and how those that it turns away are told.
//!
//! Every decision here takes a time that depends neither on how many are connected nor on how many were refused.

mod address_rates;
mod entrance;
mod full;
mod open_files;
mod origin;
mod places;
mod rate;
mod silence;

use std::time::Duration;

use sealnote_transport::{Endpoint, Stream, TransportError, connect_within};
use tokio::time::{Instant, sleep};

pub(crate) use entrance::{Entrance, Limit};
pub(crate) use full::Farewells;
pub(crate) use open_files::allow_open_files;
use origin::Origin;
pub(crate) use places::Place;
pub(crate) use silence::silent_until;

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
