//! Of a TPM quote from an Azure confidential VM: the registers, and what the hardware says of the paravisor.

use sealnote_verifier::azure_vtpm::{Hardware, Parts, Pcrs, Rejection, Tee, VerifiedVtpm, inspect};
use serde_json::Value;

use super::{Fact, malformed, sev_snp, tdx};
use crate::exit::Failure;

pub(super) fn verified(quote: &VerifiedVtpm) -> Vec<Fact> {
    let (tee, paravisor) = match quote.hardware() {
        Hardware::SevSnp(report) => (Tee::SevSnp, sev_snp::verified(report)),
        Hardware::Tdx(quote) => (Tee::Tdx, tdx::verified(quote)),
    };
    let mut facts = vec![
        Fact::shown("tee", tee.name()),
        Fact::shown("paravisor", quote.paravisor()),
        pcrs(quote.pcrs()),
    ];
    facts.extend(paravisor);
    facts
}

pub(super) fn unverified(evidence: &[u8]) -> Result<Vec<Fact>, Failure> {
    let refused = |rejection: Rejection| malformed(rejection.check(), &rejection);
    let parts = Parts::decode(evidence).map_err(Rejection::Evidence);
    let (parts, _) = parts.map_err(refused)?;
    let quote = inspect(&parts).map_err(refused)?;
    let mut facts = vec![
        Fact::shown("tee", quote.tee().name()),
        Fact::shown("qualifying_data", hex::encode(quote.qualifying_data())),
        pcrs(quote.pcrs()),
    ];
    facts.extend(match quote.tee() {
        Tee::SevSnp => sev_snp::unverified(quote.report())?,
        Tee::Tdx => tdx::unverified(quote.report())?,
    });
    Ok(facts)
}

fn pcrs(pcrs: &Pcrs) -> Fact {
    let values = pcrs.iter().map(|(index, value)| {
        let value = Value::String(hex::encode(value));
        (index.to_string(), value)
    });
    let lines = pcrs
        .iter()
        .map(|(index, value)| super::line(&format!("PCR{index}"), hex::encode(value)));
    Fact {
        lines: lines.collect(),
        ..Fact::new("pcrs", Value::Object(values.collect()))
    }
}
