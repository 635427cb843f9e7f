//! What is demanded of Nitro documents.

use sealnote_verifier::Kind;
use sealnote_verifier::nitro::{MODEL_REGISTER, MeasurementSet, Rules};

use super::{Demand, Section, Set, suite};
use crate::policy::registers::measures;

pub(super) fn section(rules: &Rules) -> Section {
    Section {
        kind: Kind::Nitro.name(),
        demands: demands(rules),
    }
}

pub(super) fn sets(rules: &Rules) -> impl Iterator<Item = Set> + '_ {
    rules.measurement_sets().iter().map(set)
}

fn set(set: &MeasurementSet) -> Set {
    let registers = [0, 1, 2, 8].into_iter();
    let demands = registers.filter_map(|register| {
        let value = set.register(register)?;
        Some(Demand::one(&pcr(register), measures(register), value))
    });
    Set {
        kind: Kind::Nitro.name(),
        label: set.label().to_owned(),
        not_after: set.not_after(),
        demands: demands.chain(suite(set.least_suite())).collect(),
    }
}

fn demands(rules: &Rules) -> Vec<Demand> {
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

fn pcr(register: u8) -> String {
    format!("PCR{register}")
}
