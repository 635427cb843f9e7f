//! What a measurement set is made from: an enclave image, the JSON that nitro-cli prints of one, or a set of SEV-SNP.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sealnote_eif::{EifError, Image};
use sealnote_verifier::nitro::rules::{PinsFile, RulesFile, SetFile};
use sealnote_verifier::policy::{MAX_POLICY_LEN, PolicyFile};
use sealnote_verifier::sev_snp;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::files;
use crate::files::shown;

/// The first bytes of an enclave image file.
const IMAGE_MAGIC: &[u8] = b".eif";

/// One set, as its source has it.
pub(crate) enum Source {
    /// Of Nitro, with the pins that people have added to nitro-cli's JSON. The label is to be replaced.
    Nitro(SetFile, PinsFile),
    /// Of SEV-SNP.
    SevSnp(sev_snp::rules::SetFile),
}

impl Source {
    /// Reads an image or JSON: the first bytes tell which.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let mut magic = Vec::new();
        let file = File::open(path);
        file.and_then(|file| file.take(IMAGE_MAGIC.len() as u64).read_to_end(&mut magic))
            .map_err(|error| unread(path, &error))?;
        match magic == IMAGE_MAGIC {
            true => Ok(Self::Nitro(of_image(&image(path)?), PinsFile::default())),
            false => Self::from_json(path),
        }
    }

    fn from_json(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path, "the measurements", MAX_POLICY_LEN)?;
        let wrong = |error: &dyn core::fmt::Display| {
            Exit::Usage.because(format!("{}: {error}", shown(path)))
        };
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if json.get("Measurements").is_some() {
            let read = PolicyFile::from_json(&bytes).map_err(|error| wrong(&error))?;
            return match read.evidence.nitro.and_then(one_set) {
                Some((set, pins)) => Ok(Self::Nitro(set, pins)),
                None => unreachable!("nitro-cli's JSON is one set"),
            };
        }
        if json.get("measurement").is_some() {
            let set = sev_snp::rules::SetFile::from_json(&bytes).map_err(|error| wrong(&error))?;
            return Ok(Self::SevSnp(set));
        }
        Err(wrong(
            &"this is neither an enclave image, nor the JSON with \"Measurements\" that nitro-cli prints of one, nor \
              a measurement set of SEV-SNP",
        ))
    }
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
