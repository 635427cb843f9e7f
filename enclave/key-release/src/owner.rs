//! The owner's release service, `sealnote release`: the key comes through a session sealed like any other.
//!
//! The enclave dials, through the parent's egress, and then is the protocol's enclave: hello → answer → key → ready →
//! record → answer. Who is on the way can stop it and nothing else: the evidence is fresh (the service's challenge), the
//! key is sealed to this connection's key, and the releaser signs for this session (K2).

mod attempt;
mod error;

use std::sync::Arc;
use std::time::Duration;

use sealnote_access::PublicKey;
use sealnote_protocol::claims::ClaimsError;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::Enclave;
use sealnote_protocol::suite::BootKeys;
use sealnote_protocol::task::KeyReleaseClaims;
use sealnote_transport::Endpoint;
use tokio::time::{Instant, sleep};

use crate::{Evidence, Released, Wanted};

pub use error::{OwnerError, Step};

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection, and for each frame.
    pub step: Duration,
    /// For a service that is away, has no place, or goes away under way: until then it is asked again, each time in a new
    /// session with new evidence. What it refuses, it is not asked twice.
    pub in_all: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(30),
            in_all: Duration::from_secs(120),
        }
    }
}

/// The first pause between two attempts; each is twice as long as the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Asks the owner's service, which the parent's egress leads to at `way`, for the key; takes it only if `releaser`, whose
/// key is measured, has signed it. `tell` is told of each failure after which it is asked again.
///
/// # Errors
/// [`OwnerError`], which says what to do.
pub async fn release(
    wanted: &Wanted,
    way: &Endpoint,
    releaser: &PublicKey,
    evidence: Arc<dyn Evidence>,
    patience: Patience,
    mut tell: impl FnMut(&OwnerError),
) -> Result<Released, OwnerError> {
    let enclave = enclave(wanted)?;
    let end = Instant::now() + patience.in_all;
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = attempt::Attempt {
            enclave: enclave.clone(),
            evidence: evidence.clone(),
            step: patience.step,
        };
        match attempt.run(way, releaser).await {
            Err(error) if error.may_pass() && Instant::now() + pause < end => tell(&error),
            done => return done,
        }
        sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// Suite 2 only: it has no key that lasts a boot.
fn enclave(wanted: &Wanted) -> Result<Arc<Enclave<KeyReleaseClaims>>, ClaimsError> {
    let task = KeyReleaseClaims::new(wanted.model, &wanted.key_id);
    let (keys, limits) = (BootKeys::new(None), Limits::of_key_release());
    Enclave::new(keys, task, limits, SessionLimits::default())
}
