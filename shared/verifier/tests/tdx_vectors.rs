//! Genuine quotes with genuine collateral, as public verifiers have them in their tests, under Intel's pinned root: accepted
//! under rules of their own, at their time; everything else refused by the check that is named.
//!
//! The files are beside the repository, in `../shared/vectors/tdx`, or in the folder `tdx` of the one that
//! `SEALNOTE_VECTORS` names. Where they are absent, each case says that it was skipped.

#[path = "tdx/own_policy.rs"]
mod own_policy;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sealnote_verifier::UnixTime;
use sealnote_verifier::tdx::{
    Rejection, RootKind, TcbStatus, TrustRoots, VerifiedQuote, checks, event_log, inspect,
};
use serde_json::{Value, json};

const DAY: u64 = 24 * 3600;

/// Between the start and the end of the genuine collateral.
const JUNE_2025: u64 = 1_751_000_000;
const FEBRUARY_2026: u64 = 1_772_000_000;
const MARCH_2026: u64 = 1_774_500_000;

/// A quote, its collateral, when it is checked, and what comes of it: a check's id.
const REFUSED: &[(&str, &str, u64, &str)] = &[
    // An SGX enclave's.
    (
        "phala-sgx_quote",
        "phala-sgx_quote_collateral.json",
        JUNE_2025,
        "T1",
    ),
    // Something is behind it.
    (
        "gotdx-v4-prod-SPR.dat",
        "gotdx-v4-prod-SPR_collateral.built.json",
        MARCH_2026,
        "T2",
    ),
    // May be debugged.
    (
        "coco-tdx_quote_4.dat",
        "coco-tdx_quote_4_collateral.built.json",
        MARCH_2026,
        "T16",
    ),
    // Older than every TCB that the collateral names.
    (
        "phala-tdx_quote_outdated",
        "phala-tdx_quote_outdated_collateral.json",
        FEBRUARY_2026,
        "T11",
    ),
    (
        "phala-tdx_quote_outdated",
        "phala-tdx_quote_outdated_collateral.built.json",
        MARCH_2026,
        "T11",
    ),
    // A service TD is bound to it.
    (
        "coco-tdx_quote_5.dat",
        "coco-tdx_quote_5_collateral.built.json",
        MARCH_2026,
        "T21",
    ),
    // With another's collateral: of an enclave, and of other kinds of platforms.
    (
        "phala-tdx_quote",
        "phala-sgx_quote_collateral.json",
        JUNE_2025,
        "T3",
    ),
    (
        "phala-tdx_quote",
        "coco-tdx_quote_5_collateral.built.json",
        MARCH_2026,
        "T10",
    ),
    (
        "coco-tdx_quote_5.dat",
        "coco-tdx_quote_4_collateral.built.json",
        MARCH_2026,
        "T10",
    ),
    // A padded one, whose platform has no collateral here.
    (
        "gotdx-ccel-cos-113-tdx-quote.dat",
        "coco-tdx_quote_5_collateral.built.json",
        MARCH_2026,
        "T10",
    ),
];

const ACCEPTED: (&str, &str) = ("phala-tdx_quote", "phala-tdx_quote_collateral.json");

/// Without collateral of their platforms.
const READ_ONLY: &[(&str, u16, &str)] = &[
    ("phala-tdx-quote.hex", 4, "7ba9e262ce697908"),
    ("lunal-tdx_quote_live.dat", 4, "eea8b6a814569a52"),
    ("gotdx-ccel-cos-113-tdx-quote.dat", 4, ""),
    ("coco-tdx_quote_5.dat", 5, "dfba221b48a22af8"),
    ("phala-tdx_quote", 4, "91eb2b44d141d4ec"),
];

