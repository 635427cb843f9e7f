//! `sealnote model-digest`: the digest to pin in a policy.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::exit::Failure;
use crate::facts::print;
use crate::files;
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
        let digest = json::told(self.json, files::model_digest(&self.folder))?;
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
