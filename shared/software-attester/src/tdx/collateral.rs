//! What the vendor says of machines: Intel's "TCB info" and "QE identity", before they are signed.

use std::time::Duration;

use serde_json::{Value, json};
use x509_cert::der::DateTime;

use super::{DAY, Platform};
use crate::error::AttesterError;

/// Four levels of the TCB, of which the first is up to date. From when and until when it holds is said by [`date_of`].
pub(super) fn tcb_info(platform: &Platform, now: u64) -> Result<Value, AttesterError> {
    let (of_current, of_old) = level_dates(now)?;
    let components = |svn: u8, of: usize| {
        let all = (0..16).map(|at| json!({"svn": if at < of { svn } else { 0 }}));
        all.collect::<Vec<_>>()
    };
    let level = |svn, status: &str, advisories: &[&str]| {
        json!({
            "tcb": {
                "sgxtcbcomponents": components(svn, 16),
                "pcesvn": 11,
                "tdxtcbcomponents": components(svn, 3),
            },
            "tcbDate": of_current,
            "tcbStatus": status,
            "advisoryIDs": advisories,
        })
    };
    let (signer, none, all) = ("00".repeat(48), "00".repeat(8), "FF".repeat(8));
    Ok(json!({
        "id": "TDX",
        "version": 3,
        "fmspc": hex::encode_upper(platform.fmspc),
        "pceId": hex::encode_upper(platform.pce_id),
        "tcbType": 0,
        "tcbEvaluationDataNumber": 18,
        "tdxModule": {"mrsigner": signer, "attributes": none, "attributesMask": all},
        "tdxModuleIdentities": [{
            "id": "TDX_01",
            "mrsigner": signer,
            "attributes": none,
            "attributesMask": all,
            "tcbLevels": [
                {"tcb": {"isvsvn": 5}, "tcbDate": of_current, "tcbStatus": "UpToDate"},
                {"tcb": {"isvsvn": 3}, "tcbDate": of_old, "tcbStatus": "OutOfDate"},
            ],
        }],
        "tcbLevels": [
            level(7, "UpToDate", &["INTEL-SA-00002"]),
            level(6, "OutOfDate", &["INTEL-SA-00001", "INTEL-SA-00002"]),
            level(5, "SWHardeningNeeded", &[]),
            level(4, "Revoked", &[]),
        ],
    }))
}

/// Of the quoting enclave.
pub(super) fn qe_identity(now: u64) -> Result<Value, AttesterError> {
    let (of_current, of_old) = level_dates(now)?;
    Ok(json!({
        "id": "TD_QE",
        "version": 2,
        "tcbEvaluationDataNumber": 18,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000",
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": "DC".repeat(32),
        "isvprodid": 2,
        "tcbLevels": [
            {"tcb": {"isvsvn": 4}, "tcbDate": of_current, "tcbStatus": "UpToDate"},
            {"tcb": {"isvsvn": 3}, "tcbDate": of_old, "tcbStatus": "OutOfDate"},
        ],
    }))
}

/// Says from when and until when a document holds.
pub(super) fn date_of(
    document: &mut Value,
    (issued, next_update): (u64, u64),
) -> Result<(), AttesterError> {
    document["issueDate"] = json!(date(issued)?);
    document["nextUpdate"] = json!(date(next_update)?);
    Ok(())
}

/// A time as Intel's documents have it.
///
/// # Errors
///
/// A time that X.509 cannot express.
pub fn date(seconds: u64) -> Result<String, AttesterError> {
    Ok(DateTime::from_unix_duration(Duration::from_secs(seconds))?.to_string())
}

/// Of the levels that are up to date, and of those that are not.
fn level_dates(now: u64) -> Result<(String, String), AttesterError> {
    let before = |days: u64| date(now.saturating_sub(days * DAY));
    Ok((before(100)?, before(500)?))
}
