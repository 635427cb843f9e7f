//! `config.json`: parsed, and refused unless the engine computes exactly what it asks for.
//!
//! A key that is absent or null means what it means to `transformers`' configuration class of the same
//! `model_type`. Of the many keys of a file only those are read that bear on the logits.

mod activation;
mod bert;
mod deberta;
mod distilbert;
mod inputs;
mod keys;
mod labels;
mod modernbert;
mod roberta;

pub(crate) use activation::{Activation, HeadActivation};
pub(crate) use bert::{BertConfig, LayerPart, NAMES as BERT_NAMES, Names, Part};
pub(crate) use deberta::DebertaConfig;
pub(crate) use inputs::{Inputs, Positions};
pub(crate) use modernbert::{ModernBertConfig, Pooling};

use std::collections::HashMap;

use sealnote_model::Problem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use self::keys::{parse, refuse_unless, unsupported};
use crate::error::{EngineError, LabelFault};

/// What the engine takes from `config.json`.
pub(crate) struct ModelConfig {
    /// As the file has it, of the types that are computed.
    pub(super) model_type: &'static str,
    pub(super) architecture: Architecture,
    pub(super) inputs: Inputs,
    pub(super) labels: Vec<String>,
    pub(super) problem: Problem,
}

/// A model between its tokens and its logits.
pub(crate) enum Architecture {
    /// BERT's encoder: also that of DistilBERT, RoBERTa and XLM-RoBERTa, under other names.
    Bert(BertConfig),
    ModernBert(ModernBertConfig),
    DebertaV2(Box<DebertaConfig>),
}

impl ModelConfig {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, EngineError> {
        let raw: RawConfig = parse(bytes)?;
        // First of all: another model's file may lack what is looked for, and its name says more.
        let ModelType { name, class, read } = MODEL_TYPES
            .iter()
            .find(|known| known.name == raw.model_type)
            .ok_or_else(|| EngineError::ModelType {
                found: raw.model_type.clone(),
                supported: MODEL_TYPES.map(|known| known.name).join(", "),
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
type Described = (Architecture, Inputs);

/// What is computed of the types that `transformers` has.
struct ModelType {
    /// As `model_type` has it.
    name: &'static str,
    /// The class whose weights are expected: a model with another head may well have a tensor called
    /// `classifier.weight`.
    class: &'static str,
    read: fn(&[u8]) -> Result<Described, EngineError>,
}

const MODEL_TYPES: [ModelType; 6] = [
    ModelType {
        name: "bert",
        class: "BertForSequenceClassification",
        read: |bytes| bert::read(bytes).map(of(Architecture::Bert)),
    },
    ModelType {
        name: "distilbert",
        class: "DistilBertForSequenceClassification",
        read: |bytes| distilbert::read(bytes).map(of(Architecture::Bert)),
    },
    ModelType {
        name: "roberta",
        class: "RobertaForSequenceClassification",
        read: |bytes| roberta::read(bytes).map(of(Architecture::Bert)),
    },
    ModelType {
        name: "xlm-roberta",
        class: "XLMRobertaForSequenceClassification",
        read: |bytes| roberta::read_xlm(bytes).map(of(Architecture::Bert)),
    },
    ModelType {
        name: "modernbert",
        class: "ModernBertForSequenceClassification",
        read: |bytes| modernbert::read(bytes).map(of(Architecture::ModernBert)),
    },
    ModelType {
        name: "deberta-v2",
        class: "DebertaV2ForSequenceClassification",
        read: |bytes| deberta::read(bytes).map(of(Architecture::DebertaV2)),
    },
];

/// What a type's module has read, as what it is among the architectures.
fn of<C>(architecture: fn(C) -> Architecture) -> impl Fn((C, Inputs)) -> Described {
    move |(config, inputs)| (architecture(config), inputs)
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
