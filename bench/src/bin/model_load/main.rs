//! How long it takes to load an encrypted model, and how much memory, beside the same model in the clear.
//!
//! Each load is a process of its own, so that its greatest resident size is its own. A round has one of each, in turns
//! first, so that what disturbs the machine disturbs them all; a ratio is of a round's two.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use sealnote_encrypted_model::{FileIdentity, KeyId, ModelKey, Plain, encrypt, encrypted_name};
use sealnote_engine::{Computation, EncryptedFiles, Engine, EngineOptions, ModelFiles};
use sealnote_model::{MODEL_FILES, ModelDigest};
use serde::{Deserialize, Serialize};

const ROUNDS: usize = 15;
const KEY: [u8; 32] = [7; 32];

/// One load.
#[derive(Serialize, Deserialize)]
struct Load {
    milliseconds: f64,
    /// Greatest resident size of its process, in bytes.
    peak: u64,
    /// The model that was loaded.
    digest: String,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [model] => compare(Path::new(model)),
        ["load", precision, folder, digest] => {
            println!(
                "{}",
                serde_json::to_string(&load(precision, folder, digest)?)?
            );
            Ok(())
        }
        _ => bail!("usage: model-load MODEL"),
    }
}

fn compare(model: &Path) -> anyhow::Result<()> {
    let encrypted = tempfile::tempdir()?;
    let digest = encrypt_folder(model, encrypted.path())?;
    let len = fs::metadata(model.join(MODEL_FILES[1]))?.len();
    println!(
        "{} MiB of weights, {ROUNDS} rounds, medians (least to greatest)\n",
        len >> 20
    );
    println!(
        "| precision | plain, ms | encrypted, ms | ratio | plain, peak MiB | encrypted, peak MiB | more, MiB |"
    );
    println!("|---|---|---|---|---|---|---|");
    for precision in ["int8", "f32"] {
        let plain = || child(precision, model, "");
        let decrypted = || child(precision, encrypted.path(), &digest);
        // So that both are in the page cache.
        plain()?;
        decrypted()?;
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            let (one, other) = match round % 2 {
                0 => (plain()?, decrypted()?),
                _ => {
                    let other = decrypted()?;
                    (plain()?, other)
                }
            };
            ensure!(
                one.digest == digest && other.digest == digest,
                "another model was loaded"
            );
            rounds.push((one, other));
        }
        let of = |value: fn(&Load, &Load) -> f64, digits| {
            figures(rounds.iter().map(|(one, other)| value(one, other)), digits)
        };
        println!(
            "| {precision} | {} | {} | {} | {} | {} | {} |",
            of(|one, _| one.milliseconds, 0),
            of(|_, other| other.milliseconds, 0),
            of(|one, other| other.milliseconds / one.milliseconds, 3),
            of(|one, _| mebibytes(one.peak), 1),
            of(|_, other| mebibytes(other.peak), 1),
            of(|one, other| mebibytes(other.peak) - mebibytes(one.peak), 1),
        );
    }
    Ok(())
}

/// Encrypts the model, and returns its digest.
fn encrypt_folder(model: &Path, out: &Path) -> anyhow::Result<String> {
    let mut contents = Vec::new();
    for name in MODEL_FILES {
        let path = model.join(name);
        contents.push(fs::read(&path).with_context(|| path.display().to_string())?);
    }
    let [config, weights, tokenizer] = &contents[..] else {
        bail!("a model has three files");
    };
    let digest = ModelDigest::of_files([config, weights, tokenizer]);
    let key = ModelKey::from_bytes(&KEY)?;
    for (file, bytes) in MODEL_FILES.into_iter().zip(&contents) {
        let identity = FileIdentity {
            file,
            key_id: key_id()?,
            model: digest,
        };
        let plain = Plain::new(&bytes[..], bytes.len() as u64);
        let mut out = File::create(out.join(encrypted_name(file)))?;
        let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
        encrypt(plain, &mut out, &key, &identity, None, rng)?;
    }
    Ok(digest.to_string())
}

/// One load in a process of its own. An encrypted model has a digest that is expected.
fn child(precision: &str, folder: &Path, digest: &str) -> anyhow::Result<Load> {
    let output = Command::new(std::env::current_exe()?)
        .args(["load", precision])
        .arg(folder)
        .arg(digest)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn load(precision: &str, folder: &str, digest: &str) -> anyhow::Result<Load> {
    let options = EngineOptions {
        computation: match precision {
            "int8" => Computation::Int8,
            _ => Computation::F32,
        },
        ..EngineOptions::default()
    };
    let start = Instant::now();
    let files = match parse(digest)? {
        None => ModelFiles::open(Path::new(folder))?,
        Some(digest) => EncryptedFiles::open(Path::new(folder), digest, &key_id()?)?
            .unlock(&ModelKey::from_bytes(&KEY)?)?,
    };
    let engine = Engine::load(files, options)?;
    Ok(Load {
        milliseconds: start.elapsed().as_secs_f64() * 1000.0,
        peak: sealnote_memory::peak().context("/proc/self/status says no peak")?,
        digest: engine.info().digest.to_string(),
    })
}

fn key_id() -> anyhow::Result<KeyId> {
    Ok("bench/key".parse()?)
}

fn parse(digest: &str) -> anyhow::Result<Option<ModelDigest>> {
    if digest.is_empty() {
        return Ok(None);
    }
    let mut bytes = [0; sealnote_model::SHA384_LEN];
    ensure!(
        digest.len() == 2 * bytes.len(),
        "the digest has 96 hex digits"
    );
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digest[2 * at..2 * at + 2], 16)?;
    }
    Ok(Some(ModelDigest(bytes)))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// `12.30 (11.90 to 12.80)`: the median, least and greatest.
fn figures(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let [median, least, greatest] =
        [values.len() / 2, 0, values.len() - 1].map(|index| format!("{:.digits$}", values[index]));
    format!("{median} ({least} to {greatest})")
}
