//! `sealnote verify`: saved evidence against a policy, offline.

mod bound;

use std::path::PathBuf;

use clap::Args;
use sealnote_client::now;
use sealnote_session::Rejection;
use sealnote_verifier::ear::{Appraisal, Outcome, Standing};
use sealnote_verifier::nitro::checks;
use sealnote_verifier::{Check, Facts as Evidence, Kind, Policy, TrustRoots, UnixTime};
use serde::Serialize;

use self::bound::{Bound, BoundTo};
use crate::evidence::file::{self, KindName};
use crate::exit::{Exit, Failure};
use crate::facts::{Facts, print, root};
use crate::{Trust, files, json};

const EXAMPLES: &str = "\
Examples:
  $ sealnote verify --document evidence/0123456789abcdef.cbor --policy policy.json --at 2026-11-28T06:00:00Z
  $ sealnote verify --kind sev-snp --evidence report.bin --endorsements vcek.pem ask.pem crl.der \\
      --report-data none --policy policy.json --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// What it is evidence of.
    #[arg(
        long,
        value_name = "KIND",
        requires = "evidence",
        required_unless_present = "document"
    )]
    kind: Option<KindName>,
    /// The evidence, as its machine or service made it, or as `--evidence-out` kept it; `-` reads standard input.
    #[arg(long, value_name = "FILE", requires = "kind")]
    evidence: Option<PathBuf>,
    /// A Nitro attestation document, as raw CBOR: the same as `--kind nitro --evidence FILE`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "evidence"])]
    document: Option<PathBuf>,
    /// What the vendor signed about the machine: certificates and a revocation list in DER or PEM (sev-snp), or one file
    /// of the kind's form.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    endorsements: Vec<PathBuf>,
    /// The event log that must replay to a TDX quote's registers, as the guest's CCEL table has it.
    #[arg(long, value_name = "FILE")]
    event_log: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    /// The moment to check at, instead of now, as `attest` prints it or in seconds since 1970: evidence ages.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    #[command(flatten)]
    bound: Bound,
    /// Also write the result here, whichever it is, as an Entity Attestation Result (EAR): its claims set in JSON, unsigned.
    #[arg(long, value_name = "FILE")]
    ear_out: Option<PathBuf>,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    /// The exit code.
    exit: u8,
    check: Option<&'static str>,
    kind: &'static str,
    message: String,
    /// Signed under a root for development: it protects nothing.
    development: bool,
    /// Whether it was held to a nonce, report_data or challenge that was given.
    bound: bool,
    /// Those that passed, if all did.
    checks: Vec<&'static str>,
    #[serde(flatten)]
    facts: Facts,
    /// Of claims that were weighed, the model's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// All that is read before anything is checked.
struct Loaded {
    kind: Kind,
    policy: Policy,
    /// The bytes of its file.
    policy_bytes: Vec<u8>,
    roots: TrustRoots,
    /// As it travels.
    evidence: Vec<u8>,
    endorsements: Option<Vec<u8>>,
    bound_to: BoundTo,
    at: UnixTime,
}

