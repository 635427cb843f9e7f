//! A policy file of our own, as [`sealnote_verifier::policy`] reads it, for one image.

use std::io::Write;
use std::path::Path;

use sealnote_model::ModelDigest;
use sealnote_protocol::suite::Suite;
use sealnote_verifier::Policy;
use sealnote_verifier::nitro::rules::{PinsFile, RulesFile, SetFile};
use sealnote_verifier::policy::{PolicyFile, SessionFile};

use crate::exit::{Exit, Failure};

/// What is to be accepted.
pub(crate) struct Accepted<'a> {
    /// The measurement set's name.
    pub(crate) label: &'a str,
    /// PCR0, PCR1 and PCR2.
    pub(crate) image: [[u8; 48]; 3],
    /// PCR8, if the image is signed.
    pub(crate) signer: Option<[u8; 48]>,
    /// The model, if it is to be pinned: by the claims' digest and by PCR16.
    pub(crate) model: Option<&'a ModelDigest>,
}

/// A policy that the loader accepts.
pub(crate) struct NewPolicy(String);

impl NewPolicy {
    /// The policy, as JSON; fails on what the loader would not take, such as an empty label.
    pub(crate) fn new(accepted: &Accepted<'_>) -> Result<Self, Failure> {
        let [pcr0, pcr1, pcr2] = accepted.image.map(|pcr| Some(hex::encode(pcr)));
        let set = SetFile {
            label: accepted.label.to_owned(),
            pcr0,
            pcr1,
            pcr2,
            pcr8: accepted.signer.map(hex::encode),
            ..SetFile::default()
        };
        let rules = RulesFile {
            measurements: vec![set],
            pins: accepted.model.map(|model| PinsFile {
                pcr16: Some(vec![hex::encode(model.register())]),
                ..PinsFile::default()
            }),
            max_age_seconds: None,
        };
        let session = SessionFile {
            model_digests: accepted.model.map(|model| vec![model.to_string()]),
            least_suite: Some(Suite::DEFAULT_LEAST.id().into()),
            ..SessionFile::default()
        };
        let file = PolicyFile::new(rules.into(), session);
        let json = file.to_json();
        match Policy::from_file(file) {
            Ok(_) => Ok(Self(json)),
            Err(error) => Err(Exit::Usage.because(format!("no policy can be made: {error}"))),
        }
    }

    /// Writes a new file. One that is there may be a policy with pins and sets that nobody has noted
    /// elsewhere, or the very image: it is never replaced.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let file = std::fs::File::create_new(path);
        file.and_then(|mut file| file.write_all(self.0.as_bytes()))
            .map_err(|error| {
                let advice = match error.kind() {
                    std::io::ErrorKind::AlreadyExists => {
                        "it is there already; move it away, or name another"
                    }
                    _ => &error.to_string(),
                };
                Exit::Output.because(format!("{} cannot be written: {advice}", path.display()))
            })
    }
}
