//! What a policy demands, one demand at a time, each with what it means: to be shown, and to be compared.

mod azure_vtpm;
mod flat;
mod nitro;
mod sev_snp;
mod tdx;
mod token;

use sealnote_protocol::suite::Suite;
use sealnote_verifier::policy::PolicyFile;
use sealnote_verifier::{Policy, UnixTime};
use serde::Serialize;

/// A policy, with every default filled in.
#[derive(Debug, Serialize)]
pub(crate) struct Outline {
    /// The number of this version of the policy.
    pub(crate) serial: Option<u64>,
    /// The images that are accepted.
    pub(crate) sets: Vec<Set>,
    /// The paravisors that may be under them, by the hardware that these run on.
    #[serde(skip)]
    pub(crate) paravisors: Vec<Vec<Set>>,
    /// What is asked of evidence of a kind, whatever the image.
    pub(crate) evidence: Vec<Section>,
    /// What is asked of a session, whatever the evidence.
    pub(crate) session: Vec<Demand>,
}

/// One image.
#[derive(Debug, Serialize)]
pub(crate) struct Set {
    /// The kind of its evidence.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) label: String,
    /// The last moment at which it is accepted; `None` if there is none.
    #[serde(serialize_with = "displayed")]
    pub(crate) not_after: Option<UnixTime>,
    /// What it demands.
    pub(crate) demands: Vec<Demand>,
}

/// Demands of one kind of evidence.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    /// The kind.
    pub(crate) kind: &'static str,
    /// What it demands.
    pub(crate) demands: Vec<Demand>,
}

/// One thing that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Demand {
    /// As the policy has it: `PCR0`, `max_age_seconds`.
    pub(crate) name: String,
    /// What it is.
    pub(crate) means: &'static str,
    /// Any one of these is accepted; `None` accepts anything.
    pub(crate) accepted: Option<Vec<String>>,
}

impl Outline {
    /// Of a policy, as a file has it and as it was loaded from that.
    pub(crate) fn new(file: &PolicyFile, policy: &Policy) -> Self {
        let (mut sets, mut evidence) = (Vec::new(), Vec::new());
        if let Some(rules) = policy.nitro() {
            sets.extend(nitro::sets(rules));
            evidence.push(nitro::section(rules));
        }
        let file = file.evidence.clone();
        let paravisors = file.azure_vtpm.clone().map(azure_vtpm::paravisors);
        let paravisors = paravisors.into_iter().flatten().collect();
        if let (Some(rules), Some(file)) = (policy.sev_snp(), file.sev_snp) {
            sets.extend(sev_snp::sets(rules));
            evidence.push(sev_snp::section(file));
        }
        let others = [
            file.tdx.map(tdx::outline),
            file.azure_vtpm.map(azure_vtpm::outline),
            file.token.map(token::outline),
        ];
        for (of_kind, section) in others.into_iter().flatten() {
            sets.extend(of_kind);
            evidence.push(section);
        }
        Self {
            serial: policy.serial(),
            sets,
            paravisors,
            evidence,
            session: of_session(policy),
        }
    }
}

impl Demand {
    fn one(name: &str, means: &'static str, value: impl ToString) -> Self {
        Self::any_of(name, means, Some(vec![value.to_string()]))
    }

    fn any_of(name: &str, means: &'static str, accepted: Option<Vec<String>>) -> Self {
        Self {
            name: name.to_owned(),
            means,
            accepted,
        }
    }
}

fn suite(least: Option<u16>) -> Option<Demand> {
    let means = "the weakest suite of a session with this image";
    least.map(|least| Demand::one("least_suite", means, suite_name(least)))
}

fn suite_name(number: u16) -> String {
    match Suite::from_id(number) {
        Some(suite) => format!("{number} ({})", suite.name()),
        None => number.to_string(),
    }
}

fn of_session(policy: &Policy) -> Vec<Demand> {
    let session = policy.session();
    let models = session.model_digests();
    let models = models.map(|models| models.iter().map(ToString::to_string).collect());
    let precision = session.precision().map(|one| vec![one.name().to_owned()]);
    let least = session.least_suite();
    let least = least.unwrap_or(Suite::DEFAULT_LEAST.id());
    vec![
        Demand::any_of("model_digests", "the models that are accepted", models),
        Demand::any_of(
            "precision",
            "the precision that the model computes in",
            precision,
        ),
        Demand::one(
            "least_suite",
            "the weakest suite of a session",
            suite_name(least),
        ),
    ]
}

fn displayed<S: serde::Serializer>(
    time: &Option<UnixTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// What is shown of a value: the whole, or of a digest the first 16 digits.
pub(crate) fn shown(value: &str, full: bool) -> String {
    let is_digest = value.len() >= 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_digest && !full {
        true => format!("{}…", &value[..16]),
        false => value.escape_debug().to_string(),
    }
}
