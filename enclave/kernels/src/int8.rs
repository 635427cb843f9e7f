//! Products of 8-bit integers: weights quantised once, a scale for each output; activations quantised as
//! they come, a scale for each row.
//!
//! Of a row x and an output's weights w, with sₓ = max|x| / 127 and s_w = max|w| / 127, the result is
//! `activation(sₓ s_w Σ round(x/sₓ) round(w/s_w) + bias)`. The sum is exact.
#![forbid(unsafe_code)]

use crate::aligned::Sums;
use crate::isa::{Int8Tile, Kernel, Simd};
use crate::math::{self, ROUND};
use crate::{Activation, Aligned, GROUP, Isa, PANEL, TILE_ROWS, TOGETHER, ahead, columns, padded};

/// Greatest number of inputs: beyond it a sum of products of 255 × 127 might not fit into 31 bits.
pub const MAX_INPUTS: usize = 1 << 16;

/// Greatest whole number that a value or a weight becomes.
const GREATEST: f32 = 127.0;
/// What a value's byte is more than the value: `vpdpbusd` multiplies unsigned by signed bytes.
const OFFSET: i32 = 128;
/// A scale's divisor. A row whose greatest magnitude is below it counts as zeros: its inverse scale would
/// not be finite.
const LEAST: f32 = 1e-30;
/// Weights of a panel that are multiplied with all rows of a group before the next ones, so that they stay
/// in the first-level cache (24 KiB): 96 steps of 4 inputs.
const PIECE: usize = 96 * 4 * PANEL;
/// With fewer tiles than this the processor's own prefetcher keeps up better than ours.
const AHEAD_TILES: usize = 4;

/// A linear layer with its weights in 8 bits.
pub struct Matrix {
    inputs: usize,
    outputs: usize,
    /// Panels of 64 outputs; of each, steps of 4 inputs: 64 × 4 weights.
    weights: Aligned<i8>,
    /// By output, padded to whole panels.
    scales: Vec<f32>,
    bias: Vec<f32>,
    /// Of an output's weights, times [`OFFSET`].
    offsets: Vec<i32>,
}

impl Matrix {
    /// A layer of zeros; [`set_weights`](Self::set_weights) and [`set_bias`](Self::set_bias) fill it.
    ///
    /// # Panics
    /// If there are no inputs, more than [`MAX_INPUTS`], or no outputs.
    pub fn zeros(inputs: usize, outputs: usize) -> Self {
        assert!((1..=MAX_INPUTS).contains(&inputs) && outputs > 0);
        let padded = padded(outputs);
        Self {
            inputs,
            outputs,
            weights: Aligned::zeroed(Self::packed_bytes(inputs, outputs)),
            scales: vec![0.0; padded],
            bias: vec![0.0; padded],
            offsets: vec![0; padded],
        }
    }

    /// Bytes of a layer's packed weights; the greatest number there is where they are too many to count.
    pub fn packed_bytes(inputs: usize, outputs: usize) -> usize {
        let inputs = inputs.checked_next_multiple_of(4).unwrap_or(usize::MAX);
        padded(outputs).saturating_mul(inputs)
    }

    /// Quantises and packs the weights of the outputs from `first` on: rows of as many as there are inputs.
    ///
    /// # Panics
    /// If they are not whole rows, or more than there are outputs.
    pub fn set_weights(&mut self, first: usize, weights: &[f32]) {
        assert!(weights.len().is_multiple_of(self.inputs));
        assert!(first + weights.len() / self.inputs <= self.outputs);
        for (output, weights) in (first..).zip(weights.chunks_exact(self.inputs)) {
            let scale = Scale::of(weights);
            let panel = output / PANEL * self.panel_len();
            let column = panel + output % PANEL * 4;
            let mut sum = 0;
            for (input, &weight) in weights.iter().enumerate() {
                let weight = scale.quantise(weight);
                sum += i32::from(weight);
                self.weights[column + input / 4 * 4 * PANEL + input % 4] = weight;
            }
            self.scales[output] = scale.size;
            self.offsets[output] = sum * OFFSET;
        }
    }

    /// Sets the bias of the outputs from `first` on.
    ///
    /// # Panics
    /// If there are more than outputs.
    pub fn set_bias(&mut self, first: usize, bias: &[f32]) {
        self.bias[..self.outputs][first..][..bias.len()].copy_from_slice(bias);
    }

