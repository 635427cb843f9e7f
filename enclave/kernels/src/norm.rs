//! Layer norm.
#![forbid(unsafe_code)]

use crate::isa::{Kernel, Simd};
use crate::{Isa, TOGETHER, math};

/// Layer norm: `(x − mean) / √(variance + ε) × weight + bias` over a row.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl LayerNorm {
    /// # Panics
    /// If there are no weights, or another number of biases.
    pub fn new(weight: Vec<f32>, bias: Vec<f32>, epsilon: f32) -> Self {
        assert!(!weight.is_empty() && weight.len() == bias.len());
        Self {
            weight,
            bias,
            epsilon,
        }
    }

    /// Applies it to each of `rows`.
    ///
    /// # Panics
    /// If `rows` are not whole rows.
    pub fn apply(&self, isa: Isa, rows: &mut [f32]) {
        assert!(rows.len().is_multiple_of(self.weight.len()));
        isa.run(Apply {
            norm: self,
            rows,
            added: None,
        });
    }

    /// Adds `added` to `rows`, and applies the norm to the sums.
    ///
    /// # Panics
    /// If `rows` are not whole rows, or `added` are not as many.
    pub fn apply_to_sum(&self, isa: Isa, rows: &mut [f32], added: &[f32]) {
        assert!(rows.len().is_multiple_of(self.weight.len()));
        assert_eq!(rows.len(), added.len());
        isa.run(Apply {
            norm: self,
            rows,
            added: Some(added),
        });
    }
}

struct Apply<'a> {
    norm: &'a LayerNorm,
    rows: &'a mut [f32],
    added: Option<&'a [f32]>,
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let width = self.norm.weight.len();
        let len = TOGETHER * width;
        for (index, rows) in self.rows.chunks_mut(len).enumerate() {
            if let Some(added) = self.added {
                for (value, added) in rows.iter_mut().zip(&added[index * len..]) {
                    *value += added;
                }
            }
            self.norm.few(rows);
        }
    }
}

impl LayerNorm {
    /// Of at most [`TOGETHER`] rows.
    #[inline(always)]
    fn few(&self, rows: &mut [f32]) {
        let width = self.weight.len();
        let count = width as f32;
        let (mut means, mut inverses) = ([0.0; TOGETHER], [0.0; TOGETHER]);
        for (row, mean) in rows.chunks_exact(width).zip(&mut means) {
            *mean = math::sum(row, |value| value) / count;
        }
        let places = means.iter().zip(&mut inverses);
        for (row, (mean, inverse)) in rows.chunks_exact(width).zip(places) {
            let variance = math::sum(row, |value| (value - mean) * (value - mean)) / count;
            *inverse = 1.0 / (variance + self.epsilon).sqrt();
        }
        let found = means.iter().zip(&inverses);
        for (row, (mean, inverse)) in rows.chunks_exact_mut(width).zip(found) {
            let parameters = self.weight.iter().zip(&self.bias);
            for (value, (&weight, &bias)) in row.iter_mut().zip(parameters) {
                *value = ((*value - mean) * inverse).mul_add(weight, bias);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn exact(row: &[f32], norm: &LayerNorm) -> Vec<f64> {
        let row: Vec<f64> = row.iter().map(|&value| f64::from(value)).collect();
        let count = row.len() as f64;
        let mean = row.iter().sum::<f64>() / count;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let deviation = (variance + f64::from(norm.epsilon)).sqrt();
        let parameters = norm.weight.iter().zip(&norm.bias);
        row.iter()
            .zip(parameters)
            .map(|(x, (&weight, &bias))| {
                (x - mean) / deviation * f64::from(weight) + f64::from(bias)
            })
            .collect()
    }

    #[test]
    fn rows_of_any_width_are_normalised() {
        let mut random = Random::new(1);
        for width in (1..=200).chain([384, 1000]) {
            let norm = LayerNorm::new(random.units(width), random.units(width), 1e-12);
            let (rows, added) = (random.units(3 * width), random.units(3 * width));
            let mut first = None;
            for isa in Isa::available() {
                let mut alone = rows.clone();
                norm.apply(isa, &mut alone);
                let mut summed = rows.clone();
                norm.apply_to_sum(isa, &mut summed, &added);
                let bits = (alone.clone(), summed.clone());
                assert_eq!(first.get_or_insert(bits.clone()), &bits, "{isa:?}");
                let sums: Vec<f32> = rows.iter().zip(&added).map(|(a, b)| a + b).collect();
                for (given, got) in [(&rows, alone), (&sums, summed)] {
                    for (given, got) in given.chunks(width).zip(got.chunks(width)) {
                        for (got, exact) in got.iter().zip(exact(given, &norm)) {
                            let error = (f64::from(*got) - exact).abs();
                            assert!(error < 2e-5, "{isa:?} {width}: {got} is not {exact}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_of_one_value_is_the_bias_and_nan_stays_in_its_row() {
        let norm = LayerNorm::new(vec![2.0; 50], vec![0.25; 50], 1e-12);
        for isa in Isa::available() {
            let mut rows = [3.0; 150];
            rows[70] = f32::NAN;
            norm.apply(isa, &mut rows);
            assert!(
                rows[..50]
                    .iter()
                    .chain(&rows[100..])
                    .all(|&value| value == 0.25)
            );
            assert!(rows[50..100].iter().all(|value| value.is_nan()));
        }
    }
}
