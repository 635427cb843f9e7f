//! How a later session's model differs from the first one's.

use core::fmt;

use sealnote_model::ModelDigest;
use sealnote_model::{Precision, Problem};
use sealnote_protocol::task::ModelClaims;
use thiserror::Error;

/// A model that is not the one that the run began with.
#[derive(Debug, Error, PartialEq, Eq)]
pub struct OtherModel {
    differences: Vec<Difference>,
}

/// One of the claims on a model. The second value is that of the first session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Other files.
    Digest(ModelDigest, ModelDigest),
    /// Another number of labels.
    Labels(usize, usize),
    /// As many labels, the first other one at this index.
    Label(usize),
    /// One label a note, or any number.
    Problem(Problem, Problem),
    /// Tokens in a window.
    Window(u32, u32),
    /// Tokens that neighbouring windows share.
    Overlap(u32, u32),
    /// The encoder's arithmetic.
    Precision(Precision, Precision),
}

impl OtherModel {
    /// `None` if all claims on the model are the same.
    pub fn between(first: &ModelClaims, later: &ModelClaims) -> Option<Self> {
        if first == later {
            return None;
        }
        let labels = match (later.labels.len(), first.labels.len()) {
            (other, own) if other != own => Some(Difference::Labels(other, own)),
            _ => {
                let mut pairs = later.labels.iter().zip(&first.labels);
                pairs.position(|(a, b)| a != b).map(Difference::Label)
            }
        };
        let differences = [
            differ(later.digest(), first.digest(), Difference::Digest),
            labels,
            differ(later.problem(), first.problem(), Difference::Problem),
            differ(later.window, first.window, Difference::Window),
            differ(later.overlap, first.overlap, Difference::Overlap),
            differ(later.precision, first.precision, Difference::Precision),
        ];
        Some(Self {
            differences: differences.into_iter().flatten().collect(),
        })
    }

    /// What differs, in the claims' order.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }
}

fn differ<T: PartialEq>(other: T, own: T, of: fn(T, T) -> Difference) -> Option<Difference> {
    (other != own).then(|| of(other, own))
}

impl fmt::Display for OtherModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the enclave of a later session has a different model: ")?;
        for (index, difference) in self.differences.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{difference}")?;
        }
        Ok(())
    }
}

/// Digits and short words: a label is a peer's text, and there may be hundreds.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(other, own) => {
                write!(f, "digest {} instead of {}", start(other), start(own))
            }
            Self::Labels(other, own) => write!(f, "{other} labels instead of {own}"),
            Self::Label(index) => write!(f, "a different label at index {index}"),
            Self::Problem(other, own) => write!(f, "{} instead of {}", name(*other), name(*own)),
            Self::Window(other, own) => write!(f, "windows of {other} tokens instead of {own}"),
            Self::Overlap(other, own) => write!(f, "an overlap of {other} tokens instead of {own}"),
            Self::Precision(other, own) => write!(f, "precision {other} instead of {own}"),
        }
    }
}

/// Enough of a digest to tell it by.
fn start(digest: &ModelDigest) -> String {
    format!("{}…", hex::encode(&digest.0[..8]))
}

fn name(problem: Problem) -> &'static str {
    match problem {
        Problem::SingleLabel => "single-label",
        Problem::MultiLabel => "multi-label",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(
        digest: u8,
        labels: &[&str],
        problem: Problem,
        window: u32,
        overlap: u32,
        precision: Precision,
    ) -> ModelClaims {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let digest = ModelDigest([digest; 48]);
        ModelClaims::new(digest, labels, problem, window, overlap, precision)
    }

    #[test]
    fn every_claim_on_a_model_counts() {
        use Precision::{F32, Int8};
        use Problem::{MultiLabel, SingleLabel};
        let first = model(1, &["a", "b"], SingleLabel, 256, 64, Int8);
        assert_eq!(OtherModel::between(&first, &first.clone()), None);
        for (later, said) in [
            (
                model(2, &["a", "b"], SingleLabel, 256, 64, Int8),
                "digest 0202020202020202… instead of 0101010101010101…",
            ),
            (
                model(1, &["a", "b", "c"], SingleLabel, 256, 64, Int8),
                "3 labels instead of 2",
            ),
            (
                model(1, &["a"], SingleLabel, 256, 64, Int8),
                "1 labels instead of 2",
            ),
            (
                model(1, &["b", "a"], SingleLabel, 256, 64, Int8),
                "a different label at index 0",
            ),
            (
                model(1, &["a", "b"], MultiLabel, 256, 64, Int8),
                "multi-label instead of single-label",
            ),
            (
                model(1, &["a", "b"], SingleLabel, 128, 64, Int8),
                "windows of 128 tokens instead of 256",
            ),
            (
                model(1, &["a", "b"], SingleLabel, 256, 32, Int8),
                "an overlap of 32 tokens instead of 64",
            ),
            (
                model(1, &["a", "b"], SingleLabel, 256, 64, F32),
                "precision f32 instead of int8",
            ),
            (
                model(1, &["a", "c"], MultiLabel, 256, 64, Int8),
                "a different label at index 1, multi-label instead of single-label",
            ),
        ] {
            let other = OtherModel::between(&first, &later).unwrap();
            let whole = format!("the enclave of a later session has a different model: {said}");
            assert_eq!(other.to_string(), whole);
        }
    }
}
