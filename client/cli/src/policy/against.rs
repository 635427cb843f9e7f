//! A policy against a Nitro document whose signature nobody has checked: which registers differ, and what they measure.

use std::collections::BTreeMap;

use sealnote_verifier::nitro::{MODEL_REGISTER, Measurement, MeasurementSet, Rules};
use serde::Serialize;

use super::outline::shown;
use super::registers::measures;

/// What differs, set by set.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Comparison {
    /// The first set that has the document's registers; ends and suites are not compared.
    pub(crate) matches: Option<String>,
    /// PCR0, 1 and 2 are all zero.
    pub(crate) is_debug: bool,
    /// The registers of each set that differ.
    pub(crate) sets: Vec<SetComparison>,
    /// The pinned registers that differ.
    pub(crate) pins: Vec<Register>,
}

/// A set and the document.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SetComparison {
    pub(crate) label: String,
    /// Those that differ.
    pub(crate) differs: Vec<Register>,
}

/// A register that differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Register {
    pub(crate) name: String,
    pub(crate) means: &'static str,
    /// Any one of these is accepted.
    pub(crate) accepted: Vec<String>,
    /// What the document has; `None` if it lacks the register.
    pub(crate) document: Option<String>,
}

impl Comparison {
    /// Compares the rules with a document's registers.
    pub(crate) fn new(rules: &Rules, pcrs: &BTreeMap<u8, Measurement>) -> Self {
        let sets: Vec<SetComparison> = rules
            .measurement_sets()
            .iter()
            .map(|set| SetComparison {
                label: set.label().to_owned(),
                differs: of_set(set, pcrs),
            })
            .collect();
        let matching = sets.iter().find(|set| set.differs.is_empty());
        let pins = [3, 4, 8, MODEL_REGISTER].into_iter();
        let pins = pins.filter(|register| !rules.pin(*register).is_empty());
        let zero = |register: u8| pcrs.get(&register) == Some(&Measurement::ZERO);
        Self {
            matches: matching.map(|set| set.label.clone()),
            is_debug: (0..=2).all(zero),
            pins: pins
                .filter_map(|register| differing(register, rules.pin(register), pcrs))
                .collect(),
            sets,
        }
    }

    /// Whether a set matches and every pin holds.
    pub(crate) fn is_same(&self) -> bool {
        self.matches.is_some() && self.pins.is_empty()
    }

    /// For people.
    pub(crate) fn lines(&self, full: bool) -> Vec<String> {
        let mut lines = Vec::new();
        if self.is_debug {
            lines.push(
                "PCR0, PCR1 and PCR2 of the document are all zero: the enclave runs in debug mode, where its \
                 operator can read it"
                    .into(),
            );
        }
        match &self.matches {
            Some(label) => lines.push(format!("the document has the registers of set {label:?}")),
            None => {
                for set in &self.sets {
                    let label = &set.label;
                    lines.push(format!("set {label:?} differs in {}", names(&set.differs)));
                    lines.extend(set.differs.iter().flat_map(|one| one.lines(full)));
                }
            }
        }
        if !self.pins.is_empty() {
            lines.push(format!("pins differ in {}", names(&self.pins)));
            lines.extend(self.pins.iter().flat_map(|one| one.lines(full)));
        }
        lines
    }
}

fn names(registers: &[Register]) -> String {
    let names: Vec<&str> = registers.iter().map(|one| one.name.as_str()).collect();
    names.join(", ")
}

fn of_set(set: &MeasurementSet, pcrs: &BTreeMap<u8, Measurement>) -> Vec<Register> {
    let registers = [0, 1, 2, 8].into_iter();
    let registers = registers.filter_map(|register| Some((register, set.register(register)?)));
    registers
        .filter_map(|(register, value)| differing(register, &[value], pcrs))
        .collect()
}

fn differing(
    register: u8,
    accepted: &[Measurement],
    pcrs: &BTreeMap<u8, Measurement>,
) -> Option<Register> {
    let document = pcrs.get(&register);
    match document.is_some_and(|value| accepted.contains(value)) {
        true => None,
        false => Some(Register {
            name: format!("PCR{register}"),
            means: measures(register),
            accepted: accepted.iter().map(ToString::to_string).collect(),
            document: document.map(ToString::to_string),
        }),
    }
}

impl Register {
    fn lines(&self, full: bool) -> Vec<String> {
        let accepted: Vec<String> = self
            .accepted
            .iter()
            .map(|value| shown(value, full))
            .collect();
        let document = self.document.as_deref();
        let document = document.map_or("absent".into(), |value| match value {
            zero if zero.bytes().all(|digit| digit == b'0') => "all zero".into(),
            value => shown(value, full),
        });
        vec![
            format!("    {}, {}", self.name, self.means),
            format!("        policy    {}", accepted.join(" or ")),
            format!("        document  {document}"),
        ]
    }
}
