//! X5, X6, X7 and X9, and which of several faults is reported.

use sealnote_verifier::UnixTime;

use crate::Case;
use crate::common::{NONCE, NOW_SECONDS, pcr, pcr_hex, policy_json};

const ZERO: [u8; 48] = [0; 48];

pub const CASES: &[Case] = &[
    ("another PCR0", "X5", |f| {
        f.document(|d| drop(d.pcrs.insert(0, pcr(9))))
    }),
    ("another PCR1", "X5", |f| {
        f.document(|d| drop(d.pcrs.insert(1, pcr(9))))
    }),
    ("another PCR2", "X5", |f| {
        f.document(|d| drop(d.pcrs.insert(2, pcr(9))))
    }),
    ("no PCR0", "X5", |f| f.document(|d| drop(d.pcrs.remove(&0)))),
    ("no PCR2", "X5", |f| f.document(|d| drop(d.pcrs.remove(&2)))),
    ("PCR0 and PCR1 in each other's place", "X5", |f| {
        f.document(|d| {
            d.pcrs.insert(0, pcr(1));
            d.pcrs.insert(1, pcr(0));
        })
    }),
    ("another PCR3, not pinned", "accepted", |f| {
        f.document(|d| drop(d.pcrs.insert(3, pcr(9))))
    }),
    ("PCR8 of the set", "accepted", |f| {
        f.attempt()
            .policy(policy_json(&format!(r#""pcr8": "{}","#, pcr_hex(8)), ""))
    }),
    ("another PCR8 than the set's", "X5", |f| {
        f.attempt()
            .policy(policy_json(&format!(r#""pcr8": "{}","#, pcr_hex(9)), ""))
    }),
    ("the set's PCR8 missing", "X5", |f| {
        f.document(|d| drop(d.pcrs.remove(&8)))
            .policy(policy_json(&format!(r#""pcr8": "{}","#, pcr_hex(8)), ""))
    }),
    ("PCR0 all zero", "X6", |f| {
        f.document(|d| drop(d.pcrs.insert(0, ZERO.to_vec())))
    }),
    ("PCR1 all zero", "X6", |f| {
        f.document(|d| drop(d.pcrs.insert(1, ZERO.to_vec())))
    }),
    ("PCR2 all zero", "X6", |f| {
        f.document(|d| drop(d.pcrs.insert(2, ZERO.to_vec())))
    }),
    ("a debug enclave with the right PCR3 and 4", "X6", |f| {
        f.document(|d| {
            for register in [0, 1, 2, 8] {
                d.pcrs.insert(register, ZERO.to_vec());
            }
        })
    }),
    ("a debug enclave with the right PCR16", "X6", |f| {
        f.document(|d| {
            for register in [0, 1, 2] {
                d.pcrs.insert(register, ZERO.to_vec());
            }
            d.pcrs.insert(16, pcr(16));
        })
        .policy(pinning_pcr16())
    }),
    ("the same, measured", "accepted", |f| {
        f.document(|d| drop(d.pcrs.insert(16, pcr(16))))
            .policy(pinning_pcr16())
    }),
    ("another PCR16 than the pinned one", "X5", |f| {
        f.document(|d| drop(d.pcrs.insert(16, pcr(17))))
            .policy(pinning_pcr16())
    }),
    ("no PCR16, and one is pinned", "X5", |f| {
        f.attempt().policy(pinning_pcr16())
    }),
    ("no nonce wanted", "accepted", |f| f.attempt().nonce(None)),
    ("another nonce", "X7", |f| f.attempt().nonce(Some(&[0; 32]))),
    ("half a nonce", "X7", |f| {
        f.attempt().nonce(Some(&NONCE[..16]))
    }),
    ("an empty nonce wanted", "X7", |f| {
        f.attempt().nonce(Some(&[]))
    }),
    ("no nonce in the document", "X7", |f| {
        f.document(|d| d.nonce = None)
    }),
    ("300 s old", "accepted", |f| {
        f.attempt().at(UnixTime::from_seconds(NOW_SECONDS + 300))
    }),
    ("300.001 s old", "X9", |f| {
        f.attempt()
            .at(UnixTime::from_millis((NOW_SECONDS + 300) * 1000 + 1))
    }),
    ("20 s old under a policy of 10 s", "X9", |f| {
        f.attempt()
            .policy(policy_json("", r#""max_age_seconds": 10,"#))
            .at(UnixTime::from_seconds(NOW_SECONDS + 20))
    }),
    ("an hour old under a policy of two", "accepted", |f| {
        f.attempt()
            .policy(policy_json("", r#""max_age_seconds": 7200,"#))
            .at(UnixTime::from_seconds(NOW_SECONDS + 3600))
    }),
    ("60 s ahead", "accepted", |f| {
        f.document(|d| d.timestamp_ms += 60_000)
    }),
    ("60.001 s ahead", "X9", |f| {
        f.document(|d| d.timestamp_ms += 60_001)
    }),
    ("a time beyond all reckoning", "X9", |f| {
        f.document(|d| d.timestamp_ms = u64::MAX)
    }),
    ("expired four hours later, not only stale", "A16", |f| {
        f.attempt()
            .at(UnixTime::from_seconds(NOW_SECONDS + 4 * 3600))
    }),
    ("debug and stale", "X6", |f| {
        f.document(|d| drop(d.pcrs.insert(0, ZERO.to_vec())))
            .at(UnixTime::from_seconds(NOW_SECONDS + 1000))
    }),
    ("stale and of another nonce", "X9", |f| {
        f.attempt()
            .at(UnixTime::from_seconds(NOW_SECONDS + 1000))
            .nonce(Some(&[0; 32]))
    }),
    ("of another nonce and image", "X7", |f| {
        f.document(|d| drop(d.pcrs.insert(0, pcr(9))))
            .nonce(Some(&[0; 32]))
    }),
];

fn pinning_pcr16() -> String {
    policy_json("", &format!(r#""pins": {{"pcr16": ["{}"]}},"#, pcr_hex(16)))
}
