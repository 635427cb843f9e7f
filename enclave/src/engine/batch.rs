//! Groups windows of similar length, so that little padding is computed.

/// Rows of a batch are at least this share of its longest, in percent.
const LEAST_FILL: usize = 75;

/// Batches of indices into `lengths`, longest first; each index is in exactly one.
///
/// A batch holds at most `budget` padded tokens (rows × longest), or a single row.
pub(super) fn plan(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
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
        let batches = plan(&lengths, 1024);
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
        assert_eq!(plan(&[10, 2000, 2000], 1024), [vec![1], vec![2], vec![0]]);
        assert!(plan(&[], 1024).is_empty());
    }
}
