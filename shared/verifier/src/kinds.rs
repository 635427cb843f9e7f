//! The kinds of evidence, each a folder beside this file. A new one is registered here and in `kinds/`, and nowhere else.

mod development_root;
mod file;

pub use development_root::DevelopmentRootError;
pub use file::EvidenceFile;
use sealnote_evidence::Binding;

use crate::check::{Check, CheckLog};
use crate::time::UnixTime;
use crate::{azure_vtpm, nitro, sev_snp, tdx, token};

/// P1: the first step of every appraisal.
pub const P1: Check = Check::new("any", "P1", "the policy accepts this kind of evidence");

/// A kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An AWS Nitro attestation document.
    Nitro,
    /// The attestation report of an AMD SEV-SNP guest.
    SevSnp,
    /// The quote of an Intel TDX guest.
    Tdx,
    /// The TPM quote of an Azure confidential VM.
    AzureVtpm,
    /// A token of an attestation service.
    Token,
}

/// What is asked of evidence, by kind: at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EvidenceRules {
    pub(crate) nitro: Option<nitro::Rules>,
    pub(crate) sev_snp: Option<sev_snp::Rules>,
    pub(crate) tdx: Option<tdx::Rules>,
    pub(crate) azure_vtpm: Option<azure_vtpm::Rules>,
    pub(crate) token: Option<token::Rules>,
}

