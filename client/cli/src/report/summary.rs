//! Counts over rows, in memory that does not grow with them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::ResultRow;

/// Columns of the histogram of scores.
pub(super) const BINS: usize = 20;

/// Below this share of known tokens a note counts as little known.
pub(super) const LITTLE: f32 = 0.8;

/// Names of one kind that are counted apart; those that come after them are counted together.
const NAMES: usize = 1000;

#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(super) rows: u64,
    pub(super) classified: u64,
    pub(super) failed: u64,
    /// Of the classified ones: no label of several holds.
    pub(super) without_label: u64,
    /// Of the classified ones, each label's.
    pub(super) labels: Counts,
    /// Of the classified ones that have a score: how many there are in each twentieth.
    pub(super) scores: [u64; BINS],
    pub(super) mean_score: Option<f64>,
    /// Of all that the model read.
    pub(super) known: Known,
    pub(super) errors: Counts,
    /// Rows by the evidence of the enclave that answered.
    pub(super) evidence: Counts,
    pub(super) models: Counts,
    /// The last row was not written to its end.
    pub(super) cut_short: bool,
    #[serde(skip)]
    sum: Mean,
}

/// How much of the notes the model could read, by the share of known tokens.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Known {
    /// All tokens.
    pub(super) all: u64,
    /// 95 % of them, but not all.
    pub(super) from_95: u64,
    pub(super) from_80: u64,
    pub(super) from_50: u64,
    pub(super) below_50: u64,
}

/// How often each name was there, and the mean score beside it.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Counts {
    names: BTreeMap<String, Count>,
    /// Those of further names.
    others: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Count {
    pub(super) count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mean_score: Option<f64>,
    #[serde(skip)]
    sum: Mean,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Summary {
    pub(super) fn add(&mut self, row: ResultRow) {
        self.rows += 1;
        if let Some(known) = row.known {
            self.known.add(known);
        }
        if let Some(evidence) = row.evidence {
            self.evidence.add(evidence, None);
        }
        if let Some(model) = row.model {
            self.models.add(model, None);
        }
        if let Some(error) = row.error {
            self.failed += 1;
            self.errors.add(error, None);
            return;
        }
        self.classified += 1;
        if let Some(score) = row.score {
            let bin = (f64::from(score) * BINS as f64) as usize;
            self.scores[bin.min(BINS - 1)] += 1;
            self.mean_score = self.sum.add(score);
        }
        match (row.labels, row.label) {
            (Some(labels), _) if !labels.is_empty() => {
                labels
                    .into_iter()
                    .for_each(|label| self.labels.add(label, None));
            }
            (None, Some(label)) => self.labels.add(label, row.score),
            _ => self.without_label += 1,
        }
    }

    /// Whether rows are of a model of several labels, whose counts may exceed the rows'.
    pub(super) fn has_scores(&self) -> bool {
        self.scores.iter().any(|count| *count > 0)
    }
}

impl Known {
    fn add(&mut self, share: f32) {
        let bin = match share {
            share if share >= 1.0 => &mut self.all,
            share if share >= 0.95 => &mut self.from_95,
            share if share >= LITTLE => &mut self.from_80,
            share if share >= 0.5 => &mut self.from_50,
            _ => &mut self.below_50,
        };
        *bin += 1;
    }

    pub(super) fn little(&self) -> u64 {
        self.from_50 + self.below_50
    }

    pub(super) fn bins(&self) -> [(&'static str, u64); 5] {
        [
            ("All tokens", self.all),
            ("95 to 100 %", self.from_95),
            ("80 to 95 %", self.from_80),
            ("50 to 80 %", self.from_50),
            ("Below 50 %", self.below_50),
        ]
    }
}

impl Counts {
    pub(super) fn add(&mut self, name: String, score: Option<f32>) {
        if self.names.len() >= NAMES && !self.names.contains_key(&name) {
            self.others += 1;
            return;
        }
        let count = self.names.entry(name).or_default();
        count.count += 1;
        if let Some(score) = score {
            count.mean_score = count.sum.add(score);
        }
    }

    /// The most frequent ones, by count and then by name, and how many there are of all others.
    pub(super) fn top(&self, most: usize) -> (Vec<(&str, Count)>, u64) {
        let names = self
            .names
            .iter()
            .map(|(name, count)| (name.as_str(), *count));
        let mut top: Vec<_> = names.collect();
        top.sort_by_key(|(name, count)| (core::cmp::Reverse(count.count), *name));
        let rest = top.split_off(most.min(top.len()));
        let rest: u64 = rest.iter().map(|(_, count)| count.count).sum();
        (top, rest + self.others)
    }

    pub(super) fn of(&self, name: &str) -> u64 {
        self.names.get(name).map_or(0, |count| count.count)
    }
}

impl Mean {
    /// With one more: the mean.
    fn add(&mut self, value: f32) -> Option<f64> {
        self.sum += f64::from(value);
        self.count += 1;
        Some(self.sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, score: f32, known: f32) -> ResultRow {
        ResultRow {
            label: Some(label.into()),
            score: Some(score),
            known: Some(known),
            ..ResultRow::default()
        }
    }

    #[test]
    fn a_row_that_failed_counts_for_no_label() {
        let mut summary = Summary::default();
        for row in [row("a", 0.5, 1.0), row("b", 1.0, 0.96), row("a", 0.0, 0.8)] {
            summary.add(row);
        }
        let error = Some("little_known".to_owned());
        summary.add(ResultRow {
            error,
            ..row("c", 0.9, 0.5)
        });
        let counts = (summary.rows, summary.classified, summary.failed);
        assert_eq!(counts, (4, 3, 1));
        let (labels, others) = summary.labels.top(1);
        assert_eq!((labels[0].0, labels[0].1.count, others), ("a", 2, 1));
        assert_eq!(labels[0].1.mean_score, Some(0.25));
        assert_eq!(summary.mean_score, Some(0.5));
        let filled = [summary.scores[0], summary.scores[10], summary.scores[19]];
        assert_eq!((filled, summary.scores.iter().sum::<u64>()), ([1, 1, 1], 3));
        let known: Vec<u64> = summary
            .known
            .bins()
            .iter()
            .map(|(_, count)| *count)
            .collect();
        assert_eq!((known, summary.known.little()), (vec![1, 1, 1, 1, 0], 1));
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut counts = Counts::default();
        for name in 0..NAMES + 5 {
            counts.add(name.to_string(), None);
        }
        counts.add("0".into(), None);
        let (top, others) = counts.top(2);
        assert_eq!((top[0].0, top[0].1.count), ("0", 2));
        assert_eq!(others as usize, NAMES + 5 - 2);
        assert_eq!(counts.names.len(), NAMES);
    }
}
