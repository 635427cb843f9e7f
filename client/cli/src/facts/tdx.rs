//! Of a TDX quote.

use sealnote_verifier::tdx::{QuoteFields, VerifiedQuote, inspect};

use super::{Fact, MEASUREMENT, malformed};
use crate::exit::Failure;

pub(super) fn verified(quote: &VerifiedQuote) -> Vec<Fact> {
    let mut facts = vec![
        Fact::shown("tcb_status", quote.tcb_status().name()),
        Fact::shown("advisories", quote.advisory_ids()),
        Fact::shown("fmspc", hex::encode(quote.fmspc())),
        Fact::shown("ppid", hex::encode(quote.ppid())),
    ];
    facts.extend(fields(quote.fields()));
    facts
}

pub(super) fn unverified(quote: &[u8]) -> Result<Vec<Fact>, Failure> {
    match inspect(quote) {
        Ok(quote) => Ok(fields(quote.fields())),
        Err(error) => Err(malformed(error.check(), &error)),
    }
}

/// TD Quote Body of Intel's TDX DCAP quoting library API.
fn fields(fields: &QuoteFields) -> Vec<Fact> {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = fields.rtmrs.map(hex::encode);
    let mut facts = vec![
        Fact::shown("quote_version", fields.version),
        Fact::new(MEASUREMENT, hex::encode(fields.mrtd)),
        Fact::shown("mrtd", hex::encode(fields.mrtd)),
        Fact::shown("rtmr0", rtmr0),
        Fact::shown("rtmr1", rtmr1),
        Fact::shown("rtmr2", rtmr2),
        Fact::shown("rtmr3", rtmr3),
        Fact::shown("report_data", hex::encode(fields.report_data)),
        Fact::shown("mr_config_id", hex::encode(fields.mr_config_id)),
        Fact::shown("mr_owner", hex::encode(fields.mr_owner)),
        Fact::shown("mr_owner_config", hex::encode(fields.mr_owner_config)),
        Fact::shown("td_attributes", hex::encode(fields.td_attributes)),
        Fact::shown("xfam", hex::encode(fields.xfam)),
        Fact::shown("mr_seam", hex::encode(fields.mr_seam)),
        Fact::shown("mr_signer_seam", hex::encode(fields.mr_signer_seam)),
        Fact::shown("seam_attributes", hex::encode(fields.seam_attributes)),
        Fact::shown("tee_tcb_svn", hex::encode(fields.tee_tcb_svn)),
    ];
    if let Some(mr_service_td) = fields.mr_service_td {
        facts.push(Fact::shown("mr_service_td", hex::encode(mr_service_td)));
    }
    facts
}
