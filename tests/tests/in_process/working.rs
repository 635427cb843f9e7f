//! What a user gets when nobody interferes, and what of it shows on the wire.

use std::collections::BTreeSet;

use sealnote_engine::NoteError;
use sealnote_protocol::claims::Claims;
use sealnote_protocol::frame::{FrameType, HEADER_LEN};
use sealnote_protocol::handshake::{Answer, Hello};
use sealnote_protocol::limits::MIN_REQUEST;
use sealnote_protocol::record::TAG_LEN;
use sealnote_protocol::session::SessionLimits;
use sealnote_tests::relay::{Act, Direction, Relay, Seen};
use sealnote_tests::rig::{Booted, Rig, Setup, submit_all};
use sealnote_transport::connect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::{
    anywhere, assert_engines_own, best, boot, multi, reference_notes, short_notes, short_session,
    single,
};

/// A record's length on the wire beyond its plaintext's.
const OVERHEAD: usize = HEADER_LEN + TAG_LEN;

#[tokio::test]
async fn results_are_the_engines_own_over_each_transport() {
    for (model, booted, tcp) in [
        ("tiny-bert-single", single(), false),
        ("tiny-bert-single", single(), true),
        ("tiny-bert-multi", multi(), false),
    ] {
        let setup = Setup {
            tcp,
            ..Setup::default()
        };
        let rig = Rig::start(booted, setup).await.unwrap();
        let notes = reference_notes(model);
        let submitted = submit_all(&rig.client().unwrap(), &notes).await;
        submitted.end.unwrap();
        assert_engines_own(booted, &notes, &submitted.outcomes).await;
        let counters = rig.metrics.snapshot();
        assert_eq!(counters.accepted, 1);
        assert!(counters.to_enclave_bytes > 0 && counters.to_client_bytes > 0);
    }
}

#[tokio::test]
async fn a_batch_takes_as_many_requests_as_it_needs_and_one_session() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = watch(&rig).await;
    let client = rig.client_at(&relay.endpoint).unwrap().build();
    let limit = usize::from(single().enclave.limits().notes);
    let notes = short_notes(3 * limit + 4);
    let submitted = submit_all(&client, &notes).await;
    submitted.end.unwrap();
    assert_engines_own(single(), &notes, &submitted.outcomes).await;
    let mut expected = vec![FrameType::Hello, FrameType::Key];
    expected.extend([FrameType::Record; 4 + 1]);
    assert_eq!(relay.from_client(), expected);
}

#[tokio::test]
async fn a_session_at_its_limit_is_followed_by_one_with_new_evidence() {
    // Room for two or three requests of 4 KiB, on either side, in records or in bytes.
    let (records, bytes) = (short_session(4, 1 << 30), short_session(1 << 10, 10_000));
    let unlimited = SessionLimits::default();
    for (of_enclave, of_client) in [(records, unlimited), (bytes, unlimited)] {
        let booted = boot("tiny-bert-single", of_enclave);
        crossing_limits(&booted, of_client).await;
    }
    for of_client in [records, bytes] {
        crossing_limits(single(), of_client).await;
    }
}

async fn crossing_limits(booted: &Booted, of_client: SessionLimits) {
    let rig = Rig::start(booted, Setup::default()).await.unwrap();
    let relay = watch(&rig).await;
    let client = rig.client_at(&relay.endpoint).unwrap();
    let client = client.session_limits(of_client).build();
    let notes = short_notes(7 * usize::from(booted.enclave.limits().notes) + 5);
    let submitted = submit_all(&client, &notes).await;
    submitted.end.unwrap();
    assert_engines_own(booted, &notes, &submitted.outcomes).await;

    let seen = relay.seen();
    let of_kind = |kind| seen.iter().filter(move |frame| frame.kind == kind);
    let challenges: Vec<_> = of_kind(FrameType::Hello)
        .map(|hello| {
            Hello::from_frame(&hello.frame().unwrap())
                .unwrap()
                .challenge
        })
        .collect();
    let claims: Vec<_> = of_kind(FrameType::Answer)
        .map(|answer| {
            let answer = Answer::from_frame(&answer.frame().unwrap()).unwrap();
            <Claims>::decode(&answer.claims).unwrap();
            answer.claims
        })
        .collect();
    assert!(challenges.len() > 2, "{} sessions", challenges.len());
    assert_eq!(claims.len(), challenges.len());
    assert_eq!(all_different(&challenges), challenges.len());
    assert_eq!(all_different(&claims), claims.len());
}

#[tokio::test]
async fn bad_notes_get_typed_errors_and_the_others_their_scores() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = watch(&rig).await;
    let client = rig.client_at(&relay.endpoint).unwrap().build();
    let good = short_notes(4);
    let limit = single().enclave.limits().note_bytes as usize;
    let notes: Vec<Vec<u8>> = vec![
        good[0].clone().into(),
        Vec::new(),
        b" \n\t\xc2\xa0 ".to_vec(),
        good[1].clone().into(),
        b"caf\xe9".to_vec(),
        vec![b'a'; limit + 1],
        good[2].clone().into(),
        vec![b'a'; 5 << 20],
        vec![b' '; limit],
        good[3].clone().into(),
    ];
    let submitted = submit_all(&client, &notes).await;
    submitted.end.unwrap();
    for (index, error) in [
        (1, NoteError::Empty),
        (2, NoteError::Empty),
        (4, NoteError::NotUtf8),
        (5, NoteError::TooLong),
        (7, NoteError::TooLong),
        (8, NoteError::Empty),
    ] {
        assert_eq!(submitted.outcomes[index], Some(Err(error)), "note {index}");
    }
    let answered: Vec<_> = [0, 3, 6, 9].map(|i| submitted.outcomes[i].clone()).to_vec();
    assert_engines_own(single(), &good, &answered).await;
    let longest = single().enclave.limits().request_bytes as usize + OVERHEAD;
    assert!(
        relay
            .seen()
            .iter()
            .all(|frame| frame.bytes.len() <= longest)
    );
}

