//! `config.json`: parsed, and refused unless the engine computes exactly what it asks for.
//!
//! A key that is absent or null means what it means to `transformers`' configuration class of the same
//! `model_type`. Of the many keys of a file only those are read that bear on the logits.

mod activation;
mod bert;
mod deberta;
mod distilbert;
mod inputs;
mod labels;
mod modernbert;
mod roberta;

pub(super) use activation::{Activation, HeadActivation};
pub(super) use bert::{BertConfig, LayerPart, NAMES as BERT_NAMES, Names, Part};
pub(super) use deberta::DebertaConfig;
pub(super) use inputs::{Inputs, Positions};
pub(super) use modernbert::{ModernBertConfig, Pooling};

use std::collections::HashMap;

use sealnote_model::Problem;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::error::{EngineError, LabelFault};

/// What the engine takes from `config.json`.
pub(super) struct ModelConfig {
    /// As the file has it, of the types that are computed.
    pub(super) model_type: &'static str,
    pub(super) architecture: Architecture,
    pub(super) inputs: Inputs,
    pub(super) labels: Vec<String>,
    pub(super) problem: Problem,
}

/// A model between its tokens and its logits.
pub(super) enum Architecture {
    /// BERT's encoder: also that of DistilBERT, RoBERTa and XLM-RoBERTa, under other names.
    Bert(BertConfig),
    ModernBert(ModernBertConfig),
    DebertaV2(Box<DebertaConfig>),
}

impl ModelConfig {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, EngineError> {
        let raw: RawConfig = parse(bytes)?;
        // First of all: another model's file may lack what is looked for, and its name says more.
        let ModelType { name, class, read } = MODEL_TYPES
            .iter()
            .find(|known| known.name == raw.model_type)
            .ok_or_else(|| EngineError::ModelType {
                found: raw.model_type.clone(),
            })?;
        raw.check(class)?;
        let problem = raw.problem()?;
        let labels = labels::labels(&raw.id2label.unwrap_or_default())?;
        if problem == Problem::SingleLabel && labels.len() == 1 {
            return Err(LabelFault::OnlyOne.into());
        }
        let (architecture, inputs) = read(bytes)?;
        inputs.check()?;
        Ok(Self {
            model_type: name,
            architecture,
            inputs,
            labels,
            problem,
        })
    }
}

/// What the keys of a type describe.
type Model = (Architecture, Inputs);

/// What is computed of the types that `transformers` has.
struct ModelType {
    /// As `model_type` has it.
    name: &'static str,
    /// The class whose weights are expected: a model with another head may well have a tensor called
    /// `classifier.weight`.
    class: &'static str,
    read: fn(&[u8]) -> Result<Model, EngineError>,
}

const MODEL_TYPES: [ModelType; 6] = [
    ModelType {
        name: "bert",
        class: "BertForSequenceClassification",
        read: bert::read,
    },
    ModelType {
        name: "distilbert",
        class: "DistilBertForSequenceClassification",
        read: distilbert::read,
    },
    ModelType {
        name: "roberta",
        class: "RobertaForSequenceClassification",
        read: roberta::read,
    },
    ModelType {
        name: "xlm-roberta",
        class: "XLMRobertaForSequenceClassification",
        read: roberta::read_xlm,
    },
    ModelType {
        name: "modernbert",
        class: "ModernBertForSequenceClassification",
        read: modernbert::read,
    },
    ModelType {
        name: "deberta-v2",
        class: "DebertaV2ForSequenceClassification",
        read: deberta::read,
    },
];

/// The types that are computed, for the error about one that is not.
pub(super) fn model_types() -> String {
    MODEL_TYPES.map(|known| known.name).join(", ")
}

/// The keys that all types have.
#[derive(Deserialize)]
struct RawConfig {
    model_type: String,
    architectures: Option<Vec<String>>,
    problem_type: Option<String>,
    id2label: Option<HashMap<String, String>>,
    is_decoder: Option<bool>,
    quantization_config: Option<IgnoredAny>,
}

impl RawConfig {
    fn check(&self, class: &'static str) -> Result<(), EngineError> {
        if let Some(found) = &self.architectures
            && !found.iter().any(|name| name == class)
        {
            return Err(unsupported("architectures", found.join(", "), class));
        }
        refuse_unless("is_decoder", self.is_decoder, false)?;
        if self.quantization_config.is_some() {
            const NONE: &str = "none; save the model in f16 or f32";
            return Err(unsupported("quantization_config", "an object", NONE));
        }
        Ok(())
    }

    fn problem(&self) -> Result<Problem, EngineError> {
        match self.problem_type.as_deref() {
            None | Some("single_label_classification") => Ok(Problem::SingleLabel),
            Some("multi_label_classification") => Ok(Problem::MultiLabel),
            Some(found) => Err(unsupported(
                "problem_type",
                found,
                "single_label_classification, multi_label_classification",
            )),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(bytes).map_err(EngineError::Config)
}

fn unsupported(
    key: &'static str,
    found: impl Into<String>,
    supported: &'static str,
) -> EngineError {
    EngineError::Unsupported {
        key,
        found: found.into(),
        supported,
    }
}

/// Refuses a switch that is neither absent nor at the one value that is computed.
fn refuse_unless(
    key: &'static str,
    found: Option<bool>,
    computed: bool,
) -> Result<(), EngineError> {
    match found {
        Some(found) if found != computed => {
            let supported = if computed { "true" } else { "false" };
            Err(unsupported(key, found.to_string(), supported))
        }
        _ => Ok(()),
    }
}

fn positive(sizes: &[(&'static str, usize)]) -> Result<(), EngineError> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some(&(key, found)) => Err(EngineError::Number {
            key,
            found,
            expected: "positive",
        }),
        None => Ok(()),
    }
}

/// Elements of each head.
fn head_width(
    key: &'static str,
    hidden: usize,
    heads: usize,
    expected: &'static str,
) -> Result<usize, EngineError> {
    if hidden.is_multiple_of(heads) {
        return Ok(hidden / heads);
    }
    Err(EngineError::Number {
        key,
        found: hidden,
        expected,
    })
}