    /// Applies the layer and then `activation` to each of `rows`: `out` has as many rows, of as many as
    /// there are outputs.
    ///
    /// # Panics
    /// If the sizes do not match.
    pub fn apply(&self, isa: Isa, rows: &Rows, activation: Activation, out: &mut [f32]) {
        assert_eq!(rows.width, self.inputs);
        assert_eq!(out.len(), rows.len * self.outputs);
        isa.run(Apply {
            matrix: self,
            rows,
            activation,
            out,
        });
    }

    fn panel_len(&self) -> usize {
        self.inputs.next_multiple_of(4) * PANEL
    }
}

/// Quantised rows.
#[derive(Default)]
pub struct Rows {
    len: usize,
    width: usize,
    /// From one row's first byte to the next one's.
    stride: usize,
    /// Each [`OFFSET`] more than the value it stands for.
    bytes: Aligned<u8>,
    scales: Vec<f32>,
}

impl Rows {
    /// Quantises `values`, rows of `width`, in place of what was here.
    ///
    /// A row with a value that is not finite has the scale NaN, and so has NaN for its results.
    ///
    /// # Panics
    /// If `values` are not whole rows.
    pub fn quantise(&mut self, isa: Isa, values: &[f32], width: usize) {
        assert!(values.len().is_multiple_of(width));
        self.len = values.len() / width;
        self.width = width;
        self.stride = width.next_multiple_of(4);
        self.bytes.grow(self.len * self.stride);
        if self.scales.len() < self.len {
            self.scales.resize(self.len, 0.0);
        }
        isa.run(Quantise { rows: self, values });
    }
}

/// How numbers become whole ones.
#[derive(Clone, Copy, Default)]
struct Scale {
    /// What 1 stands for.
    size: f32,
    /// One over it.
    inverse: f32,
}

impl Scale {
    #[inline(always)]
    fn of(values: &[f32]) -> Self {
        // Magnitudes are in the order of their bits, with infinity and NaN above all. Of integers the
        // greatest is found by vectors, as it is the same in any order.
        let mut greatest = 0;
        for value in values {
            greatest = greatest.max(value.to_bits() & 0x7fff_ffff);
        }
        let greatest = f32::from_bits(greatest);
        let (size, inverse) = if greatest < LEAST {
            (0.0, 0.0)
        } else if greatest.is_finite() {
            (greatest / GREATEST, GREATEST / greatest)
        } else {
            (f32::NAN, 0.0)
        };
        Self { size, inverse }
    }

    /// The nearest whole number, ties to even, plus `offset`; in the eight lowest bits.
    ///
    /// It is −127 to 127, since the product is at most 127 × (1 + 2⁻²³).
    #[inline(always)]
    fn bits(self, value: f32, offset: i32) -> u32 {
        (value * self.inverse + (ROUND + offset as f32)).to_bits()
    }

    fn quantise(self, weight: f32) -> i8 {
        // Of a row that is not finite, the scale says so; its weights must be in range nevertheless.
        if self.size.is_finite() {
            self.bits(weight, 0) as i8
        } else {
            0
        }
    }
}

struct Quantise<'a> {
    rows: &'a mut Rows,
    values: &'a [f32],
}

impl Kernel for Quantise<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Rows {
            width,
            stride,
            bytes,
            scales,
            ..
        } = self.rows;
        let few = self.values.chunks(TOGETHER * *width);
        let places = bytes.chunks_mut(TOGETHER * *stride);
        for ((values, bytes), sizes) in few.zip(places).zip(scales.chunks_mut(TOGETHER)) {
            let rows = values.chunks_exact(*width);
            let mut found = [Scale::default(); TOGETHER];
            for ((values, size), found) in rows.clone().zip(sizes).zip(&mut found) {
                *found = Scale::of(values);
                *size = found.size;
            }
            for ((values, bytes), found) in rows.zip(bytes.chunks_exact_mut(*stride)).zip(found) {
                let (bytes, padding) = bytes.split_at_mut(*width);
                if found.size.is_finite() {
                    for (byte, &value) in bytes.iter_mut().zip(values) {
                        *byte = found.bits(value, OFFSET) as u8;
                    }
                } else {
                    bytes.fill(OFFSET as u8);
                }
                padding.fill(OFFSET as u8);
            }
        }
    }
}

