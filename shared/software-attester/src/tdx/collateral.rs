//! What the vendor says of machines: Intel's "TCB info" and "QE identity", before they are signed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DAY, FMSPC};

/// Two levels of the TCB: one that is up to date, one that is not.
pub(super) fn tcb_info(now: u64) -> Value {
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
            "tcbDate": date(now - 100 * DAY),
            "tcbStatus": status,
            "advisoryIDs": advisories,
        })
    };
    let (signer, none, all) = ("00".repeat(48), "00".repeat(8), "FF".repeat(8));
    json!({
        "id": "TDX",
        "version": 3,
        "issueDate": date(now - 10 * DAY),
        "nextUpdate": date(now + 20 * DAY),
        "fmspc": hex::encode_upper(FMSPC),
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": 18,
        "tdxModule": {"mrsigner": signer, "attributes": none, "attributesMask": all},
        "tdxModuleIdentities": [{
            "id": "TDX_01",
            "mrsigner": signer,
            "attributes": none,
            "attributesMask": all,
            "tcbLevels": [
                {"tcb": {"isvsvn": 5}, "tcbDate": date(now - 100 * DAY), "tcbStatus": "UpToDate"},
                {"tcb": {"isvsvn": 3}, "tcbDate": date(now - 500 * DAY), "tcbStatus": "OutOfDate"},
            ],
        }],
        "tcbLevels": [
            level(7, "UpToDate", &["INTEL-SA-00002"]),
            level(6, "OutOfDate", &["INTEL-SA-00001", "INTEL-SA-00002"]),
            level(5, "SWHardeningNeeded", &[]),
            level(4, "Revoked", &[]),
        ],
    })
}

/// Of the quoting enclave.
pub(super) fn qe_identity(now: u64) -> Value {
    json!({
        "id": "TD_QE",
        "version": 2,
        "issueDate": date(now - 10 * DAY),
        "nextUpdate": date(now + 20 * DAY),
        "tcbEvaluationDataNumber": 18,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000",
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": "DC".repeat(32),
        "isvprodid": 2,
        "tcbLevels": [
            {"tcb": {"isvsvn": 4}, "tcbDate": date(now - 100 * DAY), "tcbStatus": "UpToDate"},
            {"tcb": {"isvsvn": 3}, "tcbDate": date(now - 500 * DAY), "tcbStatus": "OutOfDate"},
        ],
    })
}

/// A time as Intel's documents have it.
///
/// # Panics
///
/// For a time that X.509 cannot express.
pub fn date(seconds: u64) -> String {
    let time = x509_cert::der::DateTime::from_unix_duration(Duration::from_secs(seconds));
    time.expect("a date").to_string()
}
