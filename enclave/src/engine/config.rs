//! `config.json`: parsed, and refused unless the engine computes exactly what it asks for.

use std::collections::HashMap;

use candle_transformers::models::bert::{self, HiddenAct};
use sealnote_protocol::classification::Problem;
use serde::Deserialize;

use super::error::{EngineError, LabelFault};

/// Greatest number of labels.
pub(super) const MAX_LABELS: usize = 512;
/// Greatest length of a label in bytes.
pub(super) const MAX_LABEL_BYTES: usize = 200;

/// What the engine takes from `config.json`.
pub(super) struct ModelConfig {
    pub(super) bert: bert::Config,
    pub(super) labels: Vec<String>,
    pub(super) problem: Problem,
}

impl ModelConfig {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, EngineError> {
        // First by itself: another model's file may lack BERT's keys, and its name says more.
        let head: Head = serde_json::from_slice(bytes).map_err(EngineError::Config)?;
        if head.model_type != "bert" {
            return Err(EngineError::ModelType {
                found: head.model_type,
            });
        }
        let raw: RawConfig = serde_json::from_slice(bytes).map_err(EngineError::Config)?;
        raw.check()?;
        let problem = raw.problem()?;
        let labels = labels(&raw.id2label)?;
        if problem == Problem::SingleLabel && labels.len() == 1 {
            return Err(LabelFault::OnlyOne.into());
        }
        Ok(Self {
            bert: raw.bert()?,
            labels,
            problem,
        })
    }
}

#[derive(Deserialize)]
struct Head {
    model_type: String,
}

/// The keys that bear on the result; the many others of a Hugging Face config are ignored.
/// Defaults are those of `transformers`' `BertConfig`.
#[derive(Deserialize)]
struct RawConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    #[serde(default = "default_layer_norm_eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    pad_token_id: Option<usize>,
    position_embedding_type: Option<String>,
    problem_type: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    id2label: HashMap<String, String>,
}

fn default_layer_norm_eps() -> f64 {
    1e-12
}

impl RawConfig {
    fn check(&self) -> Result<(), EngineError> {
        if let Some(found) = &self.position_embedding_type
            && found != "absolute"
        {
            return Err(unsupported("position_embedding_type", found, "absolute"));
        }
        if self.is_decoder {
            return Err(unsupported("is_decoder", "true", "false"));
        }
        // A BERT with another head may well have a tensor called `classifier.weight`.
        const ARCHITECTURE: &str = "BertForSequenceClassification";
        if let Some(found) = &self.architectures
            && !found.iter().any(|name| name == ARCHITECTURE)
        {
            return Err(unsupported(
                "architectures",
                &found.join(", "),
                ARCHITECTURE,
            ));
        }
        for (key, found) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            if found == 0 {
                return Err(EngineError::Number {
                    key,
                    found,
                    expected: "positive",
                });
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let (key, found) = ("hidden_size", self.hidden_size);
            let expected = "a multiple of num_attention_heads";
            return Err(EngineError::Number {
                key,
                found,
                expected,
            });
        }
        match self.pad_token_id {
            Some(found) if found >= self.vocab_size => {
                let (key, expected) = ("pad_token_id", "less than vocab_size");
                Err(EngineError::Number {
                    key,
                    found,
                    expected,
                })
            }
            _ => Ok(()),
        }
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

    fn bert(&self) -> Result<bert::Config, EngineError> {
        // Names as in transformers' `activations.py`; the first two compute the same, and so do the
        // next two.
        let hidden_act = match self.hidden_act.as_str() {
            "gelu" | "gelu_python" => HiddenAct::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => HiddenAct::GeluApproximate,
            "relu" => HiddenAct::Relu,
            found => {
                const SUPPORTED: &str = "gelu, gelu_python, gelu_new, gelu_pytorch_tanh, relu";
                return Err(unsupported("hidden_act", found, SUPPORTED));
            }
        };
        Ok(bert::Config {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            hidden_act,
            max_position_embeddings: self.max_position_embeddings,
            type_vocab_size: self.type_vocab_size,
            layer_norm_eps: self.layer_norm_eps,
            pad_token_id: self.pad_token_id.unwrap_or(0),
            ..bert::Config::default()
        })
    }
}

fn unsupported(key: &'static str, found: &str, supported: &'static str) -> EngineError {
    EngineError::Unsupported {
        key,
        found: found.to_owned(),
        supported,
    }
}

/// The labels in the order of their ids, which JSON has as strings.
fn labels(id2label: &HashMap<String, String>) -> Result<Vec<String>, LabelFault> {
    let count = id2label.len();
    if count == 0 {
        return Err(LabelFault::None);
    }
    if count > MAX_LABELS {
        return Err(LabelFault::TooMany {
            found: count,
            limit: MAX_LABELS,
        });
    }
    let mut labels: Vec<String> = Vec::with_capacity(count);
    for index in 0..count {
        let label = id2label
            .get(&index.to_string())
            .ok_or(LabelFault::Missing {
                missing: index,
                last: count - 1,
            })?;
        if label.is_empty() {
            return Err(LabelFault::Empty { index });
        }
        if label.len() > MAX_LABEL_BYTES {
            let (bytes, limit) = (label.len(), MAX_LABEL_BYTES);
            return Err(LabelFault::TooLong {
                index,
                bytes,
                limit,
            });
        }
        if label.chars().any(char::is_control) {
            return Err(LabelFault::Control { index });
        }
        if let Some(first) = labels.iter().position(|earlier| earlier == label) {
            return Err(LabelFault::Same {
                first,
                second: index,
            });
        }
        labels.push(label.clone());
    }
    Ok(labels)
}