fn main() {
    let arguments = Arguments::from_args();
    let is_there = folder().is_dir();
    let mut trials = vec![
        trial(is_there, "accepted", accepted),
        trial(
            is_there,
            "before and after its validity",
            outside_its_validity,
        ),
        trial(is_there, "another report_data", another_report_data),
        trial(is_there, "stricter rules", stricter_rules),
        trial(is_there, "flipped bits", flipped_bits),
        trial(
            is_there,
            "flipped bits of the collateral",
            flipped_collateral,
        ),
        trial(is_there, "truncated and padded", other_lengths),
        trial(
            is_there,
            "the SPR quote without what is behind it",
            without_trailing,
        ),
        trial(
            is_there,
            "the event log of COS 113 replays",
            event_log_replays,
        ),
        trial(is_there, "read without being believed", read_only),
    ];
    trials.extend(REFUSED.iter().map(|(quote, collateral, at, expected)| {
        let name = format!("{quote}, {collateral}: {expected}");
        trial(is_there, &name, move || {
            let (quote, collateral) = (read(quote)?, read(collateral)?);
            same(
                &outcome(&quote, &collateral, &rules(&quote), *at)?,
                expected,
            )
        })
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(
    is_there: bool,
    name: &str,
    case: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    match is_there {
        true => Trial::test(name, case),
        false => Trial::ignorable_test(name, || {
            let reason = format!("{} is absent", folder().display());
            Ok(Completion::ignored_with(reason))
        }),
    }
}

fn accepted() -> Result<(), Failed> {
    let (quote, collateral) = genuine()?;
    let rules = own_policy::load(&rules(&quote))?;
    let report_data = inspect(&quote)?.fields().report_data;
    let (roots, now) = (TrustRoots::intel(), UnixTime::from_seconds(JUNE_2025));
    let verified = rules.check_quote(&quote, &collateral, None, Some(&report_data), &roots, now)?;
    let expected = checks::ALL
        .into_iter()
        .filter(|check| *check != checks::T22);
    let facts = (
        verified.root(),
        verified.tcb_status(),
        hex::encode(verified.fmspc()),
    );
    match verified.passed().iter().copied().eq(expected)
        && facts
            == (
                RootKind::Intel,
                TcbStatus::UpToDate,
                String::from("b0c06f000000"),
            )
        && verified.advisory_ids().is_empty()
        && verified.measurement_set() == "fixture"
    {
        true => Ok(()),
        false => Err(format!("{facts:?}; {:?} have run", verified.passed()).into()),
    }
}

/// The collateral is of 2025-06-19T10:00:35Z to 10:32:27Z; its first part ends on 2025-07-19T10:00:35Z.
fn outside_its_validity() -> Result<(), Failed> {
    let (quote, collateral) = genuine()?;
    let mut rules = rules(&quote);
    rules["collateral_max_age_seconds"] = json!(365 * DAY);
    for (at, expected) in [
        (0, "T3"),
        (1_750_328_162, "T3"), // the TCB info is of the next second
        (1_750_328_163, "T4"),
        (1_750_329_146, "T4"), // the QE identity is of the next second
        (1_750_329_147, "accepted"),
        (1_752_919_234, "accepted"),
        (1_752_919_235, "T6"), // the PCK CA's revocation list has ended
        (1_752_920_163, "T6"),
        (1_752_920_164, "T3"), // the TCB info too
        (4_000_000_000, "T3"),
    ] {
        let found = outcome(&quote, &collateral, &rules, at)?;
        same(&found, expected).map_err(|error| format!("at {at}: {}", message(error)))?;
    }
    Ok(())
}

fn another_report_data() -> Result<(), Failed> {
    let (quote, collateral) = genuine()?;
    let rules = own_policy::load(&rules(&quote))?;
    for at in [0, 31, 32, 63] {
        let mut due = inspect(&quote)?.fields().report_data;
        due[at] ^= 1;
        let (roots, now) = (TrustRoots::intel(), UnixTime::from_seconds(JUNE_2025));
        let checked = rules.check_quote(&quote, &collateral, None, Some(&due), &roots, now);
        same(&id(&checked), "B1")?;
    }
    Ok(())
}

fn stricter_rules() -> Result<(), Failed> {
    let (quote, collateral) = genuine()?;
    let other = json!("11".repeat(48));
    let cases = [
        ("/measurements/0/mr_seam", json!(["11".repeat(48)]), "T12"),
        ("/accept_status", json!(["SWHardeningNeeded"]), "T11"),
        ("/least_tcb_evaluation_data_number", json!(18), "T13"),
        ("/collateral_max_age_seconds", json!(DAY), "T14"),
        ("/measurements/0/xfam", json!("1122334455667788"), "T17"),
        ("/measurements/0/mrtd", other.clone(), "T18"),
        ("/measurements/0/not_after", json!(JUNE_2025 - 1), "T18"),
        ("/measurements/0/rtmr0", other.clone(), "T19"),
        ("/measurements/0/rtmr3", other.clone(), "T19"),
        ("/measurements/0/mr_config_id", other.clone(), "T20"),
        ("/measurements/0/mr_owner", other.clone(), "T20"),
        ("/measurements/0/mr_owner_config", other, "T20"),
        ("/fmspcs", json!(["50806f000000"]), "T23"),
        ("/fmspcs", json!(["B0C06F000000"]), "accepted"),
        ("/ppids", json!(["11".repeat(16)]), "T23"),
    ];
    for (path, value, expected) in cases {
        let mut rules = rules(&quote);
        let (parent, field) = path.rsplit_once('/').ok_or("no path")?;
        rules.pointer_mut(parent).ok_or("no parent")?[field] = value;
        let found = outcome(&quote, &collateral, &rules, JUNE_2025)?;
        same(&found, expected).map_err(|error| format!("{path}: {}", message(error)))?;
    }
    Ok(())
}

/// One bit of every third byte, of header, body and signature data.
fn flipped_bits() -> Result<(), Failed> {
    let (quote, collateral) = genuine()?;
    let rules = rules(&quote);
    let signed = 48 + 584;
    for (at, bit) in (0..1258).step_by(3).zip((0..8).cycle()) {
        let mut flipped = quote.clone();
        flipped[at] ^= 1 << bit;
        let found = outcome(&flipped, &collateral, &rules, JUNE_2025)?;
        let expected: &[&str] = match at {
            at if at < signed => &["T1", "T9"],
            _ => &["T1", "T7", "T9"],
        };
        if !expected.contains(&found.as_str()) {
            return Err(format!("bit {bit} of byte {at}: {found}").into());
        }
    }
    Ok(())
}

/// One bit of every character of TCB info, QE identity, their signatures and the lists; the chains are in PEM.
fn flipped_collateral() -> Result<(), Failed> {
    let (quote, collateral) = genuine()?;
    let rules = rules(&quote);
    let whole: Value = serde_json::from_slice(&collateral)?;
    for (field, step, expected) in [
        ("tcb_info", 97, "T3"),
        ("tcb_info_signature", 7, "T3"),
        ("qe_identity", 31, "T4"),
        ("qe_identity_signature", 7, "T4"),
        ("root_ca_crl", 37, "T6"),
        ("pck_crl", 301, "T6"),
    ] {
        let text = whole[field].as_str().ok_or("no text")?;
        for at in (0..text.len()).step_by(step) {
            let mut bytes = text.as_bytes().to_vec();
            // Another digit, or another character.
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let mut edited = whole.clone();
            edited[field] = json!(String::from_utf8(bytes)?);
            let found = outcome(&quote, &serde_json::to_vec(&edited)?, &rules, JUNE_2025)?;
            same(&found, expected).map_err(|error| format!("{field}, {at}: {}", message(error)))?;
        }
    }
    Ok(())
}

fn other_lengths() -> Result<(), Failed> {
    let (quote, collateral) = genuine()?;
    let end = quote
        .iter()
        .rposition(|byte| *byte != 0)
        .ok_or("all zero")?;
    let outcome = |quote: &[u8]| outcome(quote, &collateral, &rules(quote), JUNE_2025);
    let mut padded = quote.clone();
    padded.resize(8000, 0);
    same(&outcome(&padded)?, "accepted")?;
    padded[7999] = 1;
    same(&outcome(&padded)?, "T2")?;
    padded.resize(16 * 1024 + 1, 0);
    same(&outcome(&padded)?, "T1")?;
    for len in (0..=end).step_by(41) {
        same(&outcome(&quote[..len])?, "T1").map_err(|_| format!("{len} bytes"))?;
    }
    Ok(())
}

/// It runs without SEPT_VE_DISABLE.
fn without_trailing() -> Result<(), Failed> {
    let quote = read("gotdx-v4-prod-SPR.dat")?;
    let collateral = read("gotdx-v4-prod-SPR_collateral.built.json")?;
    let trimmed = &quote[..quote.len() - 39];
    same(
        &outcome(trimmed, &collateral, &rules(trimmed), MARCH_2026)?,
        "T16",
    )
}

fn event_log_replays() -> Result<(), Failed> {
    let log = read("gotdx-ccel-ccel_data.dat")?;
    let quote = read("gotdx-ccel-cos-113-tdx-quote.dat")?;
    let nonce = read("gotdx-ccel-nonce.dat")?;
    let inspected = inspect(&quote)?;
    let rtmrs = inspected.fields().rtmrs;
    if event_log::replay(&log)? != rtmrs || inspected.fields().report_data[..] != nonce[..] {
        return Err("it does not replay".into());
    }
    let end = log.iter().rposition(|byte| *byte != 0xff).ok_or("empty")? + 1;
    let events = &log[..end];
    if event_log::replay(events)? != rtmrs {
        return Err("without the filler it does not replay".into());
    }
    // No prefix of it replays, and none is taken for a log but where an event ends.
    let mut prefixes = 0;
    for len in 0..end {
        if let Ok(replayed) = event_log::replay(&events[..len]) {
            prefixes += 1;
            if replayed == rtmrs {
                return Err(format!("{len} of {end} bytes replay").into());
            }
        }
    }
    match prefixes > 10 {
        true => Ok(()),
        false => Err(format!("{prefixes} prefixes are logs").into()),
    }
}

fn read_only() -> Result<(), Failed> {
    for (name, version, mrtd) in READ_ONLY {
        let quote = read(name)?;
        let inspected = inspect(&quote).map_err(|error| format!("{name}: {error}"))?;
        let fields = inspected.fields();
        if fields.version != *version || !hex::encode(fields.mrtd).starts_with(mrtd) {
            return Err(format!("{name} is read otherwise").into());
        }
    }
    Ok(())
}

fn genuine() -> Result<(Vec<u8>, Vec<u8>), Failed> {
    Ok((read(ACCEPTED.0)?, read(ACCEPTED.1)?))
}

/// Rules of the quote's own; of any other's where it cannot be read.
fn rules(quote: &[u8]) -> Value {
    let fallback = || read(ACCEPTED.0).ok().and_then(|quote| inspect(&quote).ok());
    let mut rules = match inspect(quote).ok().or_else(fallback) {
        Some(inspected) => own_policy::rules(inspected.fields()),
        None => Value::Null,
    };
    rules["accept_status"] = json!(["UpToDate"]);
    rules
}

fn outcome(quote: &[u8], collateral: &[u8], rules: &Value, at: u64) -> Result<String, Failed> {
    let rules = own_policy::load(rules)?;
    let (roots, now) = (TrustRoots::intel(), UnixTime::from_seconds(at));
    let checked = rules.check_quote(quote, collateral, None, None, &roots, now);
    Ok(id(&checked))
}

fn id(checked: &Result<VerifiedQuote, Rejection>) -> String {
    match checked {
        Ok(_) => String::from("accepted"),
        Err(rejection) => rejection.check().id().to_owned(),
    }
}

fn same(found: &str, expected: &str) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("expected {expected}, found {found}").into()),
    }
}

fn message(failed: Failed) -> String {
    failed.message().unwrap_or_default().to_owned()
}

fn folder() -> PathBuf {
    let root = match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    };
    root.join("tdx")
}

/// A file as raw bytes.
fn read(name: &str) -> Result<Vec<u8>, Failed> {
    let bytes = std::fs::read(folder().join(name))?;
    match name.rsplit('.').next() {
        Some("hex") => {
            let text = bytes.trim_ascii();
            Ok(hex::decode(text.strip_prefix(b"0x").unwrap_or(text))?)
        }
        _ => Ok(bytes),
    }
}
