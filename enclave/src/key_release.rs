//! An encrypted model's key, from the service that the arguments name.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_access::PublicKey;
use sealnote_encrypted_model::WrappedKey;
use sealnote_key_release::aws_kms::{self, AwsKms};
use sealnote_key_release::evidence::{EvidenceError, SessionEvidence, Tee, TeeKind};
use sealnote_key_release::http::Service;
use sealnote_key_release::kbs;
use sealnote_key_release::owner::{self, Patience};
use sealnote_key_release::tls::Roots;
use sealnote_key_release::{Evidence, Locator, Released, Wanted};
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sealnote_transport::Endpoint;

use crate::arguments::KeyArgs;
use crate::attester::{AttestError, Attester, sev_snp, tdx};
use crate::log;

/// Which key is asked for, and of whom. All of it is measured with the image (K1, K2).
pub struct KeyRelease {
    wanted: Wanted,
    service: KeyService,
}

enum KeyService {
    AwsKms(Box<AwsKms>),
    Kbs {
        resource: [String; 3],
        service: Service,
    },
    Owner {
        via: Endpoint,
        releaser: PublicKey,
    },
}

impl KeyRelease {
    /// What the arguments ask for; `None` if they name no service: the model is in the clear.
    ///
    /// # Errors
    /// When they do not fit together, or the file of roots cannot be read.
    pub fn of(args: &KeyArgs) -> anyhow::Result<Option<Self>> {
        let Some(locator) = &args.url else {
            return Ok(None);
        };
        let (Some(model), Some(key_id), Some(via)) =
            (args.model_digest, &args.key_id, &args.key_via)
        else {
            bail!(
                "--model-encryption-key-url needs --model-digest, --model-key-id and --key-via beside it"
            );
        };
        let roots = args.key_service_roots.as_deref().map(roots).transpose()?;
        let service = match locator {
            Locator::AwsKms { .. } => {
                let roots = roots.map_or_else(aws_kms::amazon_roots, Ok)?;
                let metadata = args.metadata_via.clone().context(
                    "aws-kms: needs --metadata-via: where the parent's egress to the instance's metadata listens",
                )?;
                KeyService::AwsKms(AwsKms::new(locator, via.clone(), roots, metadata)?.into())
            }
            Locator::Kbs { resource } => {
                let url = args
                    .kbs_url
                    .as_ref()
                    .context("kbs: needs --kbs-url: the KBS's address, as https://HOST:PORT")?;
                KeyService::Kbs {
                    resource: resource.clone(),
                    service: url.service(via.clone(), roots)?,
                }
            }
            Locator::Owner { .. } => KeyService::Owner {
                via: via.clone(),
                releaser: args
                    .releaser_key
                    .context("sealnote:// needs --releaser-key: who may release the model's key")?,
            },
        };
        Ok(Some(Self {
            wanted: Wanted {
                key_id: key_id.clone(),
                model,
            },
            service,
        }))
    }

    /// What is asked for.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Asks the service. The attester's register shows the model already, where it has one (K9). `wrapped` is what the
    /// encrypted model carries for the service, if anything.
    ///
    /// # Errors
    /// The service's, each of which says what to do.
    pub async fn release(
        &self,
        attester: Arc<dyn Attester>,
        endorsements: Option<Arc<[u8]>>,
        wrapped: Option<&WrappedKey>,
    ) -> anyhow::Result<Released> {
        let machine = Machine {
            attester,
            endorsements,
        };
        let rng = &mut UnwrapErr(SysRng);
        let of_key = |key| Released { key, clients: None };
        match &self.service {
            KeyService::AwsKms(kms) => {
                let wrapped = wrapped.context(
                    "the encrypted model carries no key for KMS to decrypt; encrypt it with --wrapped-key",
                )?;
                let wrapped = wrapped.as_bytes();
                let key = kms.release(&self.wanted, wrapped, &machine, rng).await?;
                Ok(of_key(key))
            }
            KeyService::Kbs { resource, service } => Ok(of_key(
                kbs::release(resource, service, &machine, rng).await?,
            )),
            KeyService::Owner { via, releaser } => {
                let (machine, patience) = (Arc::new(machine), Patience::default());
                let tell = |error: &owner::OwnerError| {
                    log::line(format_args!("no key yet, it is asked for again: {error}"));
                };
                let released =
                    owner::release(&self.wanted, via, releaser, machine, patience, tell).await?;
                Ok(released)
            }
        }
    }
}

fn roots(path: &Path) -> anyhow::Result<Roots> {
    let pem = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Roots::from_pem(&pem).with_context(|| path.display().to_string())
}

/// The machine, as key services see it.
struct Machine {
    attester: Arc<dyn Attester>,
    endorsements: Option<Arc<[u8]>>,
}

impl Evidence for Machine {
    fn nitro_document(
        &self,
        public_key: &[u8],
        user_data: &[u8; 48],
    ) -> Result<Vec<u8>, EvidenceError> {
        let document = self.attester.nitro_document(public_key, user_data);
        document.map_err(|error| no_evidence(error, "AWS KMS", "a Nitro enclave's document"))
    }

    fn tee_kind(&self) -> Result<TeeKind, EvidenceError> {
        const SEV_SNP: EvidenceKind = sev_snp::KIND;
        const TDX: EvidenceKind = tdx::KIND;
        match self.attester.kind() {
            SEV_SNP => Ok(TeeKind::SevSnp),
            TDX => Ok(TeeKind::Tdx),
            _ => Err(no_tee(AttestError::NotOffered)),
        }
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, EvidenceError> {
        self.attester.tee(report_data).map_err(no_tee)
    }

    fn session(&self, binding: &Binding) -> Result<SessionEvidence, EvidenceError> {
        let evidence = self.attester.attest(binding);
        let evidence = evidence.map_err(|error| EvidenceError::Attester(error.to_string()))?;
        let endorsements = self.attester.endorsements();
        let endorsements = endorsements.or_else(|| self.endorsements.clone());
        Ok(SessionEvidence {
            kind: self.attester.kind(),
            evidence,
            endorsements: endorsements.map(|bytes| bytes.to_vec()),
        })
    }
}

fn no_tee(error: AttestError) -> EvidenceError {
    no_evidence(error, "a KBS", "an SEV-SNP report or a TDX quote")
}

fn no_evidence(error: AttestError, service: &'static str, needs: &'static str) -> EvidenceError {
    match error {
        AttestError::NotOffered => EvidenceError::NotOffered { service, needs },
        error => EvidenceError::Attester(error.to_string()),
    }
}