/// Rules of a policy file that cannot be used, by kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceRulesError {
    /// No kind of evidence.
    #[error("evidence is empty: the policy names no kind of evidence and would accept nothing")]
    NoEvidence,
    /// Of Nitro documents.
    #[error(transparent)]
    Nitro(#[from] nitro::rules::RulesError),
    /// Of SEV-SNP reports.
    #[error(transparent)]
    SevSnp(#[from] sev_snp::rules::RulesError),
    /// Of TDX quotes.
    #[error(transparent)]
    Tdx(#[from] tdx::rules::RulesError),
    /// Of TPM quotes from Azure.
    #[error(transparent)]
    AzureVtpm(#[from] azure_vtpm::rules::RulesError),
    /// Of tokens.
    #[error(transparent)]
    Token(#[from] token::rules::RulesError),
}

/// Evidence as it came: bytes to be checked.
#[derive(Clone, Copy, Debug)]
pub struct RawEvidence<'a> {
    /// What it is said to be.
    pub kind: Kind,
    /// As the attester gave it.
    pub bytes: &'a [u8],
    /// What the vendor signed about the machine, for kinds that need it.
    pub endorsements: Option<&'a [u8]>,
}

/// The trust anchors of every kind: the vendors' published roots, which are pinned, and those that a caller
/// has added.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    pub(crate) nitro: nitro::TrustRoots,
    pub(crate) sev_snp: sev_snp::TrustRoots,
    pub(crate) tdx: tdx::TrustRoots,
}

/// What verified evidence says of its machine and image.
#[derive(Debug)]
#[non_exhaustive]
pub enum Facts {
    /// A Nitro document.
    Nitro(nitro::VerifiedDocument),
    /// An SEV-SNP report.
    SevSnp(sev_snp::VerifiedReport),
    /// A TDX quote.
    Tdx(tdx::VerifiedQuote),
    /// A TPM quote from Azure.
    AzureVtpm(azure_vtpm::VerifiedVtpm),
    /// A token.
    Token(token::VerifiedToken),
}

/// What verified evidence of every kind says.
pub(crate) trait Verified {
    fn measurement_set(&self) -> &str;
    fn least_suite(&self) -> Option<u16>;
    fn public_key(&self) -> Option<&[u8]>;
    fn is_development(&self) -> bool;
    fn log(&self) -> &CheckLog;
}

/// Why evidence was rejected: the first check that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// P1: the policy accepts no evidence of this kind.
    #[error("this is {} evidence, and the policy has no rules for that kind", .0.name())]
    Kind(Kind),
    /// P1: there are endorsements, and the kind has none.
    #[error("there are endorsements beside {} evidence, which has none", .0.name())]
    Endorsements(Kind),
    /// P1: there are no endorsements, and the kind needs them.
    #[error("there are no endorsements beside {} evidence, which needs them", .0.name())]
    NoEndorsements(Kind),
    /// A Nitro document failed a check.
    #[error(transparent)]
    Nitro(#[from] nitro::Rejection),
    /// An SEV-SNP report failed a check.
    #[error(transparent)]
    SevSnp(#[from] sev_snp::Rejection),
    /// A TPM quote from Azure failed a check.
    #[error(transparent)]
    AzureVtpm(#[from] azure_vtpm::Rejection),
    /// A token failed a check.
    #[error(transparent)]
    Token(#[from] token::Rejection),
    /// A TDX quote failed a check.
    #[error(transparent)]
    Tdx(#[from] tdx::Rejection),
}

impl Kind {
    /// Every kind known here.
    pub const ALL: [Self; 5] = [
        Self::Nitro,
        Self::SevSnp,
        Self::Tdx,
        Self::AzureVtpm,
        Self::Token,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::Nitro => 1,
            Self::SevSnp => 2,
            Self::Tdx => 3,
            Self::AzureVtpm => 4,
            Self::Token => 5,
        }
    }

    /// As policies, flags and JSON have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nitro => "nitro",
            Self::SevSnp => "sev-snp",
            Self::Tdx => "tdx",
            Self::AzureVtpm => "azure-vtpm",
            Self::Token => "token",
        }
    }

    /// The kind of a number, if it is one known here.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl Rejection {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Kind(_) | Self::Endorsements(_) | Self::NoEndorsements(_) => P1,
            Self::Nitro(rejection) => rejection.check(),
            Self::SevSnp(rejection) => rejection.check(),
            Self::Tdx(rejection) => rejection.check(),
            Self::AzureVtpm(rejection) => rejection.check(),
            Self::Token(rejection) => rejection.check(),
        }
    }
}

impl TrustRoots {
    /// The vendors' published roots alone.
    pub fn vendors() -> Self {
        Self {
            nitro: nitro::TrustRoots::aws(),
            sev_snp: sev_snp::TrustRoots::amd(),
            tdx: tdx::TrustRoots::intel(),
        }
    }

    /// Accepts Nitro documents under a development root as well. Changes no other check.
    ///
    /// Dangerous: whoever has that root's key can sign any document at all.
    ///
    /// # Errors
    ///
    /// Anything but one self-signed P-384 CA certificate in PEM.
    pub fn danger_add_software_root(&mut self, pem: &str) -> Result<(), nitro::RootError> {
        self.nitro.danger_add_software_root(pem)
    }

    /// Accepts SEV-SNP reports under a development root as well. Changes no other check.
    ///
    /// Dangerous: whoever has that root's key can sign any report at all.
    ///
    /// # Errors
    ///
    /// As [`sev_snp::TrustRoots::danger_add_software_root`].
    pub fn danger_add_sev_snp_software_root(
        &mut self,
        pem: &str,
    ) -> Result<(), sev_snp::RootError> {
        self.sev_snp.danger_add_software_root(pem)
    }

    /// Those of the hardware under Azure's paravisor.
    pub(crate) fn hardware(&self) -> azure_vtpm::HardwareRoots<'_> {
        azure_vtpm::HardwareRoots {
            sev_snp: &self.sev_snp,
            tdx: &self.tdx,
        }
    }

    /// Accepts TDX quotes under a development root as well. Changes no other check.
    ///
    /// Dangerous: whoever has that root's key can sign any quote at all.
    ///
    /// # Errors
    ///
    /// As [`tdx::TrustRoots::danger_add_software_root`].
    pub fn danger_add_tdx_software_root(&mut self, pem: &str) -> Result<(), tdx::RootError> {
        self.tdx.danger_add_software_root(pem)
    }
}

