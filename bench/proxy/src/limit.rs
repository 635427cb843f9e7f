//! How many connections fit into the limit on open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit as far as it goes, for this process and those that it starts, and returns how many clients a
/// proxy can then have, which needs two files for each: `wanted` at most.
pub fn clients(wanted: usize) -> anyhow::Result<usize> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    let files = maximum.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    });
    let fit = files.saturating_sub(BESIDE) / 2;
    if fit < wanted {
        eprintln!(
            "bench-proxy: the hard limit of {files} open files (ulimit -Hn) leaves room for {fit} connections, not {wanted}"
        );
    }
    Ok(fit.min(wanted))
}

/// Files that a proxy has open beside its clients' connections, HAProxy's pipes too, with a margin.
const BESIDE: usize = 400;
