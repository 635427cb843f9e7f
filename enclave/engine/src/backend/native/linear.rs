//! A linear layer in the precision that was asked for.

use sealnote_kernels::{Activation, Isa, dense, int8};
use sealnote_model::Precision;

/// A linear layer of the encoder.
pub(super) enum Linear {
    Int8(int8::Matrix),
    F32(dense::Matrix),
}

/// Rows that go into linear layers: quantised once, however many layers they go into.
pub(super) struct LayerInput<'a> {
    rows: &'a [f32],
    quantised: &'a int8::Rows,
}

impl<'a> LayerInput<'a> {
    pub(super) fn new(
        precision: Precision,
        isa: Isa,
        rows: &'a [f32],
        width: usize,
        quantised: &'a mut int8::Rows,
    ) -> Self {
        if precision == Precision::Int8 {
            quantised.quantise(isa, rows, width);
        }
        Self { rows, quantised }
    }
}

impl Linear {
    pub(super) fn zeros(precision: Precision, inputs: usize, outputs: usize) -> Self {
        match precision {
            Precision::Int8 => Self::Int8(int8::Matrix::zeros(inputs, outputs)),
            Precision::F32 => Self::F32(dense::Matrix::zeros(inputs, outputs)),
        }
    }

    /// Bytes of a layer's packed weights.
    pub(super) fn packed_bytes(precision: Precision, inputs: usize, outputs: usize) -> usize {
        match precision {
            Precision::Int8 => int8::Matrix::packed_bytes(inputs, outputs),
            Precision::F32 => dense::Matrix::packed_bytes(inputs, outputs),
        }
    }

    pub(super) fn set_weights(&mut self, first: usize, weights: &[f32]) {
        match self {
            Self::Int8(matrix) => matrix.set_weights(first, weights),
            Self::F32(matrix) => matrix.set_weights(first, weights),
        }
    }

    pub(super) fn set_bias(&mut self, first: usize, bias: &[f32]) {
        match self {
            Self::Int8(matrix) => matrix.set_bias(first, bias),
            Self::F32(matrix) => matrix.set_bias(first, bias),
        }
    }

    pub(super) fn apply(
        &self,
        isa: Isa,
        inputs: &LayerInput<'_>,
        activation: Activation,
        out: &mut [f32],
    ) {
        match self {
            Self::Int8(matrix) => matrix.apply(isa, inputs.quantised, activation, out),
            Self::F32(matrix) => matrix.apply(isa, inputs.rows, activation, out),
        }
    }
}
