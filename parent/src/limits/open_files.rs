//! How many files the system lets the process open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

use super::full::MAX_LINGERING;
use crate::Config;

/// Raises the limit on open files (RLIMIT_NOFILE) to what the cap on connections needs, as far as the system allows; says so
/// if that is not enough.
///
/// It is raised no further: programs that this one starts inherit it, and some of them walk over all of it.
pub(crate) fn allow_open_files(config: &Config) {
    let needed = needed(config);
    let limit = getrlimit(Resource::Nofile);
    let Some(now) = limit.current.filter(|&now| now < needed) else {
        return;
    };
    let most = limit.maximum.map_or(needed, |hard| hard.min(needed));
    let raised = Rlimit {
        current: Some(most),
        ..limit
    };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => most,
        Err(_) => now,
    };
    if allowed < needed {
        warn!(
            allowed,
            needed,
            max_connections = config.max_connections.get(),
            "the system lets this process open too few files for max-connections: raise its hard limit (systemd: \
             LimitNOFILE), or lower max-connections"
        );
    } else {
        info!(
            from = now,
            to = allowed,
            "the limit on open files is raised"
        );
    }
}

/// A client's socket and the enclave's for each connection, as much and a listener for each egress, those that are being told that there is no place, and what the
/// parent has open for itself.
fn needed(config: &Config) -> u64 {
    let egress = &config.egress;
    let of_egress = egress
        .limits
        .connections
        .get()
        .saturating_mul(2)
        .saturating_add(1);
    let files = config
        .max_connections
        .get()
        .saturating_mul(2)
        .saturating_add(egress.routes.iter().len().saturating_mul(of_egress))
        .saturating_add(MAX_LINGERING + OWN_FILES);
    files.try_into().unwrap_or(u64::MAX)
}

/// Standard streams, listeners, the runtime's own, metrics, endorsements: a dozen, and as many again to spare.
const OWN_FILES: usize = 64;
