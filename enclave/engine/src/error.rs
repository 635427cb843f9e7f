//! Why a model cannot be loaded.

/// Why a model cannot be loaded. It is told to the operator at start-up, before there is any note.
///
/// Each message quotes its cause. None names the cause as its `source` too, since a printed chain would then
/// say it twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// `config.json` is not JSON, or lacks a key, or has one of another type.
    #[error("config.json: {0}")]
    Config(serde_json::Error),
    /// The model is of an architecture that this engine does not compute.
    #[error("config.json: model_type \"{found}\" is not supported; supported: {supported}")]
    ModelType {
        /// The `model_type` found.
        found: String,
        /// Those that are computed.
        supported: String,
    },
    /// A key asks for a variant of the model that this engine does not compute.
    #[error("config.json: {key} \"{found}\" is not supported; supported: {supported}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// The values that are computed.
        supported: &'static str,
    },
    /// A number is impossible.
    #[error("config.json: {key} is {found}, but must be {expected}")]
    Number {
        /// The key.
        key: &'static str,
        /// Its value.
        found: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// `id2label` does not name the labels.
    #[error("config.json: id2label: {0}")]
    Labels(LabelFault),
    /// The classifier has another number of rows than there are labels.
    #[error("{tensor} has {rows} rows, but config.json names {labels} labels")]
    ClassifierRows {
        /// The tensor: `classifier.weight` in most types.
        tensor: String,
        /// Its rows.
        rows: usize,
        /// Labels in `id2label`.
        labels: usize,
    },
    /// A tensor is not of floating-point numbers, so its values need more than a conversion.
    #[error("model.safetensors: {tensor} is {found}; supported: F16, BF16, F32, F64")]
    TensorType {
        /// The tensor.
        tensor: String,
        /// Its type.
        found: String,
    },
    /// `model.safetensors` is malformed.
    #[error("model.safetensors is not a whole safetensors file: {0}")]
    Format(safetensors::SafeTensorError),
    /// `model.safetensors` cannot be read, or changed while it was read.
    #[error("model.safetensors: {0}")]
    Read(std::io::Error),
    /// `model.safetensors` lacks a tensor, or has one of another shape.
    #[error("model.safetensors: {0}")]
    Weights(String),
    /// The model is another one than its encrypted files say.
    #[error(
        "the model that was decrypted has the digest {actual}, and its headers say {expected}: whoever encrypted it \
         named another model; encrypt it again"
    )]
    OtherModel {
        /// The digest that is due.
        expected: sealnote_model::ModelDigest,
        /// The digest of what was decrypted.
        actual: sealnote_model::ModelDigest,
    },
    /// A linear layer has more inputs than are computed in 8 bits.
    #[error("model.safetensors: {tensor} has {inputs} inputs, of which 8 bits take {most}")]
    Width {
        /// The tensor.
        tensor: String,
        /// Its inputs.
        inputs: usize,
        /// The limit.
        most: usize,
    },
    /// The model's type is computed on candle alone.
    #[error("a model of type {model_type} has no 8-bit path; use --precision f32")]
    NoEightBits {
        /// Its `model_type`.
        model_type: &'static str,
    },
    /// The model does not fit into this machine.
    #[error(
        "too little memory: the model needs {} MiB and {} MiB are free, by {}; give the enclave more \
         (nitro-cli run-enclave --memory, or the limit that is named)",
        needed.div_ceil(1 << 20), available.bytes >> 20, available.bound
    )]
    Memory {
        /// Bytes that the weights and the work with them take.
        needed: u64,
        /// What is free.
        available: sealnote_memory::Available,
    },
    /// The engine's threads.
    #[error("the engine's threads cannot be started: {0}")]
    Threads(std::io::Error),
    /// `tokenizer.json` is malformed.
    #[error("tokenizer.json: {0}")]
    Tokenizer(tokenizers::Error),
    /// The post-processor does not put its tokens before and after the text.
    #[error("tokenizer.json: the post-processor does not keep the text in one piece")]
    PostProcessor,
    /// The tokenizer makes tokens that the model has no row for.
    #[error("tokenizer.json has token {token}, but config.json has {key} {size}")]
    TokenRange {
        /// The greatest token id, or the greatest token type id.
        token: u32,
        /// The key that bounds it.
        key: &'static str,
        /// Its value.
        size: usize,
    },
    /// The window leaves too little room beside the overlap.
    #[error("a window of {window} tokens is too small: this model needs at least {least}")]
    Window {
        /// The window: the lesser of the limit and what the model's positions allow.
        window: usize,
        /// The least that is accepted.
        least: usize,
    },
}

impl EngineError {
    pub(crate) fn missing_tensor(name: &str) -> Self {
        Self::Weights(format!("cannot find tensor {name}"))
    }
}

impl From<LabelFault> for EngineError {
    fn from(fault: LabelFault) -> Self {
        Self::Labels(fault)
    }
}

impl From<candle_core::Error> for EngineError {
    /// The first line only: where backtraces are on, candle's message goes on with one.
    fn from(error: candle_core::Error) -> Self {
        let message = error.to_string();
        Self::Weights(message.lines().next().unwrap_or_default().to_owned())
    }
}

/// What is wrong with `id2label`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelFault {
    /// The key is absent or has no entry.
    #[error("absent or empty")]
    None,
    /// There are more labels than the limit.
    #[error("{found} labels; the limit is {limit}")]
    TooMany {
        /// Labels found.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// One label alone, of which a softmax always says 1.
    #[error("a single label needs problem_type \"multi_label_classification\"")]
    OnlyOne,
    /// The keys are not "0", "1", … without a gap.
    #[error("the keys must be \"0\" to \"{last}\"; \"{missing}\" is missing")]
    Missing {
        /// The key that is missing.
        missing: usize,
        /// The last key for this number of labels.
        last: usize,
    },
    /// A label is empty.
    #[error("label {index} is empty")]
    Empty {
        /// The label's index.
        index: usize,
    },
    /// A label is too long.
    #[error("label {index} has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// The label's index.
        index: usize,
        /// Its length in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A label holds a control character, which could forge a line of output.
    #[error("label {index} has a control character")]
    Control {
        /// The label's index.
        index: usize,
    },
    /// Two labels have one name, so that an answer would be ambiguous.
    #[error("labels {first} and {second} have the same name")]
    Same {
        /// The first label's index.
        first: usize,
        /// The second's.
        second: usize,
    },
}
