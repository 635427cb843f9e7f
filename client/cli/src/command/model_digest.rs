//! `sealnote model-digest`: the digest to pin in a policy.

use std::path::{Path, PathBuf};

use clap::Args;
use sealnote_model::{MODEL_FILES, ModelDigest as Digest};

use crate::exit::{Exit, Failure};
use crate::facts::print;

const EXAMPLES: &str = "\
Examples:
  $ sealnote model-digest models/icd10-chapter";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ModelDigest {
    /// The model's folder, with config.json, model.safetensors and tokenizer.json.
    folder: PathBuf,
}

impl ModelDigest {
    pub(crate) fn run(self) -> Result<(), Failure> {
        print(&[of_folder(&self.folder)?.to_string()])
    }
}

/// The digest of the model in `folder`.
pub(crate) fn of_folder(folder: &Path) -> Result<Digest, Failure> {
    let mut contents = MODEL_FILES.map(|_| Vec::new());
    for (name, bytes) in MODEL_FILES.iter().zip(&mut contents) {
        let path = folder.join(name);
        *bytes = std::fs::read(&path).map_err(|error| {
            Exit::Usage.because(format!("{} cannot be read: {error}", path.display()))
        })?;
    }
    Ok(Digest::of_files(contents.each_ref().map(Vec::as_slice)))
}
