//! What services ask of the machine. Each binds evidence in its own way, so each has a method of its own.

use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use thiserror::Error;

/// The machine, to key services. Blocking, as an attester is.
pub trait Evidence: Send + Sync {
    /// For AWS KMS: a Nitro attestation document with this `public_key` (SubjectPublicKeyInfo) and `user_data`.
    ///
    /// # Errors
    /// [`EvidenceError::NotOffered`] of any machine but a Nitro enclave.
    fn nitro_document(
        &self,
        public_key: &[u8],
        user_data: &[u8; 48],
    ) -> Result<Vec<u8>, EvidenceError> {
        let _ = (public_key, user_data);
        Err(EvidenceError::NotOffered {
            service: "AWS KMS",
            needs: "a Nitro enclave's document",
        })
    }

    /// What machine this is to Trustee's KBS, which wants to know before it gives a challenge.
    ///
    /// # Errors
    /// [`EvidenceError::NotOffered`] of any machine but SEV-SNP and TDX guests.
    fn tee_kind(&self) -> Result<TeeKind, EvidenceError> {
        Err(NO_TEE)
    }

    /// For Trustee's KBS: evidence whose `report_data` is these 64 bytes.
    ///
    /// # Errors
    /// [`EvidenceError::NotOffered`] of any machine but SEV-SNP and TDX guests.
    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, EvidenceError> {
        let _ = report_data;
        Err(NO_TEE)
    }

    /// For the owner's release service: evidence as a client of notes gets it, bound to a session of the protocol.
    ///
    /// # Errors
    /// [`EvidenceError::Attester`] where the machine gives none, or what endorses it is not there yet.
    fn session(&self, binding: &Binding) -> Result<SessionEvidence, EvidenceError> {
        let _ = binding;
        Err(EvidenceError::NotOffered {
            service: "the owner's release service",
            needs: "evidence that is bound to a session",
        })
    }
}

/// Evidence as the protocol's answer carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEvidence {
    /// What it is evidence of.
    pub kind: EvidenceKind,
    /// As the attester gave it.
    pub evidence: Vec<u8>,
    /// What endorses it, for kinds that need it.
    pub endorsements: Option<Vec<u8>>,
}

const NO_TEE: EvidenceError = EvidenceError::NotOffered {
    service: "a KBS",
    needs: "an SEV-SNP report or a TDX quote",
};

/// A kind of machine that a KBS knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeeKind {
    /// An AMD SEV-SNP guest.
    SevSnp,
    /// An Intel TDX guest.
    Tdx,
}

/// Evidence as a KBS takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tee {
    /// An SEV-SNP attestation report (1,184 bytes), and the VCEK or VLEK and its chain where the machine knows them
    /// (the parent's hand-over of endorsements).
    SevSnp {
        /// The report.
        report: Vec<u8>,
        /// Certificates in DER, leaf first.
        certificates: Vec<Vec<u8>>,
    },
    /// A TDX quote.
    Tdx {
        /// The quote.
        quote: Vec<u8>,
    },
}

impl Tee {
    /// Whose evidence it is.
    pub const fn kind(&self) -> TeeKind {
        match self {
            Self::SevSnp { .. } => TeeKind::SevSnp,
            Self::Tdx { .. } => TeeKind::Tdx,
        }
    }
}

/// Why there is no evidence for a service.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The machine is of another kind than the service takes.
    #[error("{service} releases a key only against {needs}, which this machine does not give")]
    NotOffered {
        /// The service.
        service: &'static str,
        /// What it takes.
        needs: &'static str,
    },
    /// The machine gave none.
    #[error("the machine gave no evidence: {0}")]
    Attester(String),
}
