//! How long it takes to verify evidence of each kind: every check that a client makes before it seals anything, on one
//! thread, of evidence that software attesters made. Each round verifies one of each, so that what disturbs the machine
//! disturbs them all.

#[path = "../../figures.rs"]
#[allow(dead_code, reason = "the other benchmark prints tails, too")]
mod figures;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use figures::Figures;
use sealnote_client::{Appraisal, Kind, Policy, SavedEvidence, TrustRoots, UnixTime};
use sealnote_enclave::attester::software::{Software, SoftwareKind};
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::task::ModelClaims;
use sealnote_tests::rig::{Booted, Rig, Setup};

const ROUNDS: usize = 200;

const MODEL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../enclave/engine/tests/fixtures/tiny-bert-single"
);

/// What a client verified, and with what.
struct Taken {
    kind: Kind,
    challenge: [u8; 32],
    evidence: Vec<u8>,
    claims: Vec<u8>,
    endorsements: Option<Vec<u8>>,
    at: UnixTime,
    policy: Policy,
    roots: TrustRoots,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let booted = Booted::boot(Path::new(MODEL), SessionLimits::default())
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut taken = Vec::new();
    for kind in [
        SoftwareKind::Nitro,
        SoftwareKind::SevSnp,
        SoftwareKind::Tdx,
        SoftwareKind::AzureVtpm,
    ] {
        taken.push(take(&booted, kind).await?);
    }
    let mut times = vec![Vec::new(); taken.len()];
    for _ in 0..ROUNDS {
        for (taken, times) in taken.iter().zip(&mut times) {
            let start = Instant::now();
            taken.verify()?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    println!(
        "milliseconds to verify, of {ROUNDS} rounds: median (least to greatest); bytes of evidence and endorsements"
    );
    for (taken, times) in taken.iter().zip(times) {
        let endorsements = taken.endorsements.as_ref().map_or(0, Vec::len);
        let name = format!(
            "{} {} + {endorsements}",
            taken.kind.name(),
            taken.evidence.len()
        );
        Figures::of(times.into_iter()).print(&name);
    }
    Ok(())
}

/// One handshake with an enclave of this kind.
async fn take(booted: &Booted, kind: SoftwareKind) -> anyhow::Result<Taken> {
    let software = Software::start(kind, &booted.engine.info().digest)?;
    let setup = Setup {
        attester: Some(software),
        ..Setup::default()
    };
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| anyhow::anyhow!("{error}");
    let rig = Rig::start(booted, setup).await.map_err(failed)?;
    let policy = Policy::from_json(rig.policy().to_string())?;
    let mut roots = TrustRoots::vendors();
    roots.danger_add_development_root(rig.root_pem())?;
    let seen = Arc::new(Mutex::new(None));
    let log = seen.clone();
    let observer = move |appraisal: &Appraisal<'_>| {
        let saved = &appraisal.saved;
        let taken = (
            saved.kind,
            saved.challenge,
            saved.evidence.to_vec(),
            saved.claims.to_vec(),
            saved.endorsements.map(<[u8]>::to_vec),
            appraisal.at,
        );
        *log.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
        Ok(())
    };
    let client = rig.client_at(&rig.server).map_err(failed)?;
    client.observer(observer).build().verify().await?;
    let taken = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (kind, challenge, evidence, claims, endorsements, at) = taken.context("no evidence")?;
    Ok(Taken {
        kind,
        challenge,
        evidence,
        claims,
        endorsements,
        at,
        policy,
        roots,
    })
}

impl Taken {
    fn verify(&self) -> anyhow::Result<()> {
        let saved = SavedEvidence {
            kind: self.kind,
            challenge: self.challenge,
            evidence: &self.evidence,
            claims: &self.claims,
            endorsements: self.endorsements.as_deref(),
        };
        saved.appraise::<ModelClaims>(&self.policy, &self.roots, self.at)?;
        Ok(())
    }
}
