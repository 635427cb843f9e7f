//! `sealnote model-digest`: the digest to pin in a policy.

use std::path::{Path, PathBuf};

use clap::Args;
use sealnote_model::{MODEL_FILES, ModelDigest as Digest};
use serde::Serialize;

use crate::exit::Failure;
use crate::facts::print;
use crate::files::unreadable;
use crate::json;

const EXAMPLES: &str = "\
Examples:
  $ sealnote model-digest models/icd10-chapter";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ModelDigest {
    /// The model's folder, with config.json, model.safetensors and tokenizer.json.
    folder: PathBuf,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Report {
    ok: bool,
    digest: String,
    /// The register that locks the model under Nitro.
    pcr16: String,
}

impl ModelDigest {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let digest = json::told(self.json, of_folder(&self.folder))?;
        if self.json {
            return json::print(&Report {
                ok: true,
                digest: digest.to_string(),
                pcr16: hex::encode(digest.register()),
            });
        }
        print(&[digest.to_string()])
    }
}

/// The digest of the model in `folder`.
pub(crate) fn of_folder(folder: &Path) -> Result<Digest, Failure> {
    let mut contents = MODEL_FILES.map(|_| Vec::new());
    for (name, bytes) in MODEL_FILES.iter().zip(&mut contents) {
        let path = folder.join(name);
        *bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
    }
    Ok(Digest::of_files(contents.each_ref().map(Vec::as_slice)))
}
