//! A policy file of our own, as [`sealnote_verifier::policy`] reads it, for one image.

use std::io::Write;
use std::path::Path;

use sealnote_model::ModelDigest;
use sealnote_protocol::suite::Suite;
use sealnote_verifier::Policy;
use serde::Serialize;

use super::Failure;

/// What is to be accepted.
pub(super) struct Accepted<'a> {
    /// The measurement set's name.
    pub(super) label: &'a str,
    /// PCR0, PCR1 and PCR2.
    pub(super) image: [[u8; 48]; 3],
    /// PCR8, if the image is signed.
    pub(super) signer: Option<[u8; 48]>,
    /// The model, if it is to be pinned: by the claims' digest and by PCR16.
    pub(super) model: Option<&'a ModelDigest>,
}

/// A policy that the loader accepts.
pub(super) struct PolicyFile(String);

#[derive(Serialize)]
struct File<'a> {
    version: u8,
    measurements: [Set<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    model_digests: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pins: Option<Pins>,
    least_suite: u16,
}

#[derive(Serialize)]
struct Set<'a> {
    label: &'a str,
    pcr0: String,
    pcr1: String,
    pcr2: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pcr8: Option<String>,
}

#[derive(Serialize)]
struct Pins {
    pcr16: [String; 1],
}

impl PolicyFile {
    /// The policy, as JSON; fails on what the loader would not take, such as an empty label.
    pub(super) fn new(accepted: &Accepted<'_>) -> Result<Self, Failure> {
        let [pcr0, pcr1, pcr2] = accepted.image.map(hex::encode);
        let file = File {
            version: 1,
            measurements: [Set {
                label: accepted.label,
                pcr0,
                pcr1,
                pcr2,
                pcr8: accepted.signer.map(hex::encode),
            }],
            model_digests: accepted.model.map(|model| [model.to_string()]),
            pins: accepted.model.map(|model| Pins {
                pcr16: [hex::encode(model.register())],
            }),
            least_suite: Suite::DEFAULT_LEAST.id(),
        };
        let mut json = match serde_json::to_string_pretty(&file) {
            Ok(json) => json,
            Err(error) => unreachable!("a policy of texts: {error}"),
        };
        json.push('\n');
        match Policy::from_json(&json) {
            Ok(_) => Ok(Self(json)),
            Err(error) => Err(Failure::Usage(format!("no policy can be made: {error}"))),
        }
    }

    /// Writes a new file. One that is there may be a policy with pins and sets that nobody has noted
    /// elsewhere, or the very image: it is never replaced.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let file = std::fs::File::create_new(path);
        file.and_then(|mut file| file.write_all(self.0.as_bytes()))
            .map_err(|error| {
                let advice = match error.kind() {
                    std::io::ErrorKind::AlreadyExists => {
                        "it is there already; move it away, or name another"
                    }
                    _ => &error.to_string(),
                };
                Failure::Usage(format!("{} cannot be written: {advice}", path.display()))
            })
    }
}
