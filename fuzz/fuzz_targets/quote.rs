//! A TDX quote, the collateral for one, and an event log. A quote that is refused for its signature alone is signed and
//! checked again; what is accepted says what the policy asks for, under what the machine's vendor signed; TCB info and QE
//! identity are signed, whatever they say, and what is accepted under them is of this platform, in date and not out of
//! date; a log extends as registers do.
//!
//! Input: a quote, collateral (a JSON object), `t` and TCB info, `q` and QE identity, or a log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::tdx::{FIXTURES, Fixture, NOW_SECONDS};
use sealnote_fuzz::within;
use sealnote_software_attester::tdx::{DAY, Platform};
use sealnote_verifier::UnixTime;
use sealnote_verifier::tdx::event_log::{MAX_EVENT_LOG, replay};
use sealnote_verifier::tdx::{VerifiedQuote, checks, inspect};
use serde_json::Value;
use sha2::{Digest, Sha384};

fuzz_target!(
    init: check_fixtures(),
    |bytes: &[u8]| {
        check_log(bytes);
        match bytes.first() {
            Some(b'{') => check_collateral(bytes),
            Some(b't') => check_signed(&bytes[1..], Fixture::with_tcb_info, check_tcb_info),
            Some(b'q') => check_signed(&bytes[1..], Fixture::with_qe_identity, check_qe_identity),
            _ => check_quote(bytes),
        }
    }
);

/// The least that a check may hold, whatever came: certificates, and what the vendor says, in several forms.
const OF_CHECK: usize = 1024 * 1024;

/// What nobody changed is accepted, or no change of it would be told from another.
fn check_fixtures() {
    for fixture in &*FIXTURES {
        let collateral = fixture.collateral.to_string();
        let checked = fixture.check(&fixture.quote, collateral.as_bytes());
        check_accepted(&checked.expect("a machine that is accepted"), fixture);
        for (name, signed) in [
            (
                "tcb_info",
                Fixture::with_tcb_info as fn(&Fixture, &str) -> Value,
            ),
            ("qe_identity", Fixture::with_qe_identity),
        ] {
            let text = fixture.collateral[name].as_str().expect("a text");
            assert_eq!(signed(fixture, text), fixture.collateral);
        }
        let signed = fixture.signed(&fixture.quote);
        assert_eq!(signed, fixture.quote);
        assert!(replay(&fixture.event_log) == Ok(fixture.fields.rtmrs));
    }
}

fn check_quote(quote: &[u8]) {
    let Ok(inspected) = within(16 * 1024 + 64 * quote.len(), || inspect(quote)) else {
        // No reader takes what another refuses.
        assert!(FIXTURES[0].check(quote, b"{}").is_err());
        return;
    };
    let fixture = Fixture::like(inspected.fields());
    let collateral = fixture.collateral.to_string();
    let check = |quote: &[u8]| {
        let limit = OF_CHECK + 64 * quote.len();
        within(limit, || fixture.check(quote, collateral.as_bytes()))
    };
    let checked = match check(quote) {
        Err(refused) if refused.check() == checks::T9 => check(&fixture.signed(quote)),
        checked => checked,
    };
    match checked {
        Ok(verified) => check_accepted(&verified, fixture),
        // Facts are told, in one line.
        Err(refused) => assert!(!refused.to_string().contains('\n')),
    }
}

fn check_accepted(verified: &VerifiedQuote, fixture: &Fixture) {
    let (found, due) = (verified.fields(), &fixture.fields);
    assert_eq!(found.report_data, due.report_data);
    assert_eq!((found.mrtd, found.rtmrs), (due.mrtd, due.rtmrs));
    assert_eq!((found.mr_seam, found.xfam), (due.mr_seam, due.xfam));
    assert_eq!(found.mr_config_id, due.mr_config_id);
    assert_eq!(found.mr_owner, due.mr_owner);
    assert_eq!(found.mr_owner_config, due.mr_owner_config);
    assert_eq!(found.td_attributes[0] & 1, 0, "a guest under debugging");
}

/// Of the collateral, the vendor signed these, of which none can be another's.
fn check_collateral(json: &[u8]) {
    let fixture = &FIXTURES[2];
    let limit = OF_CHECK + 64 * json.len();
    if let Ok(verified) = within(limit, || fixture.check(&fixture.quote, json)) {
        check_accepted(&verified, fixture);
        let read: Value = serde_json::from_slice(json).expect("what was read as JSON");
        for text in ["tcb_info", "qe_identity"] {
            assert_eq!(read[text], fixture.collateral[text], "{text}");
        }
    }
}

