//! `sealnote verify`: a saved document against a policy, offline.

use std::path::PathBuf;

use clap::Args;
use sealnote_client::now;
use sealnote_verifier::nitro::MAX_DOCUMENT;
use sealnote_verifier::nitro::{RootKind, checks};
use sealnote_verifier::{Policy, TrustRoots, UnixTime};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::facts::{Facts, print};
use crate::{Trust, files, json};

const EXAMPLES: &str = "\
Examples:
  $ sealnote verify --document evidence/0123456789abcdef.cbor --policy policy.json --at 2026-11-28T06:00:00Z
  $ sealnote verify --document document.cbor --policy policy.json --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// The attestation document, as raw CBOR; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    #[command(flatten)]
    trust: Trust,
    /// The moment to check at, instead of now, as `attest` prints it or in seconds since 1970: a
    /// document is valid for minutes only.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// The nonce that the document must carry.
    #[arg(long, value_name = "HEX", value_parser = parse_hex)]
    nonce: Option<Hex>,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

#[derive(Clone)]
struct Hex(Vec<u8>);

fn parse_hex(text: &str) -> Result<Hex, String> {
    hex::decode(text)
        .map(Hex)
        .map_err(|error| error.to_string())
}

/// The facts are null where the document could not be read at all.
#[derive(Serialize)]
struct Report {
    ok: bool,
    /// The exit code.
    exit: u8,
    check: Option<&'static str>,
    message: String,
    #[serde(flatten)]
    facts: OptionalFacts,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OptionalFacts {
    Some(Facts),
    None(NoFacts),
}

/// The same keys, each null.
#[derive(Default, Serialize)]
struct NoFacts {
    module_id: (),
    timestamp_ms: (),
    pcrs: (),
    public_key: (),
    user_data: (),
    nonce: (),
}

impl Verify {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (policy, roots, bytes) = json::told(self.json, self.load())?;
        let at = self.at.unwrap_or_else(now);
        let nonce = self.nonce.as_ref().map(|nonce| nonce.0.as_slice());
        match policy.check_document(&bytes, &roots, nonce, at) {
            Ok(document) => {
                say!(
                    "note: offline, nothing shows the binding to a session (X8), and so neither the model nor its precision{}",
                    match document.passed().contains(&checks::X7) {
                        true => "",
                        false => "; give --nonce to check the nonce (X7)",
                    }
                );
                let facts = Facts::verified(&document);
                let root = match document.root() {
                    RootKind::Aws => "the AWS Nitro root",
                    RootKind::Software => "a DEVELOPMENT root",
                };
                let message = format!(
                    "accepted at {at}: signed under {root}, measured as {:?}",
                    document.measurement_set()
                );
                if self.json {
                    return print_json(true, None, message, OptionalFacts::Some(facts));
                }
                print(&[vec![message], facts.lines()].concat())
            }
            Err(rejection) => {
                let check = rejection.check().id();
                if self.json {
                    let facts = match sealnote_verifier::nitro::inspect(&bytes) {
                        Ok(document) => OptionalFacts::Some(Facts::unverified(&document)),
                        Err(_) => OptionalFacts::None(NoFacts::default()),
                    };
                    print_json(false, Some(check), rejection.to_string(), facts)?;
                }
                Err(Exit::Rejected.because(format!("rejected, check {check}: {rejection}")))
            }
        }
    }

    fn load(&self) -> Result<(Policy, TrustRoots, Vec<u8>), Failure> {
        let (policy, roots) = self.trust.load()?;
        let bytes = files::read(&self.document, "the document", MAX_DOCUMENT)?;
        Ok((policy, roots, bytes))
    }
}

fn print_json(
    ok: bool,
    check: Option<&'static str>,
    message: String,
    facts: OptionalFacts,
) -> Result<(), Failure> {
    let report = Report {
        ok,
        exit: if ok { 0 } else { Exit::Rejected.code() },
        check,
        message,
        facts,
    };
    json::print(&report)
}
