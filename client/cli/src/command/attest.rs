//! `sealnote attest`: what runs behind an address.

mod report;

use std::path::PathBuf;

use clap::Args;
use sealnote_client::SessionEnd;
use sealnote_model::Problem;
use sealnote_session::VerifiedEvidence;
use sealnote_verifier::Check;

use self::report::Report;
use crate::evidence::Seen;
use crate::exit::{Exit, Failure};
use crate::facts::{self, line, print};
use crate::{Server, json};

const EXAMPLES: &str = "\
Examples:
  $ sealnote attest --server tcp:sealnote.example:7000 --policy policy.json
  $ sealnote attest --profile ward --json --evidence-out evidence";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Attest {
    #[command(flatten)]
    server: Server,
    /// Keep the evidence here, accepted or not, for `sealnote verify --at`: DIGEST.cbor, and what the appraisal
    /// found in DIGEST.json.
    #[arg(long, value_name = "DIR")]
    evidence_out: Option<PathBuf>,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

impl Attest {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        json::told(self.json, self.attest().await)
    }

    async fn attest(&self) -> Result<(), Failure> {
        let seen = Seen::kept_in(self.evidence_out.clone())?;
        let client = self.server.client()?.observer(seen.observer()).build();
        let verified = client.verify().await;
        seen.check()?;
        let verified = verified?;
        let report = Report::of(&verified, client.server());
        if !self.json {
            print(&lines(verified.evidence()))?;
        }
        // The whole handshake, so that the key is known to be in the enclave's hands.
        let session = verified.open().await?;
        let confirmed = match self.json {
            true => json::print(&report),
            false => print(&[line(
                "key",
                "confirmed: the enclave opened a secret sealed to it",
            )]),
        };
        let closed = session.close().await;
        confirmed?;
        closed.map_err(|end| match end {
            SessionEnd::Denied(denial) => Exit::from(&end).because(denial.to_string()),
            end => Exit::from(&end).because(format!(
                "the session ended without the enclave's close: {end}"
            )),
        })
    }
}

fn serves(evidence: &VerifiedEvidence) -> &'static str {
    match evidence.claims().clients_sign() {
        true => "the clients that its model's owner has listed, each with a key of its own",
        false => "anybody",
    }
}

fn lines(evidence: &VerifiedEvidence) -> Vec<String> {
    let facts = evidence.facts();
    let root = match facts.is_development() {
        true => "DEVELOPMENT root: this enclave protects nothing",
        false => facts::root(facts),
    };
    let set = facts.measurement_set();
    let mut lines = vec![line("VERIFIED", format!("{root}, measured as {set:?}"))];
    lines.extend(facts::Facts::verified(facts).lines());
    let model = evidence.claims().model();
    let labels = match model.problem() {
        Problem::SingleLabel => format!("one of {} labels", model.labels.len()),
        Problem::MultiLabel => format!("any of {} labels", model.labels.len()),
    };
    let window = format!("{} tokens, overlapping by {}", model.window, model.overlap);
    let limits = evidence.claims().limits();
    let limits = format!(
        "{} notes of at most {} bytes in a request, {} requests in flight",
        limits.notes, limits.note_bytes, limits.in_flight
    );
    lines.extend([
        line("model", model.digest()),
        line("classifies", labels),
        line("window", window),
        line("precision", model.precision),
        line("limits", limits),
        line("suite", evidence.suite()),
        line("serves", serves(evidence)),
        "checks".to_owned(),
    ]);
    let check = |check: &Check| format!("  {check:<4} {}", check.title());
    lines.extend(evidence.passed().iter().map(check));
    lines
}
