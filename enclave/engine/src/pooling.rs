//! From the logits of a note's windows to its scores; definition in the crate's documentation.

use sealnote_model::{NoteError, Problem, Scores};

/// Pools `windows`, each `labels` logits or `None` where the encoder failed.
pub(crate) fn pool(
    problem: Problem,
    labels: usize,
    windows: &[Option<Vec<f32>>],
) -> Result<Scores, NoteError> {
    let mut pooled = vec![0f64; labels];
    for logits in windows {
        let logits = logits.as_deref().ok_or(NoteError::Internal)?;
        if logits.len() != labels || !logits.iter().all(|logit| logit.is_finite()) {
            return Err(NoteError::Internal);
        }
        match problem {
            Problem::SingleLabel => {
                for (sum, p) in pooled.iter_mut().zip(softmax(logits)) {
                    *sum += p;
                }
            }
            Problem::MultiLabel => {
                for (greatest, &logit) in pooled.iter_mut().zip(logits) {
                    *greatest = greatest.max(sigmoid(logit));
                }
            }
        }
    }
    let count = match problem {
        Problem::SingleLabel => windows.len() as f64,
        Problem::MultiLabel => 1.0,
    };
    Ok(pooled
        .into_iter()
        .map(|score| (score / count) as f32)
        .collect())
}

fn softmax(logits: &[f32]) -> impl Iterator<Item = f64> {
    let greatest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let exp = move |&logit: &f32| (f64::from(logit) - greatest).exp();
    let sum: f64 = logits.iter().map(exp).sum();
    logits.iter().map(move |logit| exp(logit) / sum)
}

fn sigmoid(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits whose softmax is `p`.
    fn logits(p: [f32; 2]) -> Option<Vec<f32>> {
        Some(p.map(f32::ln).to_vec())
    }

    #[test]
    fn single_label_is_the_mean_of_the_softmax() {
        let windows = [logits([0.9, 0.1]), logits([0.2, 0.8]), logits([0.1, 0.9])];
        let scores = pool(Problem::SingleLabel, 2, &windows).unwrap();
        assert!(
            (scores[0] - 0.4).abs() < 1e-6 && (scores[1] - 0.6).abs() < 1e-6,
            "{scores:?}"
        );
    }

    #[test]
    fn multi_label_is_the_greatest_sigmoid() {
        let windows = [Some(vec![0.0, -2.0]), Some(vec![-1.0, 3f32.ln()])];
        let scores = pool(Problem::MultiLabel, 2, &windows).unwrap();
        assert!(
            (scores[0] - 0.5).abs() < 1e-6 && (scores[1] - 0.75).abs() < 1e-6,
            "{scores:?}"
        );
    }

    #[test]
    fn logits_far_apart_do_not_overflow() {
        let windows = [Some(vec![3e38, -3e38])];
        assert_eq!(pool(Problem::SingleLabel, 2, &windows), Ok(vec![1.0, 0.0]));
        assert_eq!(pool(Problem::MultiLabel, 2, &windows), Ok(vec![1.0, 0.0]));
    }

    #[test]
    fn what_is_not_finite_or_not_there_is_internal() {
        for bad in [
            Some(vec![f32::NAN, 0.0]),
            Some(vec![0.0, f32::INFINITY]),
            Some(vec![0.0]),
            None,
        ] {
            let windows = [Some(vec![0.0, 0.0]), bad];
            for problem in [Problem::SingleLabel, Problem::MultiLabel] {
                assert_eq!(pool(problem, 2, &windows), Err(NoteError::Internal));
            }
        }
    }
}
