//! The backends, and which of them computes a model.

use super::{Backend, candle, native};
use crate::config::ModelConfig;
use crate::error::EngineError;
use crate::model_files::HashedFile;
use crate::options::EngineOptions;

/// Reads the weights, once. `None`, and nothing read, when the backend has no such computation for the model's type.
type Load = fn(
    &mut HashedFile,
    &ModelConfig,
    &EngineOptions,
) -> Result<Option<Box<dyn Backend>>, EngineError>;

/// The first that computes what was asked for does.
const BACKENDS: [Load; 2] = [native::load, candle::load];

/// The model's backend.
pub(crate) fn load(
    weights: &mut HashedFile,
    config: &ModelConfig,
    options: &EngineOptions,
) -> Result<Box<dyn Backend>, EngineError> {
    for load in BACKENDS {
        if let Some(backend) = load(weights, config, options)? {
            return Ok(backend);
        }
    }
    // Candle computes all else.
    Err(EngineError::NoEightBits {
        model_type: config.model_type,
    })
}
