//! What a policy demands, one demand at a time, each with what it means: to be shown, and to be compared.

use sealnote_protocol::suite::Suite;
use sealnote_verifier::nitro::MODEL_REGISTER;
use sealnote_verifier::policy::PolicyFile;
use sealnote_verifier::sev_snp::rules::{
    CrlFile, DEFAULT_CRL_MAX_AGE_SECONDS, EndorsementFile, RulesFile,
};
use sealnote_verifier::{Kind, Policy, UnixTime, nitro, sev_snp};
use serde::Serialize;
use serde_json::Value;

use super::registers::measures;

/// A policy, with every default filled in.
#[derive(Debug, Serialize)]
pub(crate) struct Outline {
    /// The number of this version of the policy.
    pub(crate) serial: Option<u64>,
    /// The images that are accepted.
    pub(crate) sets: Vec<Set>,
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
        let nitro_sets = policy.nitro().into_iter().flat_map(|rules| {
            let sets = rules.measurement_sets().iter();
            sets.map(Set::of_nitro)
        });
        let sev_snp_sets = policy.sev_snp().into_iter().flat_map(|rules| {
            let sets = rules.measurement_sets().iter();
            sets.map(Set::of_sev_snp)
        });
        let nitro = policy.nitro().map(|rules| Section {
            kind: Kind::Nitro.name(),
            demands: of_nitro(rules),
        });
        let sev_snp = file.evidence.sev_snp.clone().map(|rules| Section {
            kind: Kind::SevSnp.name(),
            demands: of_sev_snp(rules),
        });
        Self {
            serial: policy.serial(),
            sets: nitro_sets.chain(sev_snp_sets).collect(),
            evidence: nitro.into_iter().chain(sev_snp).collect(),
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

impl Set {
    fn of_nitro(set: &nitro::MeasurementSet) -> Self {
        let registers = [0, 1, 2, 8].into_iter();
        let demands = registers.filter_map(|register| {
            let value = set.register(register)?;
            Some(Demand::one(&pcr(register), measures(register), value))
        });
        Self {
            kind: Kind::Nitro.name(),
            label: set.label().to_owned(),
            not_after: set.not_after(),
            demands: demands.chain(suite(set.least_suite())).collect(),
        }
    }

    fn of_sev_snp(set: &sev_snp::MeasurementSet) -> Self {
        let demands = [
            Demand::one(
                "measurement",
                "the guest as it was launched",
                hex::encode(set.measurement()),
            ),
            Demand::one(
                "host_data",
                "what the host put in at launch",
                hex_or_zero(set.host_data()),
            ),
            Demand::one(
                "id_key_digest",
                "the key that signed the guest's id",
                hex_or_zero(set.id_key_digest()),
            ),
            Demand::one(
                "author_key_digest",
                "the key that signed the id key",
                hex_or_zero(set.author_key_digest()),
            ),
        ];
        Self {
            kind: Kind::SevSnp.name(),
            label: set.label().to_owned(),
            not_after: set.not_after(),
            demands: demands
                .into_iter()
                .chain(suite(set.least_suite()))
                .collect(),
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

fn of_nitro(rules: &nitro::Rules) -> Vec<Demand> {
    let pins = [3, 4, 8, MODEL_REGISTER].into_iter().map(|register| {
        let values = rules.pin(register);
        let accepted = values.iter().map(ToString::to_string).collect();
        let accepted = (!values.is_empty()).then_some(accepted);
        Demand::any_of(&pcr(register), measures(register), accepted)
    });
    let age = Demand::one(
        "max_age_seconds",
        "the greatest age of a document",
        rules.max_age_seconds(),
    );
    pins.chain([age]).collect()
}

/// Everything but the sets, a demand for each value of the file.
fn of_sev_snp(mut rules: RulesFile) -> Vec<Demand> {
    rules.measurements.clear();
    let crl = rules.crl.get_or_insert(CrlFile::Required);
    if *crl == CrlFile::Required {
        rules
            .crl_max_age_seconds
            .get_or_insert(DEFAULT_CRL_MAX_AGE_SECONDS);
    }
    rules.vmpl.get_or_insert(0);
    if rules.endorsement == EndorsementFile::Vcek {
        rules.csp_ids = None;
    }
    let mut demands = Vec::new();
    match serde_json::to_value(&rules) {
        Ok(json) => flatten("", &json, &mut demands),
        Err(error) => unreachable!("texts and numbers: {error}"),
    }
    demands
}

fn flatten(path: &str, json: &Value, demands: &mut Vec<Demand>) {
    let text = |value: &Value| match value {
        Value::String(text) => text.to_ascii_lowercase(),
        other => other.to_string(),
    };
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                flatten(&path, value, demands);
            }
        }
        // The sets, which were taken out.
        Value::Array(values) if values.is_empty() => {}
        Value::Array(values) => {
            let mut values: Vec<String> = values.iter().map(text).collect();
            values.sort();
            demands.push(Demand::any_of(path, sev_snp_means(path), Some(values)));
        }
        value => demands.push(Demand::one(path, sev_snp_means(path), text(value))),
    }
}

fn sev_snp_means(path: &str) -> &'static str {
    match path.split('.').next().unwrap_or_default() {
        "products" => "the least version of a generation's firmware",
        "endorsement" => "whose key signs reports",
        "csp_ids" => "the clouds whose keys are accepted",
        "crl" => "whether there must be a revocation list",
        "crl_max_age_seconds" => "the greatest age of the revocation list",
        "guest_policy" => "what the host may do to the guest",
        "vmpl" => "the privilege level of the guest's software",
        "platform_bits" => "what the platform must have, each of them",
        "chip_ids" => "the chips that are accepted",
        _ => "",
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

fn pcr(register: u8) -> String {
    format!("PCR{register}")
}

fn hex_or_zero(bytes: &[u8]) -> String {
    match bytes.iter().all(|byte| *byte == 0) {
        true => "zero".into(),
        false => hex::encode(bytes),
    }
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
