//! A model's key from a KBS: what is sent, what is taken, and what is refused.

#[path = "../kit/mod.rs"]
mod kit;

mod jwe;
mod machines;
mod refused;
mod released;
mod report;
mod sealed;
mod stub;

use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealnote_encrypted_model::ModelKey;
use sealnote_key_release::Evidence;
use sealnote_key_release::http::Service;
use sealnote_key_release::kbs::{self, KbsError};

const KEY: [u8; 32] = [0x4b; 32];

fn resource() -> [String; 3] {
    ["sealnote", "model-key", "default.1"].map(str::to_owned)
}

async fn release(kbs: &Service, machine: &dyn Evidence) -> Result<ModelKey, KbsError> {
    kbs::release(&resource(), kbs, machine, &mut UnwrapErr(SysRng)).await
}
