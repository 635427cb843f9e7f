//! `sealnote model-digest`: the digest to pin in a policy.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Failure;
use crate::facts::print;
use crate::files;

#[derive(Args)]
pub(crate) struct ModelDigest {
    /// The model's folder, with config.json, model.safetensors and tokenizer.json.
    folder: PathBuf,
}

impl ModelDigest {
    pub(crate) fn run(self) -> Result<(), Failure> {
        print(&[files::model_digest(&self.folder)?.to_string()])
    }
}
