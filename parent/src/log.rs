//! The log: fixed events with a time, to standard error. None of them takes bytes that a peer sent, and none says whose
//! connection it was unless the operator asks for it.

use std::{
    fmt, io,
    sync::Mutex,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use sealnote_transport::PeerAddress;
use serde::Deserialize;
use tracing::{Value, field};

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A sentence, then `name=value`.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// Has the events of this process written from now on. Only the first call counts.
pub fn start(format: LogFormat) {
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false);
    // An error is that of a log which was started before.
    let _ = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// The field `address` of a line about `client`, where it is `asked` for: without a port, which tells nobody apart.
pub(crate) fn address(client: Option<PeerAddress>, asked: bool) -> Option<impl Value> {
    client.filter(|_| asked).map(Address).map(field::display)
}

struct Address(PeerAddress);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PeerAddress::Ip(address) => address.fmt(f),
            PeerAddress::Vsock(cid) => write!(f, "vsock:{cid}"),
        }
    }
}

/// Lets an event through at most once in [`QUIET`], so that a flood of connections is no flood of
/// lines.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    state: Mutex<State>,
}

/// The least time between two lines of one kind.
pub(crate) const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl RateLimit {
    /// How many events the line stands for, if one is due at `now`.
    pub(crate) fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.suppressed += 1;
        if state
            .last
            .is_some_and(|last| now.duration_since(last) < QUIET)
        {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_and_a_count() {
        let limit = RateLimit::default();
        let start = Instant::now();
        assert_eq!(limit.due(start), Some(1));
        assert_eq!(limit.due(start + QUIET / 2), None);
        assert_eq!(limit.due(start + QUIET / 2), None);
        assert_eq!(limit.due(start + QUIET), Some(3));
    }
}
