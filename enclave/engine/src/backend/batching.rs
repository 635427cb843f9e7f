//! Which windows are computed together.

use core::ops::Range;

/// Rows of a batch are at least this share of its longest, in percent.
const LEAST_FILL: usize = 75;

/// Ranges of `lengths`, in order, of at most `budget` tokens each, or of a single row.
pub(super) fn in_order(lengths: &[usize], budget: usize) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut tokens = 0;
    for (index, length) in lengths.iter().enumerate() {
        match batches.last_mut() {
            Some(batch) if tokens + length <= budget => batch.end = index + 1,
            _ => {
                batches.push(index..index + 1);
                tokens = 0;
            }
        }
        tokens += length;
    }
    batches
}

/// Batches of indices into `lengths`, longest first; each index is in exactly one. Rows of a batch are of
/// similar length, so that little padding is computed.
///
/// A batch holds at most `budget` padded tokens (rows × longest), or a single row.
pub(super) fn padded(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    // Stable, so that the same call is always computed in the same batches.
    order.sort_by_key(|&index| core::cmp::Reverse(lengths[index]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut longest = 0;
    for index in order {
        let length = lengths[index];
        match batches.last_mut() {
            Some(batch)
                if (batch.len() + 1) * longest <= budget
                    && length * 100 >= longest * LEAST_FILL =>
            {
                batch.push(index);
            }
            _ => {
                longest = length;
                batches.push(vec![index]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_is_in_one_batch_within_the_budget_and_little_is_padding() {
        let lengths: Vec<usize> = (0..500).map(|i| 3 + (i * 7919) % 254).collect();
        let batches = padded(&lengths, 1024);
        let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..500).collect::<Vec<_>>());
        let mut padded = 0;
        for batch in &batches {
            let longest = batch.iter().map(|&i| lengths[i]).max().unwrap_or(0);
            assert!(batch.len() * longest <= 1024);
            padded += batch.len() * longest;
        }
        let real: usize = lengths.iter().sum();
        assert!(
            padded * 100 < real * 105,
            "{padded} computed for {real} real tokens"
        );
    }

    #[test]
    fn a_row_beyond_the_budget_goes_alone() {
        let batches = padded(&[10, 2000, 2000], 1024);
        assert_eq!(batches, [vec![1], vec![2], vec![0]]);
        assert!(padded(&[], 1024).is_empty());
        let batches = in_order(&[10, 2000, 500, 500, 25, 1000], 1024);
        assert_eq!(batches, [0..1, 1..2, 2..4, 4..5, 5..6]);
        assert!(in_order(&[], 1024).is_empty());
    }
}
