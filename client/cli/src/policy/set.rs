//! One measurement set, of any kind, on its way into a policy file.

mod of_evidence;

use sealnote_verifier::policy::PolicyFile;
use sealnote_verifier::{Kind, TimeFile, azure_vtpm, nitro, sev_snp, tdx, token};

pub(crate) use of_evidence::of_evidence;

use super::contents::new_policy;
use super::registers::Pin;
use crate::exit::{Exit, Failure};

/// One set.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    Nitro(nitro::rules::SetFile),
    SevSnp(sev_snp::rules::SetFile),
    Tdx(tdx::rules::SetFile),
    AzureVtpm(azure_vtpm::rules::SetFile),
    /// Of an issuer that is told elsewhere.
    Token(Box<token::rules::SetFile>),
}

/// What sets of every kind have.
pub(crate) struct Common<'a> {
    pub(crate) label: &'a mut String,
    pub(crate) not_after: &'a mut Option<TimeFile>,
    pub(crate) least_suite: &'a mut Option<u64>,
}

macro_rules! common {
    ($set:expr) => {
        Common {
            label: &mut $set.label,
            not_after: &mut $set.not_after,
            least_suite: &mut $set.least_suite,
        }
    };
}

impl Set {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Nitro(_) => Kind::Nitro,
            Self::SevSnp(_) => Kind::SevSnp,
            Self::Tdx(_) => Kind::Tdx,
            Self::AzureVtpm(_) => Kind::AzureVtpm,
            Self::Token(_) => Kind::Token,
        }
    }

    pub(crate) fn common(&mut self) -> Common<'_> {
        match self {
            Self::Nitro(set) => common!(set),
            Self::SevSnp(set) => common!(set),
            Self::Tdx(set) => common!(set),
            Self::AzureVtpm(set) => common!(set),
            Self::Token(set) => common!(set),
        }
    }

    /// Puts it beside the sets of its kind; of a token, beside those of the only issuer, or of the one that is named. There
    /// must be rules for the kind: which machines are accepted is for somebody to decide. Nitro has none that are due, and
    /// gets these pins if it has no rules yet.
    pub(crate) fn add_to(
        self,
        file: &mut PolicyFile,
        pins: &[Pin],
        issuer: Option<&str>,
    ) -> Result<(), Failure> {
        let kind = self.kind();
        let evidence = &mut file.evidence;
        // The policy's loader refuses a second set with the same values.
        let added = match self {
            Self::Nitro(set) => return add_nitro(file, set, pins),
            Self::SevSnp(set) => {
                let rules = evidence.sev_snp.as_mut();
                rules.map(|rules| rules.measurements.push(set))
            }
            Self::Tdx(set) => {
                let rules = evidence.tdx.as_mut();
                rules.map(|rules| rules.measurements.push(set))
            }
            Self::AzureVtpm(set) => {
                let rules = evidence.azure_vtpm.as_mut();
                rules.map(|rules| rules.measurements.push(set))
            }
            Self::Token(set) => {
                let rules = evidence.token.as_mut();
                let rules = rules.map(|rules| of_issuer(rules, issuer)).transpose()?;
                rules.map(|rules| rules.measurements.push(*set))
            }
        };
        added.ok_or_else(|| no_rules(kind))
    }
}

fn no_rules(kind: Kind) -> Failure {
    Exit::Usage.because(format!(
        "the policy says nothing of {}: which machines are accepted must be written in it first, as docs/policies.md \
         has it",
        kind.name()
    ))
}

fn add_nitro(
    file: &mut PolicyFile,
    set: nitro::rules::SetFile,
    pins: &[Pin],
) -> Result<(), Failure> {
    let Some(rules) = &mut file.evidence.nitro else {
        file.evidence.nitro = new_policy(set, pins, None).evidence.nitro;
        return Ok(());
    };
    let registers = |set: &nitro::rules::SetFile| {
        let registers = [&set.pcr0, &set.pcr1, &set.pcr2, &set.pcr8];
        registers.map(|value| value.as_deref().map(str::to_ascii_lowercase))
    };
    let same = |known: &&nitro::rules::SetFile| registers(known) == registers(&set);
    if let Some(known) = rules.measurements.iter().find(same) {
        return Err(Exit::Usage.because(format!(
            "the policy accepts this image already, as {:?}",
            known.label
        )));
    }
    rules.measurements.push(set);
    Ok(())
}

fn of_issuer<'a>(
    rules: &'a mut token::rules::RulesFile,
    named: Option<&str>,
) -> Result<&'a mut token::rules::IssuerFile, Failure> {
    let known: Vec<String> = rules
        .issuers
        .iter()
        .map(|rules| format!("{:?}", rules.issuer))
        .collect();
    let is_named = |rules: &&mut token::rules::IssuerFile| match named {
        Some(named) => rules.issuer == named,
        None => known.len() == 1,
    };
    let found = rules.issuers.iter_mut().find(is_named);
    found.ok_or_else(|| {
        let what = match named {
            Some(named) => format!("the policy does not trust the issuer {named:?}"),
            None => "the policy trusts several issuers: name one by --issuer".to_owned(),
        };
        Exit::Usage.because(format!("{what}. It has {}", known.join(", ")))
    })
}
