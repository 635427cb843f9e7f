//! What evidence must be bound to, as the command line says it.

use std::path::PathBuf;

use clap::Args;
use sealnote_protocol::claims::ClaimsError;
use sealnote_protocol::task::{KeyReleaseClaims, ModelClaims, Task};
use sealnote_session::{BindingError, Rejection, SavedEvidence};
use sealnote_verifier::{Facts, Kind, azure_vtpm};

use super::{Accepted, Loaded};
use crate::evidence::file;
use crate::exit::{Exit, Failure};
use crate::files;

#[derive(Args)]
pub(super) struct Bound {
    /// The nonce that a Nitro document must carry.
    #[arg(long, value_name = "HEX", value_parser = parse_hex, conflicts_with_all = ["report_data", "challenge"])]
    nonce: Option<Hex>,
    /// The 64 bytes that other evidence must be bound to, compared whole (of Azure's vTPM its qualifying data, of any
    /// length), or `none`: not checked.
    #[arg(long, value_name = "HEX|none", conflicts_with = "challenge")]
    report_data: Option<String>,
    /// The challenge of a session, 32 bytes: the binding to it and to the claims is checked, and then the claims.
    #[arg(long, value_name = "HEX", value_parser = parse_challenge, requires = "claims")]
    challenge: Option<[u8; 32]>,
    /// The claims of that session, as `--evidence-out` kept them.
    #[arg(long, value_name = "FILE", requires = "challenge")]
    claims: Option<PathBuf>,
}

#[derive(Clone)]
struct Hex(Vec<u8>);

/// An empty value, as of a variable that was not set, would be what evidence that is bound to nothing has.
fn parse_hex(text: &str) -> Result<Hex, String> {
    match hex::decode(text) {
        Ok(bytes) if bytes.is_empty() => Err("it is empty".into()),
        Ok(bytes) => Ok(Hex(bytes)),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_challenge(text: &str) -> Result<[u8; 32], String> {
    exactly(text)
}

/// No value is padded or cut.
fn exactly<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let bytes = hex::decode(text).map_err(|error| error.to_string())?;
    <[u8; N]>::try_from(&bytes[..])
        .map_err(|_| format!("it has {} bytes, and {N} are due", bytes.len()))
}

/// What evidence must be bound to.
pub(super) enum BoundTo {
    Nothing,
    Nonce(Vec<u8>),
    ReportData([u8; 64]),
    QualifyingData(Vec<u8>),
    Session {
        challenge: [u8; 32],
        claims: Vec<u8>,
    },
}

impl Bound {
    /// Of all kinds but Nitro it must be said: what is left out accepts no more.
    pub(super) fn read(&self, kind: Kind) -> Result<BoundTo, Failure> {
        let usage = |message: &str| Err(Exit::Usage.because(message));
        if let (Some(challenge), Some(path)) = (self.challenge, &self.claims) {
            let claims = files::read(path, "the claims", file::MAX)?;
            return Ok(BoundTo::Session { challenge, claims });
        }
        match (kind, &self.nonce, self.report_data.as_deref()) {
            (Kind::Nitro, _, Some(_)) => usage(
                "a Nitro document has no report_data; give --nonce HEX, or --challenge and --claims",
            ),
            (Kind::Nitro, None, None) => Ok(BoundTo::Nothing),
            (Kind::Nitro, Some(Hex(nonce)), None) => Ok(BoundTo::Nonce(nonce.clone())),
            (_, Some(_), _) => usage("only a Nitro document has a nonce; give --report-data HEX"),
            (_, None, None) => usage(
                "what must the evidence be bound to? Give --report-data HEX (64 bytes; `none` leaves it unchecked), or \
                 --challenge HEX and --claims FILE of a session",
            ),
            (_, None, Some("none")) => Ok(BoundTo::Nothing),
            (Kind::AzureVtpm, None, Some(text)) => match parse_hex(text) {
                Ok(Hex(bytes)) => Ok(BoundTo::QualifyingData(bytes)),
                Err(problem) => usage(&format!("--report-data: {problem}")),
            },
            (_, None, Some(text)) => match exactly(text) {
                Ok(report_data) => Ok(BoundTo::ReportData(report_data)),
                Err(problem) => usage(&format!("--report-data: {problem}")),
            },
        }
    }
}

impl BoundTo {
    /// Of a session, what it was challenged with.
    pub(super) fn challenge(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Session { challenge, .. } => Some(challenge),
            _ => None,
        }
    }

    pub(super) fn appraise(&self, loaded: &Loaded) -> Result<Accepted, Rejection> {
        let Loaded {
            kind,
            policy,
            roots,
            evidence,
            endorsements,
            at,
            ..
        } = loaded;
        if let Self::Session { challenge, claims } = self {
            let saved = SavedEvidence {
                kind: *kind,
                challenge: *challenge,
                evidence,
                claims,
                endorsements: endorsements.as_deref(),
            };
            return match appraise::<ModelClaims>(&saved, loaded) {
                Err(Rejection::Binding(BindingError::Claims(ClaimsError::AnotherTask {
                    actual: KeyReleaseClaims::NAME,
                    ..
                }))) => appraise::<KeyReleaseClaims>(&saved, loaded),
                result => result,
            };
        }
        let (report_data, bytes) = match self {
            Self::ReportData(bytes) => (Some(bytes), Some(&bytes[..])),
            Self::Nonce(bytes) | Self::QualifyingData(bytes) => (None, Some(&bytes[..])),
            Self::Nothing | Self::Session { .. } => (None, None),
        };
        let given = endorsements.as_deref().unwrap_or_default();
        let parts = file::parts(evidence);
        let facts = match kind {
            Kind::Nitro => Facts::Nitro(policy.check_document(evidence, roots, bytes, *at)?),
            Kind::SevSnp => {
                Facts::SevSnp(policy.check_report(parts.report, given, report_data, roots, *at)?)
            }
            Kind::Tdx => {
                let (quote, log) = (parts.report, parts.event_log);
                Facts::Tdx(policy.check_quote(quote, given, log, report_data, roots, *at)?)
            }
            Kind::AzureVtpm => {
                let parts = azure_vtpm::Parts::decode(evidence);
                let parts = parts.map_err(azure_vtpm::Rejection::Evidence);
                let (parts, _) = parts.map_err(sealnote_verifier::Rejection::from)?;
                Facts::AzureVtpm(policy.check_vtpm(&parts, given, bytes, roots, *at)?)
            }
            Kind::Token => {
                Facts::Token(policy.check_token(parts.report, given, report_data, *at)?)
            }
            other => unreachable!("evidence of {} is checked", other.name()),
        };
        Ok(Accepted {
            passed: facts.passed().to_vec(),
            evidence: facts,
            model: None,
        })
    }
}

/// Evidence of a session, as whoever asked for it weighed it.
fn appraise<T: Task>(saved: &SavedEvidence<'_>, loaded: &Loaded) -> Result<Accepted, Rejection> {
    let appraised = saved.appraise::<T>(&loaded.policy, &loaded.roots, loaded.at)?;
    let model = appraised.claims().task().model().to_string();
    Ok(Accepted {
        passed: appraised.passed().to_vec(),
        evidence: appraised.into_facts(),
        model: Some(model),
    })
}
