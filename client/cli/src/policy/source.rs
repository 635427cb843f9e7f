//! What a measurement set is made from: an enclave image, the JSON that nitro-cli prints of one, a set as a policy file has
//! it, or what evidence says of itself.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sealnote_eif::{EifError, Image};
use sealnote_verifier::nitro::rules::{PinsFile, RulesFile, SetFile};
use sealnote_verifier::policy::{MAX_POLICY_LEN, PolicyFile};
use sealnote_verifier::{Kind, azure_vtpm, sev_snp, tdx, token};
use serde_json::Value;

use super::set::Set;
use crate::evidence::file;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::files;
use crate::files::shown;

/// The first bytes of an enclave image file.
const IMAGE_MAGIC: &[u8] = b".eif";

/// What was read.
pub(crate) enum Source {
    /// One set, with the pins that people have added to nitro-cli's JSON. Its label is empty where the source has none.
    Set(Box<Set>, PinsFile),
    /// What evidence of this kind says, under the names of docs/json.md. Nobody has verified it.
    Evidence(Kind, Value),
}

impl Source {
    /// Reads an image or JSON: the first bytes tell which.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let mut magic = Vec::new();
        let file = File::open(path);
        file.and_then(|file| file.take(IMAGE_MAGIC.len() as u64).read_to_end(&mut magic))
            .map_err(|error| unread(path, &error))?;
        match magic == IMAGE_MAGIC {
            true => Ok(nitro(of_image(&image(path)?), PinsFile::default())),
            false => Self::from_json(path),
        }
    }

    /// Reads evidence, as its machine made it or as `--evidence-out` kept it.
    pub(crate) fn read_evidence(kind: Kind, path: &Path) -> Result<Self, Failure> {
        let facts = Facts::unverified(kind, &file::read(kind, path, None)?.sent)?;
        match serde_json::to_value(facts) {
            Ok(facts) => Ok(Self::Evidence(kind, facts)),
            Err(error) => unreachable!("names and values: {error}"),
        }
    }

    fn from_json(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path, "the measurements", MAX_POLICY_LEN)?;
        let wrong = |error: &dyn core::fmt::Display| {
            Exit::Usage.because(format!("{}: {error}", shown(path)))
        };
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let has = |key: &str| json.get(key).is_some();
        if has("Measurements") {
            let read = PolicyFile::from_json(&bytes).map_err(|error| wrong(&error))?;
            return match read.evidence.nitro.and_then(one_set) {
                Some((set, pins)) => Ok(nitro(set, pins)),
                None => unreachable!("nitro-cli's JSON is one set"),
            };
        }
        if has("verified") {
            return inspected(json).ok_or_else(|| wrong(&"its \"kind\" is none that is known"));
        }
        let set = if has("measurement") {
            sev_snp::rules::SetFile::from_json(&bytes).map(Set::SevSnp)
        } else if has("mrtd") {
            tdx::rules::SetFile::from_json(&bytes).map(Set::Tdx)
        } else if has("pcrs") {
            azure_vtpm::rules::SetFile::from_json(&bytes).map(Set::AzureVtpm)
        } else if has("container") || has("tdx") || has("sev_snp") {
            token::rules::SetFile::from_json(&bytes).map(|set| Set::Token(Box::new(set)))
        } else {
            return Err(wrong(
                &"this is neither an enclave image, nor the JSON with \"Measurements\" that nitro-cli prints of one, nor \
                  a measurement set as policies have it, nor what `sealnote inspect --json` prints. Evidence needs \
                  --kind",
            ));
        };
        let set = set.map_err(|error| wrong(&error))?;
        Ok(Self::Set(Box::new(set), PinsFile::default()))
    }
}

fn nitro(set: SetFile, pins: PinsFile) -> Source {
    let set = SetFile {
        label: String::new(),
        ..set
    };
    Source::Set(Box::new(Set::Nitro(set)), pins)
}

/// What `sealnote inspect --json` printed.
fn inspected(json: Value) -> Option<Source> {
    let file::KindName(kind) = json.get("kind")?.as_str()?.parse().ok()?;
    Some(Source::Evidence(kind, json))
}

fn one_set(rules: RulesFile) -> Option<(SetFile, PinsFile)> {
    let set = rules.measurements.into_iter().next()?;
    Some((set, rules.pins.unwrap_or_default()))
}

/// Measures an enclave image file.
pub(crate) fn image(path: &Path) -> Result<Image, Failure> {
    let file = File::open(path).map_err(|error| unread(path, &error))?;
    sealnote_eif::measure(file).map_err(|error| match error {
        EifError::Read(error) => unread(path, &error),
        error => Exit::Rejected.because(format!("{}: {error}", shown(path))),
    })
}

/// The set that accepts an image, without a label.
pub(crate) fn of_image(image: &Image) -> SetFile {
    let [pcr0, pcr1, pcr2] = image.registers.map(|pcr| Some(hex::encode(pcr)));
    let signer = image.signature.as_ref();
    SetFile {
        pcr0,
        pcr1,
        pcr2,
        pcr8: signer.map(|signature| hex::encode(signature.register)),
        ..SetFile::default()
    }
}

fn unread(path: &Path, error: &std::io::Error) -> Failure {
    Exit::Usage.because(format!("{} cannot be read: {error}", shown(path)))
}
