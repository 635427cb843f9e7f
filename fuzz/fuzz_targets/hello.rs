//! A hello's payload: what is accepted is in range, and encodes to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::within;
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::Hello;

fuzz_target!(|bytes: &[u8]| {
    let frame = Frame::new(FrameType::Hello, bytes);
    // A decoder that skips what it does not know holds 16 for each level that it is in, in a list that doubles.
    let Ok(hello) = within(4096 + 64 * bytes.len(), || Hello::from_frame(&frame)) else {
        return;
    };
    assert_eq!(hello.to_frame(), frame);
    assert!((1..=16).contains(&hello.suites.len()) && hello.suites[0] > 0);
    assert!(hello.suites.is_sorted_by(|one, next| one < next));
    assert!(Hello::from_frame(&Frame::new(FrameType::Key, bytes)).is_err());
});
