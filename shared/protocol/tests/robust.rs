//! Bytes from anybody: no parser panics, and what one accepts it would write just so.

use sealnote_model::{ModelDigest, NoteOutcome, Precision, Problem};
use sealnote_protocol::claims::Claims;
use sealnote_protocol::frame::{Frame, FrameBuffer, FrameType, HEADER_LEN};
use sealnote_protocol::handshake::{Answer, EvidenceKind, Hello, Key};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::record::{Malformed, Record};
use sealnote_protocol::suite::{KeyMaterial, Suite, rsa_oaep, xwing};

use sealnote_protocol::task::sequence_classification::{Layout, ModelClaims, Notes};

const CASES: usize = 4000;

/// SplitMix64: the same cases in every run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Random bytes, a prefix of `valid`, or `valid` with a few bytes changed, put in or left out.
    fn case(&mut self, valid: &[u8]) -> Vec<u8> {
        match self.below(4) {
            0 => {
                let len = self.below(200);
                self.bytes(len)
            }
            1 => valid[..self.below(valid.len() + 1)].to_vec(),
            _ => {
                let mut bytes = valid.to_vec();
                for _ in 0..=self.below(3) {
                    let at = self.below(bytes.len());
                    match self.below(4) {
                        0 => drop(bytes.remove(at)),
                        1 => bytes.insert(at, self.next() as u8),
                        2 => bytes[at] ^= 1 << self.below(8),
                        _ => bytes[at] = self.next() as u8,
                    }
                }
                bytes
            }
        }
    }
}

fn model() -> ModelClaims {
    let labels = vec!["Circulatory".to_owned(), "Nervous".to_owned()];
    ModelClaims::new(
        ModelDigest([9; 48]),
        labels,
        Problem::MultiLabel,
        256,
        64,
        Precision::Int8,
    )
}

fn layout() -> Layout {
    model().layout(Limits::of_classification(3, 1000, 8192, 2, 2))
}

/// A plaintext, and of its body what the task reads.
fn parse(plaintext: &[u8]) -> Result<Parsed, Malformed> {
    let layout = layout();
    Ok(match Record::parse(plaintext, &layout.limits)? {
        Record::Ready => Parsed::Ready,
        Record::Request(_, body) => Parsed::Request(layout.read_request(body)?),
        Record::Answer(_, body) => Parsed::Answer(layout.read_answer(body)?),
        Record::Close(_) => Parsed::Close,
        Record::Signature(..) => Parsed::Signature,
        Record::Denial(_) => Parsed::Denial,
    })
}

enum Parsed {
    Ready,
    Request(Notes),
    Answer(Vec<NoteOutcome>),
    Close,
    Signature,
    Denial,
}

fn claims() -> Claims {
    let keys = KeyMaterial::new([
        (Suite::RsaOaep, &rsa_oaep::material(b"a key")[..]),
        (Suite::XWing, &[5; xwing::ENCAPSULATION_KEY_LEN]),
    ]);
    let task = model();
    Claims::new(keys, [3; 32], task, layout().limits).unwrap()
}

/// Runs `accepts` on many cases; it gives whether the parser took them. Both must occur.
fn fuzz(seed: u64, valid: &[u8], mut accepts: impl FnMut(&[u8]) -> bool) {
    assert!(accepts(valid), "the valid message is refused");
    let mut rng = Seeded(seed);
    let refused = (0..CASES).filter(|_| !accepts(&rng.case(valid))).count();
    assert!(refused > CASES / 4, "only {refused} refused");
}

#[test]
fn frames() {
    let valid = Frame::new(FrameType::Record, &[7; 60]).into_bytes();
    fuzz(1, &valid, |bytes| {
        match Frame::from_bytes(bytes.to_vec(), 64) {
            Ok(frame) => {
                assert_eq!(frame.as_bytes(), bytes);
                assert_eq!(Frame::new(frame.kind(), frame.payload()).as_bytes(), bytes);
                assert!(frame.payload().len() <= 64);
                true
            }
            Err(_) => false,
        }
    });
}

