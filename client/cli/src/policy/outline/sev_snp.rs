//! What is demanded of SEV-SNP reports.

use sealnote_verifier::Kind;
use sealnote_verifier::sev_snp::rules::{
    CrlFile, DEFAULT_CRL_MAX_AGE_SECONDS, EndorsementFile, RulesFile,
};
use sealnote_verifier::sev_snp::{MeasurementSet, Rules};
use serde_json::Value;

use super::flat::flatten;
use super::{Demand, Section, Set, suite};

pub(super) fn section(mut rules: RulesFile) -> Section {
    rules.measurements.clear();
    let mut demands = Vec::new();
    flatten("", &with_defaults(rules), &means, &mut demands);
    Section {
        kind: Kind::SevSnp.name(),
        demands,
    }
}

pub(super) fn sets(rules: &Rules) -> impl Iterator<Item = Set> + '_ {
    rules.measurement_sets().iter().map(set)
}

fn set(set: &MeasurementSet) -> Set {
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
    Set {
        kind: Kind::SevSnp.name(),
        label: set.label().to_owned(),
        not_after: set.not_after(),
        demands: demands
            .into_iter()
            .chain(suite(set.least_suite()))
            .collect(),
    }
}

pub(super) fn with_defaults(mut rules: RulesFile) -> Value {
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
    super::flat::json(&rules)
}

fn means(path: &str) -> &'static str {
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

fn hex_or_zero(bytes: &[u8]) -> String {
    match bytes.iter().all(|byte| *byte == 0) {
        true => "zero".into(),
        false => hex::encode(bytes),
    }
}
