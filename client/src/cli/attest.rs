//! `sealnote attest`: what runs behind an address.

use std::path::PathBuf;

use clap::Args;
use sealnote_protocol::classification::Problem;
use sealnote_verifier::RootKind;
use sealnote_verifier::evidence::VerifiedEvidence;

use super::report::Facts;
use super::{Failure, Server};

#[derive(Args)]
pub(super) struct Attest {
    #[command(flatten)]
    server: Server,
    /// Keep the attestation document here, for `sealnote verify --at`.
    #[arg(long, value_name = "FILE")]
    document_out: Option<PathBuf>,
}

impl Attest {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client()?;
        let rejected = |error: &dyn std::fmt::Display| Failure::Rejected(error.to_string());
        let verified = client.verify().await.map_err(|error| rejected(&error))?;
        if let Some(path) = &self.document_out {
            std::fs::write(path, verified.document()).map_err(|error| {
                Failure::Usage(format!("{} cannot be written: {error}", path.display()))
            })?;
        }
        print(verified.evidence());
        // The whole handshake, so that the key is known to be in the enclave's hands.
        let session = verified.open().await.map_err(|error| rejected(&error))?;
        println!("key          confirmed: the enclave opened a secret sealed to it");
        session.close().await.map_err(|error| rejected(&error))
    }
}

fn print(evidence: &VerifiedEvidence) {
    let document = evidence.document();
    let root = match document.root() {
        RootKind::Aws => "AWS Nitro root",
        RootKind::Software => "DEVELOPMENT root: this enclave protects nothing",
    };
    println!(
        "VERIFIED     {root}, measured as {:?}",
        document.measurement_set()
    );
    Facts::verified(document).print();
    let model = evidence.claims().model();
    println!("model        {}", model.digest());
    let problem = match model.problem() {
        Problem::SingleLabel => "one of",
        Problem::MultiLabel => "any of",
    };
    println!("classifies   {problem} {} labels", model.labels.len());
    println!(
        "window       {} tokens, overlapping by {}",
        model.window, model.overlap
    );
    let limits = evidence.claims().limits();
    println!(
        "limits       {} notes of at most {} bytes in a request, {} requests in flight",
        limits.notes, limits.note_bytes, limits.in_flight
    );
    println!("suite        {}", evidence.suite());
    println!("checks");
    for check in evidence.passed() {
        println!("  {check:<4} {}", check.title());
    }
}
