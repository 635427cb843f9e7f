//! `sealnote model new-key`: a key, in a file of its own.

use std::path::PathBuf;

use clap::Args;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealnote_encrypted_model::ModelKey;

use crate::exit::Failure;
use crate::facts::print;
use crate::files::shown;
use crate::model_key;

#[derive(Args)]
pub(crate) struct NewKey {
    /// Where to write it; an existing file is not replaced. `sealnote release` finds a key by its id: KEY_ID.key.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl NewKey {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let key = ModelKey::generate(&mut UnwrapErr(SysRng));
        model_key::write_new(&self.file, &key)?;
        print(&[format!(
            "{}: written; whoever has it can read the model, and without it nobody can: keep a copy in a safe place",
            shown(&self.file)
        )])
    }
}