/// In whatever pieces bytes arrive, the buffer gives what one delivery would.
#[test]
fn a_buffer_of_frames() {
    let frames = [
        (FrameType::Hello, 3),
        (FrameType::Record, 0),
        (FrameType::Key, 50),
    ];
    let valid: Vec<u8> = frames
        .iter()
        .flat_map(|(kind, len)| Frame::new(*kind, &vec![5; *len]).into_bytes())
        .collect();
    let mut rng = Seeded(2);
    let mut pieces = Seeded(3);
    let mut failed = 0;
    for _ in 0..CASES {
        let bytes = rng.case(&valid);
        let whole = drain(&[&bytes]);
        let mut split = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(1 + pieces.below(rest.len()));
            split.push(piece);
            rest = behind;
        }
        assert_eq!(drain(&split), whole);
        failed += usize::from(whole.1);
    }
    assert!(failed > 0 && failed < CASES);
}

/// The frames that come out, and whether an error ended it.
fn drain(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let mut buffer = FrameBuffer::default();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.push(piece);
        loop {
            match buffer.pop(64) {
                Ok(Some(frame)) => frames.push(frame.into_bytes()),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

#[test]
fn hellos() {
    let valid = Hello::new([1; 32], Suite::ALL).to_frame();
    fuzz(4, valid.payload(), |bytes| {
        let frame = Frame::new(FrameType::Hello, bytes);
        let Ok(hello) = Hello::from_frame(&frame) else {
            return false;
        };
        assert_eq!(hello.to_frame().payload(), bytes);
        assert!(hello.suites.iter().is_sorted() && !hello.suites.contains(&0));
        true
    });
}

#[test]
fn answers() {
    let valid = Answer::new(EvidenceKind(1), vec![1; 40], vec![2; 30]).to_frame();
    fuzz(5, valid.payload(), |bytes| {
        let frame = Frame::new(FrameType::Answer, bytes);
        let Ok(answer) = Answer::from_frame(&frame) else {
            return false;
        };
        assert_eq!(answer.to_frame().payload(), bytes);
        true
    });
}

#[test]
fn key_messages() {
    let valid = Key::new(Suite::XWing, vec![3; 40]).to_frame();
    fuzz(6, valid.payload(), |bytes| {
        let frame = Frame::new(FrameType::Key, bytes);
        let Ok(key) = Key::from_frame(&frame) else {
            return false;
        };
        if key.suite() == Suite::XWing.id() {
            assert_eq!(
                Key::new(Suite::XWing, key.encapsulated)
                    .to_frame()
                    .payload(),
                bytes
            );
        }
        true
    });
}

#[test]
fn claims_of_any_bytes() {
    fuzz(7, &claims().encode(), |bytes| {
        match <Claims>::decode(bytes) {
            Ok(claims) => {
                assert_eq!(claims.encode(), bytes);
                true
            }
            Err(_) => false,
        }
    });
}

#[test]
fn messages_in_frames_of_another_type() {
    let hello = Hello::new([1; 32], Suite::ALL).to_frame();
    let answer = Answer::new(EvidenceKind(1), vec![1], vec![2]).to_frame();
    let key = Key::new(Suite::XWing, vec![3]).to_frame();
    for kind in [
        FrameType::Hello,
        FrameType::Answer,
        FrameType::Key,
        FrameType::Record,
        FrameType::Refusal,
        FrameType::Full,
    ] {
        let as_kind = |frame: &Frame| Frame::new(kind, frame.payload());
        assert_eq!(
            Hello::from_frame(&as_kind(&hello)).is_ok(),
            kind == FrameType::Hello
        );
        assert_eq!(
            Answer::from_frame(&as_kind(&answer)).is_ok(),
            kind == FrameType::Answer
        );
        assert_eq!(
            Key::from_frame(&as_kind(&key)).is_ok(),
            kind == FrameType::Key
        );
    }
}

#[test]
fn answers_of_any_kind_with_endorsements_and_without() {
    let parsed = |payload: &[u8]| {
        let frame = Frame::new(FrameType::Answer, payload);
        Answer::from_frame(&frame)
            .map(|answer| (answer.kind(), answer.endorsements))
            .ok()
    };
    for kind in [1, 2, 23] {
        let bare = [0xa3, 1, kind, 2, 0x41, 9, 3, 0x41, 9];
        assert_eq!(parsed(&bare), Some((EvidenceKind(kind.into()), None)));
        let endorsed = [0xa4, 1, kind, 2, 0x41, 9, 3, 0x41, 9, 4, 0x41, 7];
        assert_eq!(
            parsed(&endorsed),
            Some((EvidenceKind(kind.into()), Some(vec![7])))
        );
    }
    for refused in [
        // Kind 0; nothing where there must be a byte; a null; a text.
        &[0xa3, 1, 0, 2, 0x41, 9, 3, 0x41, 9][..],
        &[0xa3, 1, 1, 2, 0x40, 3, 0x41, 9],
        &[0xa3, 1, 1, 2, 0x41, 9, 3, 0x40],
        &[0xa4, 1, 1, 2, 0x41, 9, 3, 0x41, 9, 4, 0x40],
        &[0xa4, 1, 1, 2, 0x41, 9, 3, 0x41, 9, 4, 0xf6],
        &[0xa4, 1, 1, 2, 0x41, 9, 3, 0x41, 9, 4, 0x61, b'a'],
    ] {
        assert_eq!(parsed(refused), None, "{refused:?}");
    }
}

#[test]
fn records() {
    let answer_len = layout().limits.answer_bytes();
    let mut request = vec![0; 4096];
    request[..20].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5]);
    let mut answer = vec![0; answer_len];
    answer[..13].copy_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 2]);
    let close = [&[4][..], &[0; 8]].concat();
    for (seed, valid) in [
        (8, request),
        (9, answer),
        (10, close),
        (11, [&[5][..], &[7; 96]].concat()),
        (12, vec![6, 4, 0, 0, 0x0e, 0x10, 0, 0, 0]),
        (11, b"\x01sealnote/2 ready".to_vec()),
    ] {
        assert!(parse(&valid).is_ok());
        let mut rng = Seeded(seed);
        for _ in 0..CASES {
            let bytes = rng.case(&valid);
            match parse(&bytes) {
                Ok(Parsed::Request(notes)) => {
                    assert!(bytes.len().is_power_of_two() && (1..=3).contains(&notes.len()));
                }
                Ok(Parsed::Answer(outcomes)) => {
                    assert!(bytes.len() == answer_len && (1..=3).contains(&outcomes.len()));
                    let mut scores = outcomes.iter().flatten().flat_map(|note| &note.scores);
                    assert!(scores.all(|score| (0.0..=1.0).contains(score)));
                }
                Ok(Parsed::Close) => assert_eq!(bytes.len(), 9),
                Ok(Parsed::Signature) => assert_eq!((bytes[0], bytes.len()), (5, 97)),
                Ok(Parsed::Denial) => assert_eq!((bytes[0], bytes.len()), (6, 9)),
                Ok(Parsed::Ready) => assert_eq!(bytes, b"\x01sealnote/2 ready"),
                Err(_) => {}
            }
        }
    }
}

