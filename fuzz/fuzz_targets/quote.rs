//! A TDX quote, the collateral for one, and an event log. A quote that is refused for its signature alone is signed and
//! checked again; what is accepted says what the policy asks for, under what the machine's vendor signed; a log extends
//! as registers do.
//!
//! Input: a quote, collateral (a JSON object), or a log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::tdx::{FIXTURES, Fixture};
use sealnote_fuzz::within;
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
