//! A table of embeddings.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Rows that are looked up. They are in f16 where nothing is lost by it: the words' table is half of a
/// small model.
pub(super) struct Table {
    width: usize,
    values: Values,
}

enum Values {
    F16(Vec<f16>),
    F32(Vec<f32>),
}

impl Table {
    pub(super) fn new(values: Vec<f32>, width: usize) -> Self {
        let values = halved(&values).map_or(Values::F32(values), Values::F16);
        Self { width, values }
    }

    /// Adds a row to `sums`.
    pub(super) fn add(&self, row: usize, sums: &mut [f32]) {
        let place = row * self.width..(row + 1) * self.width;
        match &self.values {
            Values::F16(values) => {
                let mut block = [0.0; BLOCK];
                for (halves, sums) in values[place].chunks(BLOCK).zip(sums.chunks_mut(BLOCK)) {
                    let block = &mut block[..halves.len()];
                    halves.convert_to_f32_slice(block);
                    add(block, sums);
                }
            }
            Values::F32(values) => add(&values[place], sums),
        }
    }
}

const BLOCK: usize = 1024;

fn add(values: &[f32], sums: &mut [f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// The values in f16, if each is one.
fn halved(values: &[f32]) -> Option<Vec<f16>> {
    let mut halves = vec![f16::ZERO; values.len()];
    let mut back = [0.0; BLOCK];
    for (values, halves) in values.chunks(BLOCK).zip(halves.chunks_mut(BLOCK)) {
        halves.convert_from_f32_slice(values);
        let back = &mut back[..values.len()];
        halves.convert_to_f32_slice(back);
        if back != values {
            return None;
        }
    }
    Some(halves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_f16_is_kept_as_such_and_the_rest_as_it_is() {
        let halves: Vec<f32> = (0..3000).map(|i| (i % 2000) as f32 / 64.0).collect();
        let mut whole = halves.clone();
        whole[2999] = 1.0 + f32::EPSILON;
        for (values, is_half) in [(halves, true), (whole, false)] {
            let table = Table::new(values.clone(), 1500);
            assert_eq!(matches!(table.values, Values::F16(_)), is_half);
            for row in [0, 1] {
                let mut sums = vec![1.0; 1500];
                table.add(row, &mut sums);
                let expected: Vec<f32> = values[row * 1500..][..1500]
                    .iter()
                    .map(|v| v + 1.0)
                    .collect();
                assert_eq!(sums, expected);
            }
        }
        // NaN is equal to nothing, and stays.
        let mut sums = [0.0];
        Table::new(vec![f32::NAN], 1).add(0, &mut sums);
        assert!(sums[0].is_nan());
    }
}
