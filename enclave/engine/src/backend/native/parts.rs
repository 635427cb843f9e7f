//! Takes the tensors one by one as they are read, and packs each before the next one comes.

use std::collections::{HashMap, HashSet};

use safetensors::Dtype;
use sealnote_kernels::attention::Heads;
use sealnote_kernels::{Isa, LayerNorm, dense, int8};
use sealnote_model::Precision;

use super::linear::Linear;
use super::model::{Embeddings, Layer, Model};
use super::table::Table;
use crate::config::{Activation, BertConfig, HeadActivation, LayerPart, ModelConfig, Names, Part};
use crate::error::EngineError;
use crate::weights::Sink;

/// What is there of a model so far.
pub(crate) struct Parts {
    isa: Isa,
    precision: Precision,
    names: &'static Names,
    sizes: Sizes,
    layers: usize,
    activation: Activation,
    pooler_activation: HeadActivation,
    epsilon: f32,
    /// The layers' matrices that were taken.
    taken: HashSet<Part>,
    tables: HashMap<Part, Table>,
    /// By the part that comes first in each.
    linears: HashMap<Part, Linear>,
    head: HashMap<Part, dense::Matrix>,
    /// Everything of one dimension, by the tensor's name.
    vectors: HashMap<String, Vec<f32>>,
}

struct Sizes {
    heads: Heads,
    intermediate: usize,
    words: usize,
    positions: usize,
    types: Option<usize>,
    labels: usize,
}

/// Where a matrix of a layer goes: the outputs from `first` on, of the linear layer `linear`.
struct Place {
    linear: LayerPart,
    first: usize,
    /// The tensor's own.
    shape: [usize; 2],
    /// The whole layer's.
    outputs: usize,
}

impl Parts {
    pub(crate) fn new(
        bert: &BertConfig,
        config: &ModelConfig,
        precision: Precision,
        isa: Isa,
    ) -> Self {
        Self {
            isa,
            precision,
            names: bert.names,
            sizes: Sizes {
                heads: Heads {
                    count: bert.heads,
                    width: bert.head_width,
                },
                intermediate: bert.intermediate,
                words: config.inputs.vocab_size,
                positions: config.inputs.max_positions,
                types: config.inputs.types,
                labels: config.labels.len(),
            },
            layers: bert.layers,
            activation: bert.activation,
            pooler_activation: bert.head_activation,
            epsilon: bert.epsilon as f32,
            taken: HashSet::new(),
            tables: HashMap::new(),
            linears: HashMap::new(),
            head: HashMap::new(),
            vectors: HashMap::new(),
        }
    }

    /// # Errors
    /// If a tensor is missing, or has another shape than the configuration gives it.
    pub(super) fn into_model(mut self) -> Result<Model, EngineError> {
        let Sizes {
            heads,
            intermediate,
            labels,
            types,
            ..
        } = self.sizes;
        let hidden = heads.hidden();
        let embeddings = Embeddings {
            words: self.table(Part::Words)?,
            positions: self.table(Part::Positions)?,
            types: types.map(|_| self.table(Part::Types)).transpose()?,
            norm: self.norm(Part::Norm)?,
        };
        let mut layers = Vec::new();
        for index in 0..self.layers {
            use LayerPart::*;
            let part = |part| Part::Layer(index, part);
            layers.push(Layer {
                query: self.linear(&[part(Query)], hidden)?,
                key_value: self.linear(&[part(Key), part(Value)], hidden)?,
                attention_output: self.linear(&[part(AttentionOutput)], hidden)?,
                attention_norm: self.norm(part(AttentionNorm))?,
                intermediate: self.linear(&[part(Intermediate)], intermediate)?,
                output: self.linear(&[part(Output)], hidden)?,
                output_norm: self.norm(part(OutputNorm))?,
            });
        }
        Ok(Model {
            isa: self.isa,
            precision: self.precision,
            heads,
            intermediate,
            activation: self.activation.into(),
            embeddings,
            layers,
            pooler: self.head(Part::HeadDense, hidden)?,
            pooler_activation: self.pooler_activation,
            classifier: self.head(Part::HeadOutput, labels)?,
        })
    }

    /// Where a matrix of a layer goes; `None` of all other tensors.
    fn place(&self, part: Part, kind: &str) -> Option<(usize, Place)> {
        use LayerPart::*;
        let hidden = self.sizes.heads.hidden();
        let intermediate = self.sizes.intermediate;
        let Part::Layer(index, part) = part else {
            return None;
        };
        if index >= self.layers || kind != "weight" {
            return None;
        }
        let (linear, first, shape, outputs) = match part {
            Query | AttentionOutput => (part, 0, [hidden; 2], hidden),
            Key => (Key, 0, [hidden; 2], 2 * hidden),
            Value => (Key, hidden, [hidden; 2], 2 * hidden),
            Intermediate => (part, 0, [intermediate, hidden], intermediate),
            Output => (part, 0, [hidden, intermediate], hidden),
            AttentionNorm | OutputNorm => return None,
        };
        let place = Place {
            linear,
            first,
            shape,
            outputs,
        };
        Some((index, place))
    }

    fn table_rows(&self, part: Part, kind: &str) -> Option<usize> {
        match (part, kind) {
            (Part::Words, "weight") => Some(self.sizes.words),
            (Part::Positions, "weight") => Some(self.sizes.positions),
            (Part::Types, "weight") => self.sizes.types,
            _ => None,
        }
    }

