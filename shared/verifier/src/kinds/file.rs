//! The rules of every kind, as a policy file has them.

use serde::{Deserialize, Serialize};

use crate::schema::some_object;
use crate::{azure_vtpm, nitro, sev_snp, tdx, token};

/// What is asked of evidence, as a policy file has it: by kind, one or more.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFile {
    /// Of Nitro documents.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub nitro: Option<nitro::rules::RulesFile>,
    /// Of SEV-SNP reports.
    #[serde(
        rename = "sev-snp",
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub sev_snp: Option<sev_snp::rules::RulesFile>,
    /// Of TDX quotes.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub tdx: Option<tdx::rules::RulesFile>,
    /// Of TPM quotes from Azure.
    #[serde(
        rename = "azure-vtpm",
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub azure_vtpm: Option<azure_vtpm::rules::RulesFile>,
    /// Of tokens.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub token: Option<token::rules::RulesFile>,
}

impl EvidenceFile {
    /// The names of all measurement sets.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        let nitro = self.nitro.iter().flat_map(|rules| &rules.measurements);
        let sev_snp = self.sev_snp.iter().flat_map(|rules| &rules.measurements);
        let tdx = self.tdx.iter().flat_map(|rules| &rules.measurements);
        let azure_vtpm = self.azure_vtpm.iter().flat_map(|rules| &rules.measurements);
        let token = self.token.iter().flat_map(|rules| &rules.issuers);
        let token = token.flat_map(|issuer| &issuer.measurements);
        (nitro.map(|set| &set.label))
            .chain(sev_snp.map(|set| &set.label))
            .chain(tdx.map(|set| &set.label))
            .chain(azure_vtpm.map(|set| &set.label))
            .chain(token.map(|set| &set.label))
            .map(String::as_str)
    }
}

impl EvidenceFile {
    /// Takes out the measurement sets whose name is not to be kept. What is left may be no policy any more.
    pub fn retain_sets(&mut self, keep: impl Fn(&str) -> bool) {
        if let Some(rules) = &mut self.nitro {
            rules.measurements.retain(|set| keep(&set.label));
        }
        if let Some(rules) = &mut self.sev_snp {
            rules.measurements.retain(|set| keep(&set.label));
        }
        if let Some(rules) = &mut self.tdx {
            rules.measurements.retain(|set| keep(&set.label));
        }
        if let Some(rules) = &mut self.azure_vtpm {
            rules.measurements.retain(|set| keep(&set.label));
        }
        for issuer in self.token.iter_mut().flat_map(|rules| &mut rules.issuers) {
            issuer.measurements.retain(|set| keep(&set.label));
        }
    }
}

impl From<nitro::rules::RulesFile> for EvidenceFile {
    fn from(rules: nitro::rules::RulesFile) -> Self {
        Self {
            nitro: Some(rules),
            ..Self::default()
        }
    }
}

impl From<sev_snp::rules::RulesFile> for EvidenceFile {
    fn from(rules: sev_snp::rules::RulesFile) -> Self {
        Self {
            sev_snp: Some(rules),
            ..Self::default()
        }
    }
}

impl From<azure_vtpm::rules::RulesFile> for EvidenceFile {
    fn from(rules: azure_vtpm::rules::RulesFile) -> Self {
        Self {
            azure_vtpm: Some(rules),
            ..Self::default()
        }
    }
}

impl From<token::rules::RulesFile> for EvidenceFile {
    fn from(rules: token::rules::RulesFile) -> Self {
        Self {
            token: Some(rules),
            ..Self::default()
        }
    }
}

impl From<tdx::rules::RulesFile> for EvidenceFile {
    fn from(rules: tdx::rules::RulesFile) -> Self {
        Self {
            tdx: Some(rules),
            ..Self::default()
        }
    }
}