impl Facts {
    /// What they are facts of.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nitro(_) => Kind::Nitro,
            Self::SevSnp(_) => Kind::SevSnp,
            Self::Tdx(_) => Kind::Tdx,
            Self::AzureVtpm(_) => Kind::AzureVtpm,
            Self::Token(_) => Kind::Token,
        }
    }

    /// The label of the measurement set that the evidence matches.
    pub fn measurement_set(&self) -> &str {
        self.verified().measurement_set()
    }

    /// The register that the image is measured into: PCR0, the launch measurement or MRTD; behind Azure's vTPM that of the
    /// paravisor; of a token what its issuer measured. Empty only where a document has no PCR0, which none that is accepted
    /// has.
    pub fn measurement(&self) -> &[u8] {
        use azure_vtpm::Hardware;
        use token::Measured;
        match self {
            Self::Nitro(document) => {
                let pcr0 = document.pcrs().get(&0);
                pcr0.map_or(&[], |pcr0| pcr0.as_bytes())
            }
            Self::SevSnp(report) => &report.fields().measurement,
            Self::Tdx(quote) => &quote.fields().mrtd,
            Self::AzureVtpm(vtpm) => match vtpm.hardware() {
                Hardware::SevSnp(report) => &report.fields().measurement,
                Hardware::Tdx(quote) => &quote.fields().mrtd,
            },
            Self::Token(token) => match token.measured() {
                Measured::Container(container) => &container.image_digest,
                Measured::Tdx(domain) => &domain.mrtd,
                Measured::SevSnp(guest) => &guest.measurement,
            },
        }
    }

    /// The least suite that this set asks for, if it asks for one itself.
    pub fn least_suite(&self) -> Option<u16> {
        self.verified().least_suite()
    }

    /// The public key that the evidence holds, as the attester encoded it.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.verified().public_key()
    }

    /// Whether it was signed under a development root, by software: it protects nothing then.
    pub fn is_development(&self) -> bool {
        self.verified().is_development()
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.verified().log().passed()
    }

    fn verified(&self) -> &dyn Verified {
        match self {
            Self::Nitro(document) => document,
            Self::SevSnp(report) => report,
            Self::Tdx(found) => found,
            Self::AzureVtpm(found) => found,
            Self::Token(found) => found,
        }
    }
}

impl EvidenceRules {
    pub(crate) fn load(file: EvidenceFile) -> Result<Self, EvidenceRulesError> {
        let rules = Self {
            nitro: file.nitro.map(nitro::Rules::load).transpose()?,
            sev_snp: file.sev_snp.map(sev_snp::Rules::load).transpose()?,
            tdx: file.tdx.map(tdx::Rules::load).transpose()?,
            azure_vtpm: file.azure_vtpm.map(azure_vtpm::Rules::load).transpose()?,
            token: file.token.map(token::Rules::load).transpose()?,
        };
        match rules == Self::default() {
            true => Err(EvidenceRulesError::NoEvidence),
            false => Ok(rules),
        }
    }