/// What the vendor never said, signed by it.
fn check_signed(
    text: &[u8],
    signed: fn(&Fixture, &str) -> Value,
    check: fn(&Value, &VerifiedQuote),
) {
    let (fixture, Ok(text)) = (&FIXTURES[2], str::from_utf8(text)) else {
        return;
    };
    let collateral = signed(fixture, text).to_string();
    let limit = OF_CHECK + 64 * text.len();
    let checked = within(limit, || {
        fixture.check(&fixture.quote, collateral.as_bytes())
    });
    match checked {
        Ok(verified) => {
            check_accepted(&verified, fixture);
            let read: Value = serde_json::from_str(text).expect("what was read as JSON");
            check_dates(&read);
            let number = read["tcbEvaluationDataNumber"].as_u64();
            assert!(number.is_some_and(|number| number >= 17));
            check(&read, &verified);
        }
        // Facts are told, in one line.
        Err(refused) => assert!(!refused.to_string().contains('\n')),
    }
}

/// In date, and of the last thirty days.
fn check_dates(document: &Value) {
    let time = |name: &str| {
        let text = document[name].as_str().expect("a date");
        let time: UnixTime = text.parse().expect("a date");
        time.as_seconds()
    };
    let (issued, until) = (time("issueDate"), time("nextUpdate"));
    assert!((issued..=until).contains(&NOW_SECONDS));
    assert!(NOW_SECONDS - issued <= 30 * DAY);
}

fn check_tcb_info(info: &Value, verified: &VerifiedQuote) {
    assert_eq!((&info["id"], &info["version"]), (&"TDX".into(), &3.into()));
    let fmspc = info["fmspc"].as_str().unwrap_or_default();
    assert_eq!(fmspc.to_lowercase(), hex::encode(verified.fmspc()));
    // The platform reaches a level that is up to date.
    let platform = Platform::default();
    let levels = info["tcbLevels"].as_array().expect("levels");
    let reached = levels.iter().any(|level| {
        let svn = |at: usize| level["tcb"]["sgxtcbcomponents"][at]["svn"].as_u64();
        let cpu = platform.cpu_svn.iter().enumerate();
        level["tcbStatus"] == "UpToDate"
            && level["tcb"]["pcesvn"].as_u64() <= Some(platform.pce_svn.into())
            && cpu
                .into_iter()
                .all(|(at, found)| svn(at).unwrap_or(0) <= u64::from(*found))
    });
    assert!(reached, "accepted, and not up to date");
}

fn check_qe_identity(identity: &Value, _: &VerifiedQuote) {
    assert_eq!(
        (&identity["id"], &identity["version"]),
        (&"TD_QE".into(), &2.into())
    );
    let signer = identity["mrsigner"].as_str().unwrap_or_default();
    assert_eq!(signer.to_lowercase(), "dc".repeat(32));
    assert_eq!(identity["isvprodid"], 2);
    let levels = identity["tcbLevels"].as_array().expect("levels");
    assert!(levels.iter().any(|level| level["tcbStatus"] == "UpToDate"));
}

fn check_log(log: &[u8]) {
    let Ok(registers) = within(4 * 1024, || replay(log)) else {
        return;
    };
    let filled = [log, &[0xff; 5]].concat();
    if filled.len() <= MAX_EVENT_LOG {
        assert_eq!(replay(&filled), Ok(registers));
    }
    // Another event, if no filler is before it: of index 2, which is RTMR1's.
    let mut longer = log.to_vec();
    for number in [2, 0x8000_0001, 1_u32] {
        longer.extend(number.to_le_bytes());
    }
    longer.extend(0x000c_u16.to_le_bytes());
    longer.extend([0x77; 48]);
    longer.extend([0; 4]);
    if log.last() != Some(&0xff) && longer.len() <= MAX_EVENT_LOG {
        let mut due = registers;
        let extended = Sha384::new().chain_update(due[1]).chain_update([0x77; 48]);
        due[1] = extended.finalize().into();
        assert_eq!(replay(&longer), Ok(due));
    }
}
