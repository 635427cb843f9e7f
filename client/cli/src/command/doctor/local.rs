//! What can be checked on this machine: config file, policy, limits.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use sealnote_client::{Policy, TrustRoots, UnixTime};
use sealnote_memory::Available;

use super::finding::Finding;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::files::{is_stdin, shown};

/// A set that expires sooner is one to renew.
const SOON_DAYS: u64 = 30;

/// Less memory than this is too little for a run.
const LEAST_MEMORY: u64 = 128 << 20;

pub(super) const NO_POLICY: &str = "take the policy from whoever vouches for the enclave's image; `sealnote measure IMAGE -o policy.json` makes one. \
     The server is looked at without it, and its evidence cannot be accepted";

pub(super) fn config(config: &Config) -> Finding {
    const CHECK: &str = "config";
    if let Some(problem) = &config.problem {
        let failure = Exit::Usage.because(problem.to_string());
        let advice =
            "correct the file, or name another with --config; until then no profile is used";
        return Finding::failed(CHECK, failure, advice);
    }
    let Some(file) = &config.file else {
        return Finding::ok(CHECK, "no config file: no home folder is set");
    };
    let Some(profile) = &config.profile else {
        let there = match file.exists() {
            true => "has no profile \"default\", and none was named",
            false => "is not there, and none is needed",
        };
        return Finding::ok(CHECK, format!("{} {there}", shown(file)));
    };
    let says = format!("{}, profile {:?}", shown(file), profile.name);
    match others_may_write(file) {
        Some(who) => Finding::warn(
            CHECK,
            format!("{says}; {who} may change it"),
            format!(
                "`chmod go-w {}`: whoever writes it chooses server and policy",
                shown(file)
            ),
        ),
        None => Finding::ok(CHECK, says),
    }
}

pub(super) fn policy(policy: &Policy, path: Option<&Path>, now: UnixTime) -> Finding {
    const CHECK: &str = "policy";
    let nitro = policy.nitro().into_iter();
    let nitro = nitro.flat_map(|rules| rules.measurement_sets());
    let snp = policy.sev_snp().into_iter();
    let snp = snp.flat_map(|rules| rules.measurement_sets());
    let sets: Vec<(&str, Option<UnixTime>)> = nitro
        .map(|set| (set.label(), set.not_after()))
        .chain(snp.map(|set| (set.label(), set.not_after())))
        .collect();
    let soon = UnixTime::from_seconds(now.as_seconds() + SOON_DAYS * 24 * 60 * 60);
    let before = |moment: UnixTime| {
        let ends = |end: &Option<UnixTime>| end.is_some_and(|end| end < moment);
        let labels = sets.iter().filter(move |(_, end)| ends(end));
        labels
            .map(|(label, _)| format!("{label:?}"))
            .collect::<Vec<_>>()
    };
    let (expired, ending) = (before(now), before(soon));
    let says = match sets.len() {
        1 => "1 measurement set".to_owned(),
        n => format!("{n} measurement sets"),
    };
    if expired.len() == sets.len() {
        let failure = Exit::Rejected.because(format!(
            "{says}, and all have expired: {}",
            expired.join(", ")
        ));
        return Finding::failed(
            CHECK,
            failure,
            "ask for a policy of the current release; no evidence can match this one",
        );
    }
    let mut open = Vec::new();
    if !expired.is_empty() {
        open.push(format!("expired: {}", expired.join(", ")));
    }
    if ending.len() > expired.len() {
        let ending: Vec<_> = ending
            .into_iter()
            .filter(|label| !expired.contains(label))
            .collect();
        open.push(format!(
            "expires within {SOON_DAYS} days: {}",
            ending.join(", ")
        ));
    }
    if policy.nitro().is_some_and(|rules| !rules.has_machine_pin()) {
        open.push("no machine is pinned (PCR3 or PCR4): anyone's machine may run the image".into());
    }
    if policy.session().model_digests().is_none() {
        open.push("no model is pinned: whatever the image reports is accepted".into());
    }
    if let Some(path) = path.filter(|path| !is_stdin(path))
        && let Some(who) = others_may_write(path)
    {
        open.push(format!("{who} may change the file"));
    }
    match open.is_empty() {
        true => Finding::ok(CHECK, says),
        false => Finding::warn(
            CHECK,
            format!("{says}; {}", open.join("; ")),
            "ask for a policy that closes what is open, if it matters to you",
        ),
    }
}

pub(super) fn danger() -> Finding {
    Finding::warn(
        "danger",
        "evidence under a development root is accepted",
        "leave --danger-accept-software-root out wherever notes are real",
    )
}

pub(super) fn machine() -> Finding {
    const CHECK: &str = "machine";
    let core = getrlimit(Resource::Core);
    if core.maximum != Some(0) {
        let failure = Exit::Usage.because("core dumps are not turned off, and would hold notes");
        return Finding::failed(CHECK, failure, "set `ulimit -c 0` before the run");
    }
    let Some(Available { bytes, bound }) = sealnote_memory::available() else {
        return Finding::ok(CHECK, "no core dumps; memory is not limited");
    };
    let says = format!("no core dumps; {} MiB of memory, by {bound}", bytes >> 20);
    match bytes < LEAST_MEMORY {
        true => Finding::warn(
            CHECK,
            says,
            format!(
                "give a run {} MiB, or fewer --connections",
                LEAST_MEMORY >> 20
            ),
        ),
        false => Finding::ok(CHECK, says),
    }
}

/// Where there is no policy: one that accepts nothing, to see whether the server answers at all.
pub(super) fn stand_in() -> Result<(Policy, TrustRoots), Failure> {
    let nothing = "5e".repeat(48);
    let json = format!(
        r#"{{"Measurements": {{"PCR0": "{nothing}", "PCR1": "{nothing}", "PCR2": "{nothing}"}}}}"#
    );
    match Policy::from_json(json) {
        Ok(policy) => Ok((policy, TrustRoots::vendors())),
        Err(error) => Err(Exit::Usage.because(error.to_string())),
    }
}

fn others_may_write(path: &Path) -> Option<&'static str> {
    match std::fs::metadata(path).ok()?.mode() & 0o022 {
        0 => None,
        0o020 => Some("its group"),
        _ => Some("everybody"),
    }
}
