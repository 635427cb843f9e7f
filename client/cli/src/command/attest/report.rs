//! The shape of `sealnote attest --json`, of an enclave whose evidence passed and whose key is confirmed.

use sealnote_client::{Endpoint, Verified};
use sealnote_model::Problem;
use serde::Serialize;

use crate::facts::Facts;

#[derive(Serialize)]
pub(super) struct Report {
    ok: bool,
    server: String,
    evidence_sha256: String,
    kind: &'static str,
    /// Signed under a root for development: it protects nothing.
    development: bool,
    measured_as: String,
    facts: Facts,
    claims: Claims,
    suite: Suite,
    checks: Vec<Check>,
    /// The report is printed only then.
    key_confirmed: bool,
}

#[derive(Serialize)]
struct Claims {
    model: String,
    precision: String,
    problem: &'static str,
    labels: Vec<String>,
    window: u32,
    overlap: u32,
    limits: Limits,
    clients_sign: bool,
}

#[derive(Serialize)]
struct Limits {
    notes: u16,
    note_bytes: u32,
    request_bytes: u32,
    in_flight: u16,
}

#[derive(Serialize)]
struct Suite {
    id: u16,
    name: &'static str,
}

#[derive(Serialize)]
struct Check {
    id: &'static str,
    title: &'static str,
}

impl Report {
    pub(super) fn of(verified: &Verified, server: &Endpoint) -> Self {
        let evidence = verified.evidence();
        let (model, limits) = (evidence.claims().model(), evidence.claims().limits());
        Self {
            ok: true,
            server: server.to_string(),
            evidence_sha256: verified.digest().to_string(),
            kind: evidence.facts().kind().name(),
            development: evidence.facts().is_development(),
            measured_as: evidence.facts().measurement_set().to_owned(),
            facts: Facts::verified(evidence.facts()),
            claims: Claims {
                model: model.digest().to_string(),
                precision: model.precision.to_string(),
                problem: match model.problem() {
                    Problem::SingleLabel => "single_label",
                    Problem::MultiLabel => "multi_label",
                },
                labels: model.labels.clone(),
                window: model.window,
                overlap: model.overlap,
                limits: Limits {
                    notes: limits.notes,
                    note_bytes: limits.note_bytes,
                    request_bytes: limits.request_bytes,
                    in_flight: limits.in_flight,
                },
                clients_sign: evidence.claims().clients_sign(),
            },
            suite: Suite {
                id: evidence.suite().id(),
                name: evidence.suite().name(),
            },
            checks: evidence
                .passed()
                .iter()
                .map(|check| Check {
                    id: check.id(),
                    title: check.title(),
                })
                .collect(),
            key_confirmed: true,
        }
    }
}