    fn head_rows(&self, part: Part, kind: &str) -> Option<usize> {
        match (part, kind) {
            (Part::HeadDense, "weight") => Some(self.sizes.heads.hidden()),
            (Part::HeadOutput, "weight") => Some(self.sizes.labels),
            _ => None,
        }
    }

    fn table(&mut self, part: Part) -> Result<Table, EngineError> {
        let table = self.tables.remove(&part);
        table.ok_or_else(|| self.missing(part))
    }

    /// The linear layer that is made of `parts`, each of `outputs`.
    fn linear(&mut self, parts: &[Part], outputs: usize) -> Result<Linear, EngineError> {
        let mut biases = Vec::new();
        for &part in parts {
            if !self.taken.contains(&part) {
                return Err(self.missing(part));
            }
            biases.push(self.bias(part, outputs)?);
        }
        let linear = self.linears.remove(&parts[0]);
        let mut linear = linear.ok_or_else(|| self.missing(parts[0]))?;
        for (part, bias) in biases.iter().enumerate() {
            linear.set_bias(part * outputs, bias);
        }
        Ok(linear)
    }

    fn head(&mut self, part: Part, outputs: usize) -> Result<dense::Matrix, EngineError> {
        let matrix = self.head.remove(&part);
        let mut matrix = matrix.ok_or_else(|| self.missing(part))?;
        matrix.set_bias(0, &self.bias(part, outputs)?);
        Ok(matrix)
    }

    fn norm(&mut self, part: Part) -> Result<LayerNorm, EngineError> {
        let hidden = self.sizes.heads.hidden();
        let name = self.names.module(part);
        // Checkpoints that were converted from TensorFlow have the names of old.
        let mut either = |new: &str, old: &str| {
            let [new, old] = [new, old].map(|part| format!("{name}.{part}"));
            let found = if self.vectors.contains_key(&new) || !self.vectors.contains_key(&old) {
                new
            } else {
                old
            };
            self.vector(&found, hidden)
        };
        let (weight, bias) = (either("weight", "gamma")?, either("bias", "beta")?);
        Ok(LayerNorm::new(weight, bias, self.epsilon))
    }

    fn bias(&mut self, part: Part, len: usize) -> Result<Vec<f32>, EngineError> {
        let name = self.names.module(part);
        self.vector(&format!("{name}.bias"), len)
    }

    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, EngineError> {
        let vector = self.vectors.remove(name);
        let vector = vector.ok_or_else(|| EngineError::missing_tensor(name))?;
        check_shape(name, &[vector.len()], &[len])?;
        Ok(vector)
    }

    fn missing(&self, part: Part) -> EngineError {
        EngineError::missing_tensor(&format!("{}.weight", self.names.module(part)))
    }
}

impl Sink for Parts {
    fn kept(&self, name: &str, dtype: Dtype, shape: &[usize]) -> u64 {
        let Some((part, kind)) = self.names.part(name) else {
            return 0;
        };
        let elements = shape.iter().product::<usize>();
        let kept = match *shape {
            _ if self.table_rows(part, kind).is_some() => {
                elements * if dtype == Dtype::F16 { 2 } else { 4 }
            }
            [outputs, inputs] if self.place(part, kind).is_some() => {
                Linear::packed_bytes(self.precision, inputs, outputs)
            }
            [outputs, inputs] => dense::Matrix::packed_bytes(inputs, outputs),
            _ => elements * 4,
        };
        kept as u64
    }

    fn take(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> Result<(), EngineError> {
        let hidden = self.sizes.heads.hidden();
        let Some((part, kind)) = self.names.part(&name) else {
            return Ok(());
        };
        if let Some((index, place)) = self.place(part, kind) {
            check_shape(&name, shape, &place.shape)?;
            let [_, inputs] = place.shape;
            if self.precision == Precision::Int8 && inputs > int8::MAX_INPUTS {
                return Err(EngineError::Width {
                    tensor: name,
                    inputs,
                    most: int8::MAX_INPUTS,
                });
            }
            let linear = self.linears.entry(Part::Layer(index, place.linear));
            linear
                .or_insert_with(|| Linear::zeros(self.precision, inputs, place.outputs))
                .set_weights(place.first, &values);
            self.taken.insert(part);
        } else if let Some(rows) = self.table_rows(part, kind) {
            check_shape(&name, shape, &[rows, hidden])?;
            self.tables.insert(part, Table::new(values, hidden));
        } else if let Some(rows) = self.head_rows(part, kind) {
            if part == Part::HeadOutput && shape.first() != Some(&rows) {
                return Err(EngineError::ClassifierRows {
                    tensor: name,
                    rows: shape.first().copied().unwrap_or(0),
                    labels: rows,
                });
            }
            check_shape(&name, shape, &[rows, hidden])?;
            let mut matrix = dense::Matrix::zeros(hidden, rows);
            matrix.set_weights(0, &values);
            self.head.insert(part, matrix);
        } else if shape.len() == 1 {
            self.vectors.insert(name, values);
        }
        Ok(())
    }
}

fn check_shape(name: &str, found: &[usize], expected: &[usize]) -> Result<(), EngineError> {
    if found == expected {
        return Ok(());
    }
    Err(EngineError::Weights(format!(
        "{name} has the shape {found:?}, and config.json gives it {expected:?}"
    )))
}

impl From<Activation> for sealnote_kernels::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Gelu => Self::Gelu,
            Activation::GeluTanh => Self::GeluTanh,
            Activation::Relu => Self::Relu,
        }
    }
}