impl Verify {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let json = self.json;
        if let Some(path) = &self.ear_out {
            // What cannot be read must not leave the result of an earlier run.
            json::told(json, files::remove(path))?;
        }
        let loaded = json::told(json, self.load())?;
        let kind = loaded.kind;
        let found = loaded.bound_to.appraise(&loaded);
        if let Some(path) = &self.ear_out {
            let ear = loaded.ear(&found);
            let written = files::replace(path, ear.as_bytes(), 0o644);
            json::told(
                json,
                written.map_err(|error| files::unwritten(path, &error)),
            )?;
        }
        match found {
            Ok(accepted) => {
                accepted.notes(&loaded.bound_to);
                let facts = Facts::verified(&accepted.evidence);
                let message = format!(
                    "accepted at {}: signed under {}, measured as {:?}",
                    loaded.at,
                    root(&accepted.evidence),
                    accepted.evidence.measurement_set()
                );
                if json {
                    return json::print(&Report {
                        ok: true,
                        exit: 0,
                        check: None,
                        kind: kind.name(),
                        message,
                        development: accepted.evidence.is_development(),
                        bound: !matches!(loaded.bound_to, BoundTo::Nothing),
                        checks: accepted.passed.iter().map(|check| check.id()).collect(),
                        facts,
                        model: accepted.model,
                    });
                }
                let model = accepted
                    .model
                    .map(|model| crate::facts::line("model", model));
                print(&[vec![message], facts.lines(), model.into_iter().collect()].concat())
            }
            Err(rejection) => {
                let check = rejection.check().id();
                if json {
                    let facts = Facts::unverified(kind, &loaded.evidence);
                    json::print(&Report {
                        ok: false,
                        exit: Exit::Rejected.code(),
                        check: Some(check),
                        kind: kind.name(),
                        message: rejection.to_string(),
                        development: false,
                        bound: false,
                        checks: Vec::new(),
                        facts: facts.unwrap_or_else(|_| Facts::none(kind)),
                        model: None,
                    })?;
                }
                Err(Exit::Rejected.because(format!("rejected, check {check}: {rejection}")))
            }
        }
    }

    fn load(&self) -> Result<Loaded, Failure> {
        let (kind, path) = match (&self.document, self.kind, &self.evidence) {
            (Some(document), ..) => (Kind::Nitro, document),
            (None, Some(KindName(kind)), Some(path)) => (kind, path),
            _ => unreachable!("the command line has one of them"),
        };
        let bound_to = self.bound.read(kind)?;
        let (policy, policy_bytes) = self.trust.load_policy()?;
        let roots = self.trust.roots()?;
        let evidence = file::read(kind, path, self.event_log.as_deref())?;
        Ok(Loaded {
            kind,
            policy,
            policy_bytes,
            roots,
            endorsements: file::endorsements(kind, &self.endorsements, Some(&evidence))?,
            evidence: evidence.sent,
            bound_to,
            at: self.at.unwrap_or_else(now),
        })
    }
}

impl Loaded {
    fn ear(&self, found: &Result<Accepted, Rejection>) -> String {
        let reason = found.as_ref().err().map(ToString::to_string);
        let outcome = match found {
            Ok(accepted) => Outcome::Accepted {
                measurement_set: accepted.evidence.measurement_set(),
                passed: &accepted.passed,
                standing: Standing::of(&accepted.evidence),
            },
            Err(rejection) => Outcome::Rejected {
                check: rejection.check(),
                reason: reason.as_deref().unwrap_or_default(),
            },
        };
        Appraisal {
            kind: self.kind,
            policy: &self.policy_bytes,
            challenge: self.bound_to.challenge(),
            at: self.at,
            made: now(),
            outcome,
        }
        .to_json()
    }
}

/// Evidence that passed.
struct Accepted {
    evidence: Evidence,
    passed: Vec<Check>,
    model: Option<String>,
}

impl Accepted {
    /// What was not looked at.
    fn notes(&self, bound_to: &BoundTo) {
        match (&self.evidence, bound_to) {
            (_, BoundTo::Session { .. }) => say!(
                "note: the challenge is the one that you gave; only who drew it knows that it was fresh"
            ),
            (Evidence::Nitro(document), _) => say!(
                "note: offline, nothing shows the binding to a session (X8), and so neither the model nor its precision{}",
                match document.passed().contains(&checks::X7) {
                    true => "",
                    false => "; give --nonce to check the nonce (X7)",
                }
            ),
            (_, BoundTo::Nothing) => say!(
                "note: what the evidence is bound to was not checked (B1): anyone may have asked for it, at any time"
            ),
            (_, _) => say!(
                "note: the evidence is bound to what you gave (B1); the model and its precision are not shown"
            ),
        }
    }
}
