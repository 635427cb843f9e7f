//! Activation functions by `transformers`' names.

use super::keys::unsupported;
use crate::error::EngineError;

/// An activation within the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Gelu,
    /// GELU by a tanh.
    GeluTanh,
    Relu,
}

/// The activation between the two linear layers of a classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadActivation {
    Tanh,
    AsInEncoder(Activation),
}

impl Activation {
    /// Names as in transformers' `activations.py`; the first two compute the same, and so do the next two.
    pub(super) fn read(key: &'static str, name: Option<&str>) -> Result<Self, EngineError> {
        match name.unwrap_or("gelu") {
            "gelu" | "gelu_python" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Self::GeluTanh),
            "relu" => Ok(Self::Relu),
            found => {
                const SUPPORTED: &str = "gelu, gelu_python, gelu_new, gelu_pytorch_tanh, relu";
                Err(unsupported(key, found, SUPPORTED))
            }
        }
    }
}
