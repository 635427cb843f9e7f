//! What was found of each subject, as it is printed.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use super::metadata::Answer;
use super::platform::Platform;
use crate::exit::{Exit, Failure};

/// The look was taken, and what was asked for is not active.
const UNMET: Exit = Exit::Records;

const PROVES_NOTHING: &str = "Nothing here proves anything to anyone else: hypervisor, kernel and root decide what this command reads. \
     For proof, use `sealnote attest`.";

/// What may be there: a kind of confidential computer, seen from inside or from the machine that starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Subject {
    /// this is a Nitro enclave
    Nitro,
    /// an EC2 instance with enclaves enabled
    NitroParent,
    /// this is an SEV-SNP guest that can ask for reports
    SevSnp,
    /// KVM here can start SEV-SNP guests
    SevSnpHost,
    /// this is an SEV-ES guest
    SevEs,
    /// KVM here can start SEV-ES guests
    SevEsHost,
    /// this is an SEV guest
    Sev,
    /// KVM here can start SEV guests
    SevHost,
    /// this is a TDX guest that can ask for quotes
    Tdx,
    /// KVM here can start TDX guests
    TdxHost,
    /// this is a confidential virtual machine of Azure, with the vTPM of its paravisor
    AzureVtpm,
    /// a virtual machine with a TPM 2.0, of whichever maker
    Vtpm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Guest,
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Active,
    Capable,
    Absent,
    Unknown,
}

/// What was read, and its value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fact {
    source: String,
    value: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    #[serde(serialize_with = "as_required")]
    name: Subject,
    kind: &'static str,
    role: Role,
    state: State,
    says: String,
    /// What to do about it.
    advice: Option<String>,
    evidence: Vec<Fact>,
}

#[derive(Serialize)]
pub(super) struct Report {
    ok: bool,
    exit: u8,
    /// Always false: this command proves nothing.
    attested: bool,
    machine: Platform,
    findings: Vec<Finding>,
    /// The names that were required and are not active.
    missing: Vec<String>,
    metadata: Option<Vec<Answer>>,
}

impl Subject {
    /// As `--require` spells it.
    fn name(self) -> String {
        match self.to_possible_value() {
            Some(value) => value.get_name().to_owned(),
            None => unreachable!("no subject is skipped"),
        }
    }

    /// As policies spell it, where they know it.
    fn kind(self) -> &'static str {
        match self {
            Self::Nitro | Self::NitroParent => "nitro",
            Self::SevSnp | Self::SevSnpHost => "sev-snp",
            Self::SevEs | Self::SevEsHost => "sev-es",
            Self::Sev | Self::SevHost => "sev",
            Self::Tdx | Self::TdxHost => "tdx",
            Self::AzureVtpm => "azure-vtpm",
            Self::Vtpm => "vtpm",
        }
    }

    fn role(self) -> Role {
        match self {
            Self::NitroParent
            | Self::SevSnpHost
            | Self::SevEsHost
            | Self::SevHost
            | Self::TdxHost => Role::Host,
            _ => Role::Guest,
        }
    }
}

fn as_required<S: serde::Serializer>(name: &Subject, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name.name())
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Capable => "capable",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Active => AnsiColor::Green.on_default(),
            Self::Capable | Self::Unknown => AnsiColor::Yellow.on_default(),
            Self::Absent => Style::new(),
        }
    }
}

impl Fact {
    pub(super) fn new(source: String, value: String) -> Self {
        Self { source, value }
    }
}

impl Finding {
    pub(super) fn new(
        name: Subject,
        state: State,
        says: String,
        advice: Option<String>,
        evidence: Vec<Fact>,
    ) -> Self {
        Self {
            name,
            kind: name.kind(),
            role: name.role(),
            state,
            says,
            advice,
            evidence,
        }
    }

    /// What was read is shown of what is there, and of all if that is wanted.
    fn lines(&self, in_full: bool) -> Vec<String> {
        let (word, style) = (self.state.word(), self.state.style());
        let role = match self.role {
            Role::Guest => "guest",
            Role::Host => "host",
        };
        let (kind, says) = (self.kind, &self.says);
        let mut lines = vec![format!(
            "{style}{word:<7}{style:#}  {kind:<10} {role:<5}  {says}"
        )];
        let indent = " ".repeat(27);
        if in_full || self.state != State::Absent {
            let facts = self.evidence.iter();
            lines.extend(facts.map(|fact| format!("{indent}{}: {}", fact.source, fact.value)));
        }
        let advice = self.advice.iter();
        lines.extend(advice.map(|advice| format!("{indent}→ {advice}")));
        lines
    }
}

impl Report {
    pub(super) fn new(
        machine: Platform,
        findings: Vec<Finding>,
        metadata: Option<Vec<Answer>>,
        required: &[Subject],
    ) -> Self {
        let is_active = |subject: &Subject| {
            findings
                .iter()
                .any(|finding| finding.name == *subject && finding.state == State::Active)
        };
        let mut missing = Vec::new();
        for subject in required.iter().filter(|subject| !is_active(subject)) {
            let name = subject.name();
            if !missing.contains(&name) {
                missing.push(name);
            }
        }
        let ok = missing.is_empty();
        Self {
            ok,
            exit: if ok { 0 } else { UNMET.code() },
            attested: false,
            machine,
            findings,
            missing,
            metadata,
        }
    }

    /// For people.
    pub(super) fn lines(&self, in_full: bool) -> Vec<String> {
        let mut lines = vec![self.machine.line()];
        let findings = self.findings.iter();
        lines.extend(findings.flat_map(|finding| finding.lines(in_full)));
        let answers = self.metadata.iter().flatten();
        lines.extend(answers.map(Answer::line));
        lines.push(PROVES_NOTHING.to_owned());
        lines
    }

    /// The failure, if something that was required is not active.
    pub(super) fn end(&self) -> Result<(), Failure> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let of = |name: &String| {
            let found = self
                .findings
                .iter()
                .find(|found| found.name.name() == *name);
            match found {
                Some(found) => format!("{name} is {}: {}", found.state.word(), found.says),
                None => unreachable!("there is a finding of each subject"),
            }
        };
        let missing: Vec<_> = self.missing.iter().map(of).collect();
        Err(UNMET.because(format!("required, and not active: {}", missing.join("; "))))
    }
}

#[cfg(test)]
impl Finding {
    pub(super) fn name(&self) -> String {
        self.name.name()
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn says(&self) -> &str {
        &self.says
    }

    pub(super) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    pub(super) fn evidence(&self) -> Vec<(&str, &str)> {
        let facts = self.evidence.iter();
        facts
            .map(|fact| (fact.source.as_str(), fact.value.as_str()))
            .collect()
    }
}
