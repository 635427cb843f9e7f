//! An answer's payload: what is accepted is in range, and encodes to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::within;
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::{Answer, MAX_ANSWER, MAX_EVIDENCE};

fuzz_target!(|bytes: &[u8]| {
    let frame = Frame::new(FrameType::Answer, bytes);
    // A decoder that skips what it does not know holds 16 for each level that it is in, in a list that doubles.
    let Ok(answer) = within(4096 + 64 * bytes.len(), || Answer::from_frame(&frame)) else {
        return;
    };
    assert_eq!(answer.to_frame(), frame);
    assert!(answer.kind().0 > 0 && bytes.len() <= MAX_ANSWER);
    for part in [
        Some(&answer.evidence),
        Some(&answer.claims),
        answer.endorsements.as_ref(),
    ] {
        assert!(part.is_none_or(|part| (1..=MAX_EVIDENCE).contains(&part.len())));
    }
    assert!(Answer::from_frame(&Frame::new(FrameType::Hello, bytes)).is_err());
});