#[tokio::test]
async fn no_length_on_the_wire_tells_of_a_label_or_of_a_short_notes_length() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = watch(&rig).await;
    let client = rig.client_at(&relay.endpoint).unwrap().build();

    let references = reference_notes("tiny-bert-single");
    let scores = single().engine.session().classify(references.clone()).await;
    let labels: BTreeSet<usize> = scores.iter().flatten().map(|s| best(&s.scores)).collect();
    assert!(labels.len() > 1, "the notes are to have different labels");

    // One session each: reference notes, an error, the least and the greatest that 4 KiB hold.
    let mut notes: Vec<Vec<u8>> = references.into_iter().map(String::into_bytes).collect();
    let room = MIN_REQUEST as usize - 11 - 4;
    notes.retain(|note| note.len() <= room);
    notes.extend([vec![], vec![0xff], vec![b'a'], vec![b'a'; room]]);
    for note in &notes {
        submit_all(&client, std::slice::from_ref(note))
            .await
            .end
            .unwrap();
    }
    let least = MIN_REQUEST as usize + OVERHEAD;
    assert_eq!(requests(&relay), vec![least; notes.len()]);

    // Longer ones: powers of two.
    for length in [room + 1, 10_000, 65_536] {
        let note = vec![b'a'; length];
        submit_all(&client, &[note]).await.end.unwrap();
    }
    // And several in one request.
    submit_all(&client, &short_notes(32)).await.end.unwrap();
    assert_eq!(
        requests(&relay)[notes.len()..],
        [8192, 16384, 131_072, 4096].map(|length| length + OVERHEAD)
    );

    let answer = single().enclave.limits().answer_bytes() + OVERHEAD;
    assert_eq!(answers(&relay), vec![answer; notes.len() + 4]);
}

#[tokio::test]
async fn a_recorded_client_flight_played_again_opens_nothing() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = watch(&rig).await;
    let client = rig.client_at(&relay.endpoint).unwrap().build();
    submit_all(&client, &short_notes(3)).await.end.unwrap();

    let again = watch(&rig).await;
    let mut stream = connect(&again.endpoint).await.unwrap();
    let (mut flight, mut rest) = (to_enclave(&relay), Vec::new());
    // Nothing may come before it is due.
    for frame in flight.by_ref().take(2) {
        stream.write_all(&frame.bytes).await.unwrap();
        let header = &mut [0; HEADER_LEN];
        stream.read_exact(header).await.unwrap();
        rest.resize(
            u32::from_be_bytes(header[4..].try_into().unwrap()) as usize,
            0,
        );
        stream.read_exact(&mut rest).await.unwrap();
    }
    for frame in flight {
        stream.write_all(&frame.bytes).await.unwrap();
    }
    let _ = stream.read_to_end(&mut rest).await;
    let kinds: Vec<_> = to_client(&again).map(|frame| frame.kind).collect();
    // The answer and the ready are new, and the first request does not open.
    assert_eq!(
        kinds,
        [FrameType::Answer, FrameType::Record, FrameType::Refusal]
    );
    for (new, old) in to_client(&again).zip(to_client(&relay)).take(2) {
        assert_ne!(new.bytes, old.bytes);
    }
}

/// A relay before the parent that changes nothing.
async fn watch(rig: &Rig) -> Relay {
    Relay::start(&anywhere(), rig.server.clone(), |_| Act::Pass)
        .await
        .unwrap()
}

fn to_client(relay: &Relay) -> impl Iterator<Item = Seen> + use<> {
    let seen = relay.seen().into_iter();
    seen.filter(|frame| frame.direction == Direction::ToClient)
}

fn to_enclave(relay: &Relay) -> impl Iterator<Item = Seen> + use<> {
    let seen = relay.seen().into_iter();
    seen.filter(|frame| frame.direction == Direction::ToEnclave)
}

/// Lengths of the requests; the close of a session is its last record, and always as long.
fn requests(relay: &Relay) -> Vec<usize> {
    records(relay, Direction::ToEnclave, 2)
}

/// Lengths of the answers: the records between ready and close.
fn answers(relay: &Relay) -> Vec<usize> {
    records(relay, Direction::ToClient, 2)
}

fn records(relay: &Relay, direction: Direction, first: usize) -> Vec<usize> {
    const CLOSE: usize = 9 + OVERHEAD;
    let seen = relay.seen();
    let records = seen
        .iter()
        .filter(|frame| frame.direction == direction && frame.index >= first);
    let lengths = records.map(|frame| frame.bytes.len());
    lengths.filter(|length| *length != CLOSE).collect()
}

fn all_different<T: Ord>(values: &[T]) -> usize {
    values.iter().collect::<BTreeSet<_>>().len()
}
