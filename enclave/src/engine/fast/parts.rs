//! Takes the tensors one by one as they are read, and packs each before the next one comes.

use std::collections::{HashMap, HashSet};

use candle_transformers::models::bert::HiddenAct;
use safetensors::Dtype;
use sealnote_kernels::attention::Heads;
use sealnote_kernels::{Activation, Isa, LayerNorm, dense, int8};

use super::linear::{Arithmetic, Linear};
use super::model::{Embeddings, Layer, Model};
use super::table::Table;
use crate::engine::config::ModelConfig;
use crate::engine::error::EngineError;
use crate::engine::weights::Sink;

const LAYERS: &str = "bert.encoder.layer.";
const WORDS: &str = "bert.embeddings.word_embeddings.weight";
const POSITIONS: &str = "bert.embeddings.position_embeddings.weight";
const TYPES: &str = "bert.embeddings.token_type_embeddings.weight";
const POOLER: &str = "bert.pooler.dense";
const CLASSIFIER: &str = "classifier";

/// What is there of a model so far.
pub(in crate::engine) struct Parts {
    isa: Isa,
    arithmetic: Arithmetic,
    sizes: Sizes,
    layers: usize,
    activation: Activation,
    epsilon: f32,
    /// Names of the tensors that were taken, vectors aside.
    taken: HashSet<String>,
    tables: HashMap<String, Table>,
    linears: HashMap<String, Linear>,
    head: HashMap<&'static str, dense::Matrix>,
    /// Everything of one dimension.
    vectors: HashMap<String, Vec<f32>>,
}

struct Sizes {
    heads: Heads,
    intermediate: usize,
    words: usize,
    positions: usize,
    types: usize,
    labels: usize,
}

/// Where a matrix of the encoder goes: the outputs from `first` on, of the linear layer called `linear`.
struct Place {
    linear: String,
    first: usize,
    /// The tensor's own.
    shape: [usize; 2],
    /// The whole layer's.
    outputs: usize,
}

impl Parts {
    pub(in crate::engine) fn new(config: &ModelConfig, arithmetic: Arithmetic, isa: Isa) -> Self {
        let bert = &config.bert;
        let heads = Heads {
            count: bert.num_attention_heads,
            width: bert.hidden_size / bert.num_attention_heads,
        };
        Self {
            isa,
            arithmetic,
            sizes: Sizes {
                heads,
                intermediate: bert.intermediate_size,
                words: bert.vocab_size,
                positions: bert.max_position_embeddings,
                types: bert.type_vocab_size,
                labels: config.labels.len(),
            },
            layers: bert.num_hidden_layers,
            activation: match bert.hidden_act {
                HiddenAct::Gelu => Activation::Gelu,
                HiddenAct::GeluApproximate => Activation::GeluTanh,
                HiddenAct::Relu => Activation::Relu,
            },
            epsilon: bert.layer_norm_eps as f32,
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
            ..
        } = self.sizes;
        let hidden = heads.hidden();
        let embeddings = Embeddings {
            words: self.table(WORDS)?,
            positions: self.table(POSITIONS)?,
            types: self.table(TYPES)?,
            norm: self.norm("bert.embeddings.LayerNorm")?,
        };
        let mut layers = Vec::new();
        for index in 0..self.layers {
            let part = |name: &str| format!("{LAYERS}{index}.{name}");
            let own = part("attention.self");
            layers.push(Layer {
                query: self.linear(&format!("{own}.query"), &["query"], hidden)?,
                key_value: self.linear(&format!("{own}.key"), &["key", "value"], hidden)?,
                attention_output: self.linear(
                    &part("attention.output.dense"),
                    &["dense"],
                    hidden,
                )?,
                attention_norm: self.norm(&part("attention.output.LayerNorm"))?,
                intermediate: self.linear(&part("intermediate.dense"), &["dense"], intermediate)?,
                output: self.linear(&part("output.dense"), &["dense"], hidden)?,
                output_norm: self.norm(&part("output.LayerNorm"))?,
            });
        }
        Ok(Model {
            isa: self.isa,
            arithmetic: self.arithmetic,
            heads,
            intermediate,
            activation: self.activation,
            embeddings,
            layers,
            pooler: self.head(POOLER, hidden)?,
            classifier: self.head(CLASSIFIER, labels)?,
        })
    }

