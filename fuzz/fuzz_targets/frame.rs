//! A stream of frames: in whatever pieces it arrives, the same frames come out, and they are the stream.
//!
//! Input: the greatest payload (2 bytes), how the stream is cut (1), the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::within;
use sealnote_protocol::frame::{Frame, FrameBuffer, FrameError};

fuzz_target!(|bytes: &[u8]| {
    let Some((&[l1, l0, cut], stream)) = bytes.split_first_chunk() else {
        return;
    };
    let limit = usize::from(u16::from_be_bytes([l1, l0]));
    // A frame of 8 bytes is held in 40, and a list of them grows by doubling.
    let (frames, end) = within(4096 + 24 * bytes.len(), || drain([stream], limit));
    let again = within(4096 + 24 * bytes.len(), || {
        drain(pieces(stream, cut), limit)
    });
    assert_eq!((&frames, &end), (&again.0, &again.1));

    let mut rest = stream;
    for frame in frames {
        rest = rest.strip_prefix(frame.as_bytes()).expect("the stream");
        let payload = frame.payload();
        assert!(payload.len() <= limit);
        assert!(payload.is_empty() || !frame.kind().is_farewell());
        assert_eq!(Frame::new(frame.kind(), payload), frame);
        assert_eq!(Frame::from_bytes(frame.as_bytes().into(), limit), Ok(frame));
    }
    // What is left is a frame neither.
    assert!(Frame::from_bytes(rest.into(), limit).is_err());
});

/// The frames that come out, and the error that ended it.
fn drain<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> (Vec<Frame>, Option<FrameError>) {
    let mut buffer = FrameBuffer::default();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.push(piece);
        loop {
            let next = buffer.next_kind(limit);
            match buffer.pop(limit) {
                Ok(Some(frame)) => {
                    assert_eq!(next, Ok(Some(frame.kind())));
                    frames.push(frame);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(next.as_ref(), Err(&error));
                    assert_eq!(buffer.pop(limit).as_ref(), Err(&error));
                    return (frames, Some(error));
                }
            }
        }
    }
    (frames, None)
}

/// Pieces of 1 to 16 bytes, and now and then an empty one.
fn pieces(mut stream: &[u8], mut cut: u8) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if stream.is_empty() {
            return None;
        }
        cut = cut.wrapping_mul(77).wrapping_add(59);
        let (piece, rest) = stream.split_at(stream.len().min(usize::from(cut >> 3) % 17));
        stream = rest;
        Some(piece)
    })
}
