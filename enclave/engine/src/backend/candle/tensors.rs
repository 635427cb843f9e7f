//! The tensors of `model.safetensors`, as candle takes them.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use safetensors::Dtype;

use crate::error::EngineError;
use crate::weights::Sink;

/// The tensors by their names.
#[derive(Clone, Default)]
pub(crate) struct Tensors(pub(crate) HashMap<String, Tensor>);

impl Tensors {
    /// In f32, whatever the file has: candle's `BertModel` gives NaN in f16 and bf16, where
    /// its mask computes 0 × `f32::MIN`.
    pub(super) fn into_weights(self) -> VarBuilder<'static> {
        VarBuilder::from_tensors(self.0, DType::F32, &Device::Cpu)
    }
}

impl Sink for Tensors {
    fn kept(&self, _: &str, _: Dtype, shape: &[usize]) -> u64 {
        4 * shape.iter().product::<usize>() as u64
    }

    fn take(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> Result<(), EngineError> {
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
        self.0.insert(name, tensor);
        Ok(())
    }
}
