//! What evidence says, as it is printed: for people, and for programs under the names of docs/json.md. A file a kind.

mod azure_vtpm;
mod nitro;
mod sev_snp;
mod tdx;
mod token;

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use sealnote_verifier::azure_vtpm::Hardware;
use sealnote_verifier::{Check, Kind};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::evidence::file::parts;
use crate::exit::{Exit, Failure};

/// What evidence says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts(Vec<Fact>);

/// One fact.
#[derive(Clone, Debug, PartialEq)]
struct Fact {
    /// Its name in JSON.
    key: &'static str,
    value: Value,
    /// Its lines for people; none, where it is of no interest to them.
    lines: Vec<String>,
}

impl Facts {
    /// Of verified evidence.
    pub(crate) fn verified(facts: &sealnote_verifier::Facts) -> Self {
        use sealnote_verifier::Facts;
        Self(match facts {
            Facts::Nitro(document) => nitro::verified(document),
            Facts::SevSnp(report) => sev_snp::verified(report),
            Facts::Tdx(quote) => tdx::verified(quote),
            Facts::AzureVtpm(quote) => azure_vtpm::verified(quote),
            Facts::Token(token) => token::verified(token),
            other => unreachable!("facts of {} are printed", other.kind().name()),
        })
    }

    /// Of evidence that nobody has verified, as it travels, or why it cannot be read.
    pub(crate) fn unverified(kind: Kind, evidence: &[u8]) -> Result<Self, Failure> {
        match kind {
            Kind::Nitro => nitro::unverified(evidence),
            Kind::SevSnp => sev_snp::unverified(parts(evidence).report),
            Kind::Tdx => tdx::unverified(parts(evidence).report),
            Kind::AzureVtpm => azure_vtpm::unverified(evidence),
            Kind::Token => token::unverified(parts(evidence).report),
            other => unreachable!("evidence of {} is read", other.name()),
        }
        .map(Self)
    }

    /// Of evidence that could not be read: the names that a program may look for, each null.
    pub(crate) fn none(kind: Kind) -> Self {
        let keys: &[_] = match kind {
            Kind::Nitro => &nitro::KEYS,
            _ => &[MEASUREMENT],
        };
        Self(keys.iter().map(|key| Fact::new(key, Value::Null)).collect())
    }

    /// For people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.iter().flat_map(|fact| fact.lines.iter());
        lines.cloned().collect()
    }
}

/// The fact that every kind has: the register that the image is measured into.
const MEASUREMENT: &str = "measurement";

impl Fact {
    /// For programs only.
    fn new(key: &'static str, value: impl Into<Value>) -> Self {
        let (value, lines) = (value.into(), Vec::new());
        Self { key, value, lines }
    }

    /// For people, too, under the same name. A text from evidence is shown escaped: it must not write to the terminal as
    /// it likes.
    fn shown(key: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let shown = match &value {
            Value::String(text) => text.escape_debug().to_string(),
            other => escaped(&other.to_string()),
        };
        Self {
            lines: vec![line(&key.replace('_', " "), shown)],
            key,
            value,
        }
    }
}

/// JSON, in which control characters and what turns the direction of writing are escaped as in a text.
fn escaped(json: &str) -> String {
    let escape = |character: char| match character {
        '"' | '\\' | '\'' => character.to_string(),
        other => other.escape_debug().to_string(),
    };
    json.chars().map(escape).collect()
}

/// Evidence that is not what it must be to be read.
fn malformed(check: Check, error: &dyn Display) -> Failure {
    let failure = format!("malformed, check {check}: {error}");
    Exit::Rejected.because(failure).at_check(check)
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for fact in &self.0 {
            map.serialize_entry(fact.key, &fact.value)?;
        }
        map.end()
    }
}

/// Whose root evidence chains to, in words.
pub(crate) fn root(facts: &sealnote_verifier::Facts) -> &'static str {
    use sealnote_verifier::Facts;
    match facts {
        facts if facts.is_development() => "a DEVELOPMENT root",
        Facts::Nitro(_) => "the AWS Nitro root",
        Facts::SevSnp(_) => "AMD's root",
        Facts::Tdx(_) => "Intel's root",
        Facts::AzureVtpm(quote) => match quote.hardware() {
            Hardware::SevSnp(_) => "AMD's root",
            Hardware::Tdx(_) => "Intel's root",
        },
        Facts::Token(_) => "a key that the policy pins",
        other => other.kind().name(),
    }
}

/// A name and its value, in columns.
pub(crate) fn line(name: &str, value: impl Display) -> String {
    format!("{name:<12} {value}")
}

/// Writes lines to standard output. A reader that has gone (`sealnote attest … | head`) wants no more,
/// and that is no failure.
pub(crate) fn print(lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Exit::Output.because(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