struct Apply<'a> {
    matrix: &'a Matrix,
    rows: &'a Rows,
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
        let mut sums = Sums([0; GROUP * PANEL]);
        for (group, out) in out.chunks_mut(GROUP * matrix.outputs).enumerate() {
            let len = out.len() / matrix.outputs;
            let bytes = &rows.bytes[group * GROUP * rows.stride..][..len * rows.stride];
            let scales = &rows.scales[group * GROUP..][..len];
            let sums = &mut sums.0[..len * PANEL];
            for panel in 0..matrix.scales.len() / PANEL {
                matrix.sums(simd, panel, bytes, sums);
                matrix.finish(panel, sums, scales, activation, out);
            }
        }
    }
}

impl Matrix {
    /// A panel's sums of bytes and weights for the rows of a group.
    #[inline(always)]
    fn sums<S: Simd>(&self, simd: S, panel: usize, bytes: &[u8], sums: &mut [i32]) {
        let stride = self.inputs.next_multiple_of(4);
        let mut after = &self.weights[panel * self.panel_len()..];
        for (piece, weights) in after[..self.panel_len()].chunks(PIECE).enumerate() {
            after = &after[weights.len()..];
            let tiles = bytes.chunks(TILE_ROWS * stride);
            let mut parts = ahead(after, PIECE, tiles.len());
            let few = tiles.len() < AHEAD_TILES;
            for (bytes, sums) in tiles.zip(sums.chunks_mut(TILE_ROWS * PANEL)) {
                let next = parts.next().filter(|_| !few);
                simd.int8_tile(Int8Tile {
                    add: piece > 0,
                    rows: sums.len() / PANEL,
                    bytes: &bytes[piece * PIECE / PANEL..],
                    stride,
                    weights,
                    ahead: next.unwrap_or_default(),
                    sums,
                });
            }
        }
    }

    /// From a panel's sums to its columns of `out`.
    #[inline(always)]
    fn finish(
        &self,
        panel: usize,
        sums: &[i32],
        rows: &[f32],
        activation: Activation,
        out: &mut [f32],
    ) {
        // A loop for each: one that asks on every row which it is keeps nothing in registers.
        match activation {
            Activation::Identity => self.finish_with(|x| x, panel, sums, rows, out),
            Activation::Gelu => self.finish_with(math::gelu, panel, sums, rows, out),
            Activation::GeluTanh => self.finish_with(math::gelu_tanh, panel, sums, rows, out),
            Activation::Relu => self.finish_with(math::relu, panel, sums, rows, out),
        }
    }

    #[inline(always)]
    fn finish_with(
        &self,
        activation: impl Fn(f32) -> f32,
        panel: usize,
        sums: &[i32],
        rows: &[f32],
        out: &mut [f32],
    ) {
        let first = panel * PANEL;
        let (sums, _) = sums.as_chunks::<PANEL>();
        let (scales, _) = self.scales[first..].as_chunks::<PANEL>();
        let (bias, _) = self.bias[first..].as_chunks::<PANEL>();
        let (offsets, _) = self.offsets[first..].as_chunks::<PANEL>();
        let (scales, bias, offsets) = (&scales[0], &bias[0], &offsets[0]);
        let mut padded = [0.0; PANEL];
        let out = out.chunks_exact_mut(self.outputs);
        for ((row, sums), out) in rows.iter().zip(sums).zip(out) {
            let rest = &mut out[first..];
            let places = columns(rest, &mut padded);
            scale(&activation, places, sums, offsets, scales, *row, bias);
            if rest.len() < PANEL {
                rest.copy_from_slice(&padded[..rest.len()]);
            }
        }
    }
}

/// A function, for its arguments do not alias: otherwise the loop would ask on every row whether they do.
#[inline(always)]
fn scale(
    activation: &impl Fn(f32) -> f32,
    out: &mut [f32; PANEL],
    sums: &[i32; PANEL],
    offsets: &[i32; PANEL],
    scales: &[f32; PANEL],
    row: f32,
    bias: &[f32; PANEL],
) {
    for column in 0..PANEL {
        let sum = sums[column] - offsets[column];
        out[column] = activation((sum as f32).mul_add(row * scales[column], bias[column]));
    }
}

#[cfg(test)]
mod tests;