    /// P1, then the checks of the kind, the binding among them.
    pub(crate) fn appraise(
        &self,
        evidence: RawEvidence<'_>,
        binding: &Binding,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<(Facts, CheckLog), Rejection> {
        let mut log = CheckLog::default();
        let RawEvidence { kind, bytes, .. } = evidence;
        let facts = match kind {
            Kind::Nitro => {
                let rules = log.run(P1, || alone(&self.nitro, evidence))?;
                Facts::Nitro(rules.check_bound_document(bytes, binding, &roots.nitro, now)?)
            }
            Kind::SevSnp => {
                let (rules, given) = log.run(P1, || endorsed(&self.sev_snp, evidence))?;
                Facts::SevSnp(rules.check_evidence(bytes, given, binding, &roots.sev_snp, now)?)
            }
            Kind::Tdx => {
                let (rules, given) = log.run(P1, || endorsed(&self.tdx, evidence))?;
                Facts::Tdx(rules.check_evidence(bytes, given, binding, &roots.tdx, now)?)
            }
            Kind::AzureVtpm => {
                let (rules, given) = log.run(P1, || endorsed(&self.azure_vtpm, evidence))?;
                let roots = roots.hardware();
                Facts::AzureVtpm(rules.check_evidence(bytes, given, binding, roots, now)?)
            }
            Kind::Token => {
                let (rules, given) = log.run(P1, || endorsed(&self.token, evidence))?;
                Facts::Token(rules.check_evidence(bytes, given, binding, now)?)
            }
        };
        log.append(facts.verified().log());
        Ok((facts, log))
    }

    /// That of each measurement set, where it has one.
    pub(crate) fn least_suites(&self) -> impl Iterator<Item = Option<u16>> + '_ {
        let nitro = self.nitro.iter().flat_map(|rules| rules.measurement_sets());
        let sev_snp = self
            .sev_snp
            .iter()
            .flat_map(|rules| rules.measurement_sets());
        let tdx = self.tdx.iter().flat_map(|rules| rules.measurement_sets());
        let azure_vtpm = self
            .azure_vtpm
            .iter()
            .flat_map(|rules| rules.measurement_sets());
        let token = self.token.iter().flat_map(|rules| rules.measurement_sets());
        (nitro.map(|set| set.least_suite()))
            .chain(sev_snp.map(|set| set.least_suite()))
            .chain(tdx.map(|set| set.least_suite()))
            .chain(azure_vtpm.map(|set| set.least_suite()))
            .chain(token.map(|set| set.least_suite()))
    }
}

/// The rules of a kind without endorsements.
fn alone<'r, T>(rules: &'r Option<T>, evidence: RawEvidence<'_>) -> Result<&'r T, Rejection> {
    match (rules, evidence.endorsements) {
        (_, Some(_)) => Err(Rejection::Endorsements(evidence.kind)),
        (None, None) => Err(Rejection::Kind(evidence.kind)),
        (Some(rules), None) => Ok(rules),
    }
}

/// The rules of a kind with endorsements, and what these are.
fn endorsed<'r, 'e, T>(
    rules: &'r Option<T>,
    evidence: RawEvidence<'e>,
) -> Result<(&'r T, &'e [u8]), Rejection> {
    match (rules, evidence.endorsements) {
        (None, _) => Err(Rejection::Kind(evidence.kind)),
        (Some(_), None) => Err(Rejection::NoEndorsements(evidence.kind)),
        (Some(rules), Some(given)) => Ok((rules, given)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appraise(rules: &EvidenceRules, endorsements: Option<&[u8]>) -> Rejection {
        let evidence = RawEvidence {
            kind: Kind::Nitro,
            bytes: b"no document",
            endorsements,
        };
        let binding = Binding {
            protocol: "test",
            challenge: [0; 32],
            claims: [0; 48],
        };
        let now = UnixTime::from_seconds(0);
        match rules.appraise(evidence, &binding, &TrustRoots::vendors(), now) {
            Ok(_) => unreachable!("it is no document"),
            Err(rejection) => rejection,
        }
    }

    /// The loader makes no such rules as long as there is one kind.
    #[test]
    fn a_kind_without_rules_is_refused() {
        let rejection = appraise(&EvidenceRules::default(), None);
        assert_eq!(rejection, Rejection::Kind(Kind::Nitro));
        assert_eq!(rejection.check(), P1);
    }

    #[test]
    fn endorsements_where_none_are_due_are_refused() {
        let rules = EvidenceRules::default();
        let rejection = appraise(&rules, Some(b"endorsements"));
        assert_eq!(rejection, Rejection::Endorsements(Kind::Nitro));
    }

    #[test]
    fn a_kind_has_one_number_and_one_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
            assert_eq!(
                Kind::ALL
                    .into_iter()
                    .filter(|other| other.name() == kind.name())
                    .count(),
                1
            );
        }
        assert_eq!(Kind::from_number(0), None);
    }
}
