//! Two policies, demand by demand.

use serde::Serialize;

use super::outline::{Demand, Outline, Set, shown};

/// Where two policies differ.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The part of the policy: `serial`, `set`, `evidence` or `session`.
    pub(crate) part: &'static str,
    /// The kind of evidence, of sets and evidence.
    pub(crate) kind: Option<&'static str>,
    /// The set's name, of sets.
    pub(crate) label: Option<String>,
    /// What differs.
    #[serde(flatten)]
    pub(crate) change: Change,
}

/// What differs there.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum Change {
    /// The first has it, and the second has not.
    OnlyFirst { demands: Vec<Demand> },
    /// The second has it, and the first has not.
    OnlySecond { demands: Vec<Demand> },
    /// Both have it, with other values. `None` accepts anything.
    Accepts {
        name: String,
        means: &'static str,
        first: Option<Vec<String>>,
        second: Option<Vec<String>>,
    },
}

/// A part of a policy, by what it is called.
struct Part {
    part: &'static str,
    kind: Option<&'static str>,
    label: Option<String>,
    demands: Vec<Demand>,
}

/// Where the second policy differs from the first; empty if they say the same.
pub(crate) fn differences(first: Outline, second: Outline) -> Vec<Difference> {
    let (first, mut second) = (parts(first), parts(second));
    let mut differences = Vec::new();
    for part in first {
        let same = |other: &Part| {
            (other.part, other.kind, &other.label) == (part.part, part.kind, &part.label)
        };
        match second.iter().position(same) {
            Some(at) => {
                let other = second.remove(at);
                let changes = changes(&part.demands, &other.demands);
                differences.extend(changes.map(|change| Difference {
                    part: part.part,
                    kind: part.kind,
                    label: part.label.clone(),
                    change,
                }));
            }
            None => differences.push(part.only(|demands| Change::OnlyFirst { demands })),
        }
    }
    let added = second.into_iter();
    differences.extend(added.map(|part| part.only(|demands| Change::OnlySecond { demands })));
    differences
}

impl Part {
    fn only(self, change: impl Fn(Vec<Demand>) -> Change) -> Difference {
        Difference {
            part: self.part,
            kind: self.kind,
            label: self.label,
            change: change(self.demands),
        }
    }
}

fn parts(outline: Outline) -> Vec<Part> {
    let serial = Demand {
        name: "serial".into(),
        means: "the number of this version of the policy",
        accepted: outline.serial.map(|serial| vec![serial.to_string()]),
    };
    let whole = |part, demands| Part {
        part,
        kind: None,
        label: None,
        demands,
    };
    let mut parts = vec![whole("serial", vec![serial])];
    parts.extend(outline.sets.into_iter().map(of_set));
    parts.extend(outline.evidence.into_iter().map(|section| Part {
        kind: Some(section.kind),
        ..whole("evidence", section.demands)
    }));
    parts.push(whole("session", outline.session));
    parts
}

fn of_set(set: Set) -> Part {
    let end = Demand {
        name: "not_after".into(),
        means: "the last moment at which it is accepted",
        accepted: set.not_after.map(|end| vec![end.to_string()]),
    };
    Part {
        part: "set",
        kind: Some(set.kind),
        label: Some(set.label),
        demands: [vec![end], set.demands].concat(),
    }
}

fn changes(first: &[Demand], second: &[Demand]) -> impl Iterator<Item = Change> {
    let accepted = |demands: &[Demand], name: &str| {
        let found = demands.iter().find(|demand| demand.name == name);
        found.and_then(|demand| demand.accepted.clone())
    };
    let new = second
        .iter()
        .filter(|demand| first.iter().all(|known| known.name != demand.name));
    let changes: Vec<Change> = first
        .iter()
        .chain(new)
        .map(|demand| Change::Accepts {
            name: demand.name.clone(),
            means: demand.means,
            first: accepted(first, &demand.name),
            second: accepted(second, &demand.name),
        })
        .filter(|change| match change {
            Change::Accepts { first, second, .. } => sorted(first) != sorted(second),
            _ => true,
        })
        .collect();
    changes.into_iter()
}

fn sorted(values: &Option<Vec<String>>) -> Option<Vec<&String>> {
    values.as_ref().map(|values| {
        let mut values: Vec<&String> = values.iter().collect();
        values.sort();
        values.dedup();
        values
    })
}

impl Difference {
    /// For people; what only the first has is marked `-`, what only the second has `+`.
    pub(crate) fn lines(&self, full: bool) -> Vec<String> {
        let place = self.place();
        match &self.change {
            Change::OnlyFirst { demands } => whole('-', &place, demands, full),
            Change::OnlySecond { demands } => whole('+', &place, demands, full),
            Change::Accepts {
                name,
                means,
                first,
                second,
            } => {
                let mut lines = vec![match place.as_str() {
                    "serial" => format!("~ serial: {means}"),
                    place => format!("~ {place}: {name}, {means}"),
                }];
                lines.extend(only(first, second).map(|value| format!("    - {}", value(full))));
                lines.extend(only(second, first).map(|value| format!("    + {}", value(full))));
                lines
            }
        }
    }

    fn place(&self) -> String {
        match (self.kind, &self.label) {
            (Some(kind), Some(label)) => format!("{kind} set {label:?}"),
            (Some(kind), None) => format!("{kind} evidence"),
            _ => self.part.to_owned(),
        }
    }
}

fn whole(mark: char, place: &str, demands: &[Demand], full: bool) -> Vec<String> {
    let mut lines = vec![format!("{mark} {place}")];
    lines.extend(demands.iter().filter_map(|demand| {
        let accepted = demand.accepted.as_ref()?;
        let accepted: Vec<String> = accepted.iter().map(|value| shown(value, full)).collect();
        let (name, means) = (&demand.name, demand.means);
        Some(format!(
            "    {mark} {name}, {means}: {}",
            accepted.join(", ")
        ))
    }));
    lines
}

/// The values that the one has and the other has not.
fn only<'a>(
    of: &'a Option<Vec<String>>,
    without: &'a Option<Vec<String>>,
) -> impl Iterator<Item = impl Fn(bool) -> String + 'a> + 'a {
    let without = without.as_deref().unwrap_or_default();
    let values: Vec<Option<&String>> = match of {
        None => vec![None],
        Some(values) => {
            let values = values.iter().filter(|value| !without.contains(value));
            values.map(Some).collect()
        }
    };
    values.into_iter().map(|value| {
        move |full| match value {
            Some(value) => shown(value, full),
            None => "anything".into(),
        }
    })
}
