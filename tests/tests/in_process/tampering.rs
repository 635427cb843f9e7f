//! An adversary on the way who changes, drops, repeats, reorders, cuts or replaces single frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealnote_protocol::frame::{FrameType, HEADER_LEN};
use sealnote_tests::relay::{Act, Direction, Relay, Seen};
use sealnote_tests::rig::{PATIENCE, Rig, Setup, submit_all};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::common::{TOLERANCE, anywhere, short_notes, single};
use crate::load::assert_served;

/// What is done to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tampering {
    FlipType,
    FlipVersion,
    Shorten,
    Lengthen,
    FlipFirst,
    FlipLast,
    Drop,
    Repeat,
    Swap,
    CutBefore,
    CutWithin,
    Plaintext,
    Oversized,
    Refuse,
}

use Tampering::*;

const ALL: [Tampering; 14] = [
    FlipType,
    FlipVersion,
    Shorten,
    Lengthen,
    FlipFirst,
    FlipLast,
    Drop,
    Repeat,
    Swap,
    CutBefore,
    CutWithin,
    Plaintext,
    Oversized,
    Refuse,
];

/// Requests in the session: its frames are hello, key, requests, close; answer, ready, answers,
/// close.
const REQUESTS: usize = 2;
const LAST: usize = 2 + REQUESTS;

impl Tampering {
    fn act(self, frame: &Seen) -> Act {
        let mut bytes = frame.bytes.clone();
        let half = bytes.len() / 2;
        match self {
            FlipType => bytes[0] ^= 1,
            FlipVersion => bytes[1] ^= 2,
            // The header agrees with the new length.
            Shorten | Lengthen => {
                match self {
                    Shorten => drop(bytes.pop()),
                    _ => bytes.push(0),
                }
                let length = (bytes.len() - HEADER_LEN) as u32;
                bytes[4..HEADER_LEN].copy_from_slice(&length.to_be_bytes());
            }
            FlipFirst => bytes[HEADER_LEN] ^= 1,
            FlipLast => *bytes.last_mut().unwrap() ^= 0x80,
            Drop => bytes.clear(),
            Repeat => bytes.extend_from_within(..),
            Swap => return Act::Hold,
            CutBefore => return Act::Cut(Vec::new()),
            CutWithin => return Act::Cut(bytes[..half].to_vec()),
            Plaintext => bytes = b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec(),
            Oversized => bytes[4..HEADER_LEN].copy_from_slice(&u32::MAX.to_be_bytes()),
            Refuse => bytes = vec![5, 2, 0, 0, 0, 0, 0, 0],
        }
        Act::Replace(bytes)
    }

    /// Whether it leaves a session that ends well all the same: what comes after the end of one
    /// direction is never read.
    fn harmless(self, direction: Direction, index: usize) -> bool {
        match self {
            Repeat => index == LAST,
            // The enclave's close is passed on when the enclave ends the connection.
            Swap => index == LAST && direction == Direction::ToClient,
            _ => false,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_frame_the_client_says_so_and_the_enclave_goes_on() {
    let panics = count_panics();
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let notes = short_notes(REQUESTS * usize::from(single().enclave.limits().notes));
    let expected = single().engine.session().classify(notes.clone()).await;
    // Few at a time: a client is to run out of patience for want of a frame, not of a processor.
    let places = Arc::new(Semaphore::new(16));
    let mut cases = JoinSet::new();
    for direction in [Direction::ToEnclave, Direction::ToClient] {
        for index in 0..=LAST {
            for tampering in ALL {
                let listen = anywhere();
                let relay = Relay::start(&listen, rig.server.clone(), move |frame| {
                    match frame.direction == direction && frame.index == index {
                        true => tampering.act(frame),
                        false => Act::Pass,
                    }
                });
                let relay = relay.await.unwrap();
                let mut client = rig.client_at(&relay.endpoint).unwrap();
                if !tampering.harmless(direction, index) {
                    // A frame that never comes is waited for so long.
                    let soon = Duration::from_secs(3);
                    client = client.handshake_timeout(soon).timeout(soon);
                }
                let client = client.build();
                let (notes, expected) = (notes.clone(), expected.clone());
                let places = places.clone();
                cases.spawn(async move {
                    let _place = places.acquire_owned().await.unwrap();
                    let name = format!("{tampering:?} of frame {index} {direction:?}");
                    let submitted = submit_all(&client, &notes).await;
                    let frames = relay.from_client();
                    if index < 2 && !tampering.harmless(direction, index) {
                        let seals_nothing = direction == Direction::ToClient || index == 0;
                        let sent = frames.contains(&FrameType::Record);
                        // A key message that is repeated or followed by its successor does reach
                        // the enclave; all else ends before a note is sealed.
                        assert!(
                            !sent || !seals_nothing || tampering == Repeat,
                            "{name}: {frames:?}"
                        );
                    }
                    for (outcome, expected) in submitted.outcomes.iter().zip(&expected) {
                        let Some(outcome) = outcome else { continue };
                        let (Ok(outcome), Ok(expected)) = (outcome, expected) else {
                            panic!("{name}: {outcome:?}");
                        };
                        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE;
                        assert!(
                            outcome.scores.iter().zip(&expected.scores).all(near),
                            "{name}"
                        );
                    }
                    match submitted.end {
                        // Once every note is answered, all that can be missing is the close.
                        Ok(end) => {
                            let harmless = tampering.harmless(direction, index);
                            assert_eq!(end.is_none(), harmless, "{name}");
                            assert!(submitted.outcomes.iter().all(Option::is_some), "{name}");
                        }
                        Err(error) => {
                            let said = error.to_string();
                            assert!(!said.is_empty() && !said.contains('\n'), "{name}: {said}");
                            assert!(!tampering.harmless(direction, index), "{name}: {said}");
                            assert!(submitted.outcomes.contains(&None), "{name}: {said}");
                        }
                    }
                });
            }
        }
    }
    cases.join_all().await;
    assert_served(&rig).await;
    assert_eq!(panics.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_not_waited_for_for_ever() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    // A Unix socket, whose buffers do not hold one such request.
    let listen = format!("unix:{}", dir.path().join("relay").display());
    let listen = listen.parse().unwrap();
    let relay = Relay::start(&listen, rig.server.clone(), |frame| {
        match frame.direction == Direction::ToEnclave && frame.index == 2 {
            true => Act::Stall,
            false => Act::Pass,
        }
    });
    let relay = relay.await.unwrap();
    let client = rig.client_at(&relay.endpoint).unwrap();
    let client = client.timeout(Duration::from_secs(1)).build();
    let longest = single().enclave.limits().note_bytes as usize;
    let notes = vec![vec![b'a'; longest]; 12];
    let submitting = timeout(PATIENCE, submit_all(&client, &notes));
    let submitted = submitting.await.unwrap();
    assert_eq!(
        submitted.end.unwrap_err().to_string(),
        "no reply within 1 s"
    );
    assert_served(&rig).await;
}

/// Counts panics anywhere but in the tests themselves, of which one that fails, or one that makes
/// its stand-in panic, is another matter.
fn count_panics() -> &'static AtomicUsize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic
            .location()
            .is_some_and(|place| place.file().contains("tests/"))
        {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }
        before(panic);
    }));
    &PANICS
}
