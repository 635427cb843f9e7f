//! What goes into a policy: flags that several commands have, and what they do to a policy file.

use std::path::{Path, PathBuf};

use clap::Args;
use sealnote_model::ModelDigest;
use sealnote_protocol::suite::Suite;
use sealnote_verifier::nitro::rules::{PinsFile, RulesFile, SetFile};
use sealnote_verifier::policy::{PolicyFile, SessionFile};
use sealnote_verifier::{TimeFile, UnixTime};

use super::registers::Pin;
use super::set::Set;
use crate::exit::{Exit, Failure};
use crate::files;

/// The model that is accepted.
#[derive(Args)]
pub(crate) struct ModelChoice {
    /// Pin the model in this folder, by its digest and by PCR16. Whether the image holds that model is not
    /// checked.
    #[arg(long, value_name = "DIR", conflicts_with = "model_digest")]
    model: Option<PathBuf>,
    /// The same, for the model with this digest, as `sealnote model-digest` prints it.
    #[arg(long, value_name = "HEX", value_parser = parse_digest)]
    model_digest: Option<ModelDigest>,
}

/// The measurement set, but for what it measures.
#[derive(Args)]
pub(crate) struct SetChoice {
    /// An enclave image file (.eif), the JSON that nitro-cli prints of one, a measurement set as policies have it, or what
    /// `sealnote inspect --json` prints of evidence.
    source: PathBuf,
    /// The name of the measurement set, instead of the file's name.
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// The last moment at which the set is accepted, such as 2027-03-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    not_after: Option<UnixTime>,
}

/// Values of registers beside the image's.
#[derive(Args)]
pub(crate) struct Pinned {
    #[command(flatten)]
    pub(crate) model: ModelChoice,
    /// Accept an enclave on an instance with this IAM role (PCR3). May be repeated: any one is accepted.
    #[arg(long = "pin-role", value_name = "ARN", value_parser = Pin::of_role)]
    roles: Vec<Pin>,
    /// Accept an enclave on this instance (PCR4). May be repeated.
    #[arg(long = "pin-instance", value_name = "ID", value_parser = Pin::of_instance)]
    instances: Vec<Pin>,
    /// Accept this value of a register: pcr3=HEX, pcr4=HEX, pcr8=HEX or pcr16=HEX. May be repeated.
    #[arg(long = "pin", value_name = "PCR=HEX")]
    values: Vec<Pin>,
}

fn parse_digest(text: &str) -> Result<ModelDigest, String> {
    let mut digest = [0; 48];
    match hex::decode_to_slice(text, &mut digest) {
        Ok(()) => Ok(ModelDigest(digest)),
        Err(_) => Err("these are not the 96 hex digits that `sealnote model-digest` prints".into()),
    }
}

impl ModelChoice {
    /// The digest, if a model was named.
    pub(crate) fn digest(&self) -> Result<Option<ModelDigest>, Failure> {
        match &self.model {
            Some(folder) => files::model_digest(folder).map(Some),
            None => Ok(self.model_digest),
        }
    }
}

impl SetChoice {
    pub(crate) fn source(&self) -> &Path {
        &self.source
    }

    /// Puts name and end into a set, which may have both already.
    pub(crate) fn name(&self, mut set: Set) -> Set {
        let common = set.common();
        if self.label.is_some() || common.label.is_empty() {
            *common.label = label_of(self.label.as_deref(), &self.source);
        }
        if let Some(time) = self.not_after {
            *common.not_after = Some(TimeFile::Text(time.to_string()));
        }
        set
    }
}

/// The name of a set that is made from this file.
pub(crate) fn label_of(given: Option<&str>, source: &Path) -> String {
    let file_name = source.file_name().unwrap_or_default();
    match given {
        Some(label) => label.to_owned(),
        None => file_name.to_string_lossy().into_owned(),
    }
}

impl Pinned {
    /// All pins, the model's among them.
    pub(crate) fn pins(&self, model: Option<&ModelDigest>) -> Vec<Pin> {
        let mut pins: Vec<Pin> = self.given().cloned().collect();
        pins.extend(model.map(Pin::of_model));
        pins
    }

    /// Those of no model.
    pub(crate) fn given(&self) -> impl Iterator<Item = &Pin> {
        let given = [&self.roles, &self.instances, &self.values];
        given.into_iter().flatten()
    }
}

/// The pins of a set's source.
pub(crate) fn pins_of(mut pins: PinsFile) -> Vec<Pin> {
    let registers = [3, 4, 8, 16].into_iter();
    let lists = registers.map(|register| {
        let mut pin = Pin {
            register,
            value: String::new(),
        };
        let values = pin.list(&mut pins).take().unwrap_or_default();
        values.into_iter().map(move |value| {
            pin.value = value.to_ascii_lowercase();
            pin.clone()
        })
    });
    lists.flatten().collect()
}

/// A policy for one image, with serial 1.
pub(crate) fn new_policy(set: SetFile, pins: &[Pin], model: Option<&ModelDigest>) -> PolicyFile {
    let mut accepted = PinsFile::default();
    for pin in pins {
        let list = pin.list(&mut accepted).get_or_insert_default();
        push(list, &pin.value);
    }
    let rules = RulesFile {
        measurements: vec![set],
        pins: (!pins.is_empty()).then_some(accepted),
        max_age_seconds: None,
    };
    let session = SessionFile {
        model_digests: model.map(|model| vec![model.to_string()]),
        least_suite: Some(Suite::DEFAULT_LEAST.id().into()),
        ..SessionFile::default()
    };
    PolicyFile {
        serial: Some(1),
        ..PolicyFile::new(rules.into(), session)
    }
}

/// Accepts more values of registers, and one more model, in a policy that has others.
pub(crate) fn widen(
    file: &mut PolicyFile,
    pins: &[Pin],
    model: Option<&ModelDigest>,
) -> Result<(), Failure> {
    if let Some(model) = model {
        let session = file.session.get_or_insert_default();
        widen_list(
            &mut session.model_digests,
            &model.to_string(),
            "model_digests",
        )?;
    }
    let Some(rules) = &mut file.evidence.nitro else {
        return Ok(());
    };
    for pin in pins {
        let register = format!("PCR{}", pin.register);
        let accepted = rules.pins.get_or_insert_default();
        widen_list(pin.list(accepted), &pin.value, &register)?;
    }
    Ok(())
}

/// A list that is not there accepts anything. A first value in it would refuse what was accepted before.
fn widen_list(list: &mut Option<Vec<String>>, value: &str, name: &str) -> Result<(), Failure> {
    match list {
        Some(list) => {
            push(list, value);
            Ok(())
        }
        None => Err(Exit::Usage.because(format!(
            "the policy pins no {name}: to add a first value would refuse the other sets' machines or models. Make a \
             new policy with `sealnote policy new`, and pin there what all sets have"
        ))),
    }
}

fn push(list: &mut Vec<String>, value: &str) {
    if !list.iter().any(|known| known.eq_ignore_ascii_case(value)) {
        list.push(value.to_owned());
    }
}