    /// Where a matrix of the encoder goes; `None` of all other tensors.
    fn place(&self, name: &str) -> Option<Place> {
        let hidden = self.sizes.heads.hidden();
        let intermediate = self.sizes.intermediate;
        let (index, rest) = name.strip_prefix(LAYERS)?.split_once('.')?;
        let index: usize = index.parse().ok().filter(|&index| index < self.layers)?;
        let (linear, first, shape, outputs) = match rest.strip_suffix(".weight")? {
            own @ "attention.self.query" => (own, 0, [hidden; 2], hidden),
            own @ "attention.self.key" => (own, 0, [hidden; 2], 2 * hidden),
            "attention.self.value" => ("attention.self.key", hidden, [hidden; 2], 2 * hidden),
            own @ "attention.output.dense" => (own, 0, [hidden; 2], hidden),
            own @ "intermediate.dense" => (own, 0, [intermediate, hidden], intermediate),
            own @ "output.dense" => (own, 0, [hidden, intermediate], hidden),
            _ => return None,
        };
        Some(Place {
            linear: format!("{LAYERS}{index}.{linear}"),
            first,
            shape,
            outputs,
        })
    }

    fn table_rows(&self, name: &str) -> Option<usize> {
        match name {
            WORDS => Some(self.sizes.words),
            POSITIONS => Some(self.sizes.positions),
            TYPES => Some(self.sizes.types),
            _ => None,
        }
    }

    fn table(&mut self, name: &str) -> Result<Table, EngineError> {
        self.tables.remove(name).ok_or_else(|| missing(name))
    }

    /// The linear layer `name`, made of the tensors `parts`, each of `outputs`, beside which `name` is.
    fn linear(
        &mut self,
        name: &str,
        parts: &[&str],
        outputs: usize,
    ) -> Result<Linear, EngineError> {
        let (folder, _) = name.rsplit_once('.').unwrap_or_default();
        let mut biases = Vec::new();
        for part in parts {
            let weight = format!("{folder}.{part}.weight");
            if !self.taken.contains(&weight) {
                return Err(missing(&weight));
            }
            biases.push(self.vector(&format!("{folder}.{part}.bias"), outputs)?);
        }
        let mut linear = self.linears.remove(name).ok_or_else(|| missing(name))?;
        for (part, bias) in biases.iter().enumerate() {
            linear.set_bias(part * outputs, bias);
        }
        Ok(linear)
    }

    fn head(&mut self, name: &'static str, outputs: usize) -> Result<dense::Matrix, EngineError> {
        let matrix = self.head.remove(name);
        let mut matrix = matrix.ok_or_else(|| missing(&format!("{name}.weight")))?;
        matrix.set_bias(0, &self.vector(&format!("{name}.bias"), outputs)?);
        Ok(matrix)
    }

    fn norm(&mut self, name: &str) -> Result<LayerNorm, EngineError> {
        let hidden = self.sizes.heads.hidden();
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

    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, EngineError> {
        let vector = self.vectors.remove(name).ok_or_else(|| missing(name))?;
        check_shape(name, &[vector.len()], &[len])?;
        Ok(vector)
    }
}

impl Sink for Parts {
    fn kept(&self, name: &str, dtype: Dtype, shape: &[usize]) -> u64 {
        let elements = shape.iter().product::<usize>() as u64;
        if self.place(name).is_some() && self.arithmetic == Arithmetic::Int8 {
            elements
        } else if self.table_rows(name).is_some() && dtype == Dtype::F16 {
            2 * elements
        } else {
            4 * elements
        }
    }

    fn take(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> Result<(), EngineError> {
        let hidden = self.sizes.heads.hidden();
        let head = [(POOLER, hidden), (CLASSIFIER, self.sizes.labels)];
        if let Some(place) = self.place(&name) {
            check_shape(&name, shape, &place.shape)?;
            let [_, inputs] = place.shape;
            if self.arithmetic == Arithmetic::Int8 && inputs > int8::MAX_INPUTS {
                return Err(EngineError::Width {
                    tensor: name,
                    inputs,
                    most: int8::MAX_INPUTS,
                });
            }
            let linear = self.linears.entry(place.linear);
            linear
                .or_insert_with(|| Linear::zeros(self.arithmetic, inputs, place.outputs))
                .set_weights(place.first, &values);
            self.taken.insert(name);
        } else if let Some(rows) = self.table_rows(&name) {
            check_shape(&name, shape, &[rows, hidden])?;
            self.tables.insert(name, Table::new(values, hidden));
        } else if let Some((head, rows)) =
            (head.into_iter()).find(|(head, _)| name.strip_suffix(".weight") == Some(head))
        {
            if head == CLASSIFIER && shape.first() != Some(&rows) {
                let (rows, labels) = (shape.first().copied().unwrap_or(0), rows);
                return Err(EngineError::ClassifierRows { rows, labels });
            }
            check_shape(&name, shape, &[rows, hidden])?;
            let mut matrix = dense::Matrix::zeros(hidden, rows);
            matrix.set_weights(0, &values);
            self.head.insert(head, matrix);
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

fn missing(name: &str) -> EngineError {
    EngineError::Weights(format!("cannot find tensor {name}"))
}
