//! Products of f32 with weights that were packed once.
#![forbid(unsafe_code)]

use crate::aligned::Sums;
use crate::isa::{F32Tile, Kernel, Simd};
use crate::{Activation, Aligned, GROUP, Isa, PANEL, TILE_ROWS, ahead, columns, padded};

/// Inputs whose part of a panel is multiplied with all rows of a group before the next ones, so that it
/// (24 KiB) stays in the first-level cache.
const DEPTH: usize = 96;

/// A linear layer with its weights in f32.
pub struct Matrix {
    inputs: usize,
    outputs: usize,
    /// Panels of 64 outputs; of each, its 64 weights by input.
    weights: Aligned<f32>,
    /// By output, padded to whole panels.
    bias: Vec<f32>,
}

impl Matrix {
    /// A layer of zeros; [`set_weights`](Self::set_weights) and [`set_bias`](Self::set_bias) fill it.
    ///
    /// # Panics
    /// If there are no inputs or no outputs.
    pub fn zeros(inputs: usize, outputs: usize) -> Self {
        assert!(inputs > 0 && outputs > 0);
        let padded = padded(outputs);
        Self {
            inputs,
            outputs,
            weights: Aligned::zeroed(padded * inputs),
            bias: vec![0.0; padded],
        }
    }

    /// Bytes of a layer's packed weights; the greatest number there is where they are too many to count.
    pub fn packed_bytes(inputs: usize, outputs: usize) -> usize {
        padded(outputs)
            .saturating_mul(inputs)
            .saturating_mul(size_of::<f32>())
    }

    /// Packs the weights of the outputs from `first` on: rows of as many as there are inputs.
    ///
    /// # Panics
    /// If they are not whole rows, or more than there are outputs.
    pub fn set_weights(&mut self, first: usize, weights: &[f32]) {
        assert!(weights.len().is_multiple_of(self.inputs));
        assert!(first + weights.len() / self.inputs <= self.outputs);
        for (output, weights) in (first..).zip(weights.chunks_exact(self.inputs)) {
            let column = output / PANEL * PANEL * self.inputs + output % PANEL;
            for (input, &weight) in weights.iter().enumerate() {
                self.weights[column + input * PANEL] = weight;
            }
        }
    }

    /// Sets the bias of the outputs from `first` on.
    ///
    /// # Panics
    /// If there are more than outputs.
    pub fn set_bias(&mut self, first: usize, bias: &[f32]) {
        self.bias[..self.outputs][first..][..bias.len()].copy_from_slice(bias);
    }

    /// Outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Applies the layer and then `activation` to each of `rows`, which are of as many as there are inputs:
    /// `out` has as many rows, of as many as there are outputs.
    ///
    /// # Panics
    /// If the sizes do not match.
    pub fn apply(&self, isa: Isa, rows: &[f32], activation: Activation, out: &mut [f32]) {
        assert!(rows.len().is_multiple_of(self.inputs));
        assert_eq!(out.len(), rows.len() / self.inputs * self.outputs);
        isa.run(Apply {
            matrix: self,
            rows,
            activation,
            out,
        });
    }
}

struct Apply<'a> {
    matrix: &'a Matrix,
    rows: &'a [f32],
    activation: Activation,
    out: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self {
            matrix,
            rows,
            activation,
            out,
        } = self;
        let mut sums = Sums([0.0; GROUP * PANEL]);
        let groups = rows.chunks(GROUP * matrix.inputs);
        for (rows, out) in groups.zip(out.chunks_mut(GROUP * matrix.outputs)) {
            let sums = &mut sums.0[..rows.len() / matrix.inputs * PANEL];
            for panel in 0..matrix.bias.len() / PANEL {
                matrix.sums(simd, panel, rows, sums);
                matrix.finish(panel, sums, activation, out);
            }
        }
    }
}

impl Matrix {
    /// A panel's sums for the rows of a group.
    #[inline(always)]
    fn sums<S: Simd>(&self, simd: S, panel: usize, rows: &[f32], sums: &mut [f32]) {
        let mut after = &self.weights[panel * PANEL * self.inputs..];
        for (piece, weights) in after[..PANEL * self.inputs]
            .chunks(DEPTH * PANEL)
            .enumerate()
        {
            after = &after[weights.len()..];
            let tiles = rows.chunks(TILE_ROWS * self.inputs);
            let mut parts = ahead(after, DEPTH * PANEL, tiles.len());
            for (rows, sums) in tiles.zip(sums.chunks_mut(TILE_ROWS * PANEL)) {
                simd.f32_tile(F32Tile {
                    add: piece > 0,
                    rows: sums.len() / PANEL,
                    columns: PANEL,
                    depth: weights.len() / PANEL,
                    a: &rows[piece * DEPTH..],
                    a_stride: self.inputs,
                    b: weights,
                    b_stride: PANEL,
                    ahead: parts.next().unwrap_or_default(),
                    c: sums,
                    c_stride: PANEL,
                });
            }
        }
    }

    /// From a panel's sums to its columns of `out`.
    #[inline(always)]
    fn finish(&self, panel: usize, sums: &[f32], activation: Activation, out: &mut [f32]) {
        let first = panel * PANEL;
        let (sums, _) = sums.as_chunks::<PANEL>();
        let (bias, _) = self.bias[first..].as_chunks::<PANEL>();
        let mut padded = [0.0; PANEL];
        for (sums, out) in sums.iter().zip(out.chunks_exact_mut(self.outputs)) {
            let rest = &mut out[first..];
            let places = columns(rest, &mut padded);
            for ((place, sum), bias) in places.iter_mut().zip(sums).zip(&bias[0]) {
                *place = sum + bias;
            }
            activation.apply(places);
            if rest.len() < PANEL {
                rest.copy_from_slice(&padded[..rest.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