/// Each request's head with every count and note length that could overflow something.
#[test]
fn records_with_extreme_numbers() {
    for count in [0u16, 1, 2, 3, 4, 0x7fff, 0xffff] {
        for len in [
            0u32,
            1,
            1000,
            1001,
            4081,
            4082,
            0x7fff_ffff,
            0x8000_0000,
            u32::MAX,
        ] {
            let mut plaintext = vec![0; 4096];
            plaintext[0] = 2;
            plaintext[9..11].copy_from_slice(&count.to_be_bytes());
            plaintext[11..15].copy_from_slice(&len.to_be_bytes());
            let fits = (1..=3).contains(&count) && len <= 4081;
            // The notes behind the first have lengths of zero, where there is room for them.
            let room = 4081usize.saturating_sub(len as usize) >= 4 * usize::from(count.max(1) - 1);
            let parsed = parse(&plaintext);
            assert_eq!(parsed.is_ok(), fits && room, "{count} notes, {len} bytes");
        }
    }
}

#[test]
fn public_and_private_keys() {
    let mut rng = Seeded(12);
    for _ in 0..CASES {
        let len = rng.below(500);
        let mut der = rng.bytes(len);
        if let Some(first) = der.first_mut() {
            *first = 0x30;
        }
        assert!(rsa_oaep::PublicKey::from_spki(&der).is_err());
        assert!(rsa_oaep::PrivateKey::from_pkcs8(&der).is_err());
    }
}

#[test]
fn a_header_alone_decides_about_its_length() {
    for declared in [0usize, 1, 64, 65, 1 << 16, u32::MAX as usize] {
        let mut buffer = FrameBuffer::default();
        let mut header = vec![4, 2, 0, 0];
        header.extend((declared as u32).to_be_bytes());
        assert_eq!(header.len(), HEADER_LEN);
        buffer.push(&header);
        let popped = buffer.pop(64);
        match declared {
            0 => assert!(popped.unwrap().is_some()),
            1..=64 => assert_eq!(popped, Ok(None)),
            _ => assert!(popped.is_err()),
        }
    }
}
