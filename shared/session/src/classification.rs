//! What a model says of a note, in that model's own labels.

use std::sync::Arc;

use sealnote_model::{KnownShare, NoteError, Problem, Scored};
use sealnote_protocol::task::ModelClaims;

/// What became of one note: what the model says of it, or why it says nothing.
pub type Outcome = Result<Classification, NoteError>;

/// One note's scores, and the model that gave them: a score for each of its labels.
///
/// A session hands out scores in no other form, so they cannot be read by another model's labels, whatever
/// model the next session has.
#[derive(Clone, PartialEq)]
pub struct Classification {
    model: Arc<ModelClaims>,
    scored: Scored,
}

impl Classification {
    /// `None` if the model has another number of labels than there are scores.
    pub fn new(model: Arc<ModelClaims>, scored: Scored) -> Option<Self> {
        (model.labels.len() == scored.scores.len()).then_some(Self { model, scored })
    }

    /// The model that gave the scores, as the session's evidence attests it.
    pub fn model(&self) -> &ModelClaims {
        &self.model
    }

    /// How much of the note the model could read.
    pub fn known(&self) -> KnownShare {
        self.scored.known
    }

    /// Each label and its score, in the order of the model's labels.
    pub fn scores(&self) -> impl ExactSizeIterator<Item = (&str, f32)> {
        let labels = self.model.labels.iter().map(String::as_str);
        labels.zip(self.scored.scores.iter().copied())
    }

    /// The labels that hold, with their scores, best first: PROTOCOL.md, "Scores". One if the model is
    /// single-label, else any number.
    pub fn holding(&self) -> Vec<(&str, f32)> {
        let mut labels: Vec<_> = self.scores().collect();
        // The sort is stable: among equals the lowest index stays first.
        labels.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        match self.model.problem() {
            Problem::SingleLabel => labels.truncate(1),
            Problem::MultiLabel => labels.retain(|(_, score)| *score >= 0.5),
        }
        labels
    }
}

/// Scores tell of patients.
impl core::fmt::Debug for Classification {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Classification({}, redacted)", self.model.digest())
    }
}

#[cfg(test)]
mod tests {
    use sealnote_model::ModelDigest;
    use sealnote_model::Precision;

    use super::*;

    fn classified(problem: Problem, scores: &[f32]) -> Option<Classification> {
        let labels = ["a", "b", "c"].map(String::from).to_vec();
        let digest = ModelDigest([7; 48]);
        let model = ModelClaims::new(digest, labels, problem, 256, 64, Precision::F32);
        let scored = Scored {
            scores: scores.to_vec(),
            known: KnownShare::ALL,
        };
        Classification::new(Arc::new(model), scored)
    }

    fn holding(problem: Problem, scores: [f32; 3]) -> Vec<(String, f32)> {
        let classification = classified(problem, &scores).unwrap();
        let holding = classification.holding().into_iter();
        holding.map(|(l, s)| (l.to_owned(), s)).collect()
    }

    #[test]
    fn a_single_label_note_has_its_best_label_the_lowest_index_among_equals() {
        let single = |scores| holding(Problem::SingleLabel, scores);
        assert_eq!(single([0.1, 0.7, 0.2]), [("b".into(), 0.7)]);
        assert_eq!(single([0.4, 0.4, 0.2]), [("a".into(), 0.4)]);
        assert_eq!(single([0.0, 0.0, 0.0]), [("a".into(), 0.0)]);
    }

    #[test]
    fn a_multi_label_note_has_every_label_of_at_least_a_half() {
        let multi = |scores| holding(Problem::MultiLabel, scores);
        let best_first = [("c".into(), 0.9), ("a".into(), 0.5)];
        assert_eq!(multi([0.5, 0.4999, 0.9]), best_first);
        assert_eq!(multi([0.1, 0.2, 0.3]), []);
    }

    #[test]
    fn scores_fit_their_labels_and_are_not_printed() {
        let classification = classified(Problem::MultiLabel, &[0.25, 0.5, 1.0]).unwrap();
        let scores: Vec<_> = classification.scores().collect();
        assert_eq!(scores, [("a", 0.25), ("b", 0.5), ("c", 1.0)]);
        assert!(!format!("{classification:?}").contains("0.25"));
        for count in [0, 2, 4] {
            assert!(classified(Problem::MultiLabel, &[0.5; 4][..count]).is_none());
        }
    }
}
