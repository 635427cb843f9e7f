//! Claims: what is accepted is in the ranges that PROTOCOL.md gives, and encodes to the same bytes. A key in them is
//! taken or refused by its length and value alone.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::{layout, within};
use sealnote_protocol::claims::{Claims, MAX_CLAIMS};
use sealnote_protocol::suite::Suite;
use sealnote_protocol::suite::xwing::{ENCAPSULATION_KEY_LEN, EncapsulationKey, KeyError};

fuzz_target!(|bytes: &[u8]| {
    // A label of one character is held in 32 bytes or more.
    let decoded = within(16 * 1024 + 64 * bytes.len(), || <Claims>::decode(bytes));
    let Ok(claims) = decoded else {
        return;
    };
    assert_eq!(claims.encode(), bytes);
    assert!(bytes.len() <= MAX_CLAIMS);

    let (model, limits) = (claims.model(), claims.limits());
    assert!((1..=512).contains(&model.labels.len()));
    assert!(
        model
            .labels
            .iter()
            .all(|label| (1..=200).contains(&label.len()))
    );
    assert_eq!(
        model.labels.iter().collect::<BTreeSet<_>>().len(),
        model.labels.len()
    );
    assert!(model.overlap < model.window && model.window <= 1 << 20);
    assert!((1..=1024).contains(&limits.notes) && limits.in_flight >= 1);
    assert!(limits.request_bytes.is_power_of_two());
    assert!((4096..=1 << 24).contains(&limits.request_bytes));
    assert!((1..=limits.request_bytes - 15).contains(&limits.note_bytes));
    let answer_len = layout::answer_len(limits.notes, model.labels.len());
    assert_eq!(limits.answer_bytes(), answer_len);

    if let Some(key) = claims.suites().of(Suite::XWing) {
        match EncapsulationKey::from_bytes(key) {
            Err(KeyError::Length(len)) => assert_ne!(len, ENCAPSULATION_KEY_LEN),
            Ok(_) | Err(_) => assert_eq!(key.len(), ENCAPSULATION_KEY_LEN),
        }
    }
});
