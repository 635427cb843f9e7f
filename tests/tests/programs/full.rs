//! A parent that has no place left, and what a user sees of it.

use std::net::TcpStream;

use super::*;
use crate::common::programs::Serving;

#[test]
fn a_client_for_which_there_is_no_place_is_told_so_and_sends_nothing() {
    let mut stack = Stack::start();
    let notes = stack.write("notes.jsonl", line("a", "A fracture."));
    let arguments = [
        "--listen",
        "tcp:127.0.0.1:0",
        "--enclave",
        &format!("unix:{}", stack.path("enclave.sock").display()),
        "--max-connections",
        "1",
    ]
    .map(str::to_owned);
    let parent = Serving::start(Program::Parent, &arguments);
    stack.server = parent.word_after("listening on ");
    // Who connects first is accepted first.
    let held = TcpStream::connect(stack.server.strip_prefix("tcp:").unwrap()).unwrap();

    let finished = stack.client("submit", &[&notes], b"");
    assert_code(&finished, 6);
    assert_eq!(finished.stdout, "");
    let says = |finished: &Finished, what: &str| {
        assert!(finished.stderr.contains(what), "{}", finished.stderr);
    };
    says(&finished, "no note was sent: the parent is full");
    says(&finished, "not authenticated");
    says(&finished, "Try again later, or another server");

    let doctor = stack.client("doctor", &[], b"");
    assert_code(&doctor, 6);
    let report = doctor.stdout + &doctor.stderr;
    assert!(report.contains("the parent is full"), "{report}");

    // And it is the next one's turn once the place is free.
    drop(held);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while stack.client("submit", &[&notes], b"").code != Some(0) {
        assert!(
            std::time::Instant::now() < deadline,
            "the place stays taken"
        );
    }
    let (_, log) = parent.stop("TERM");
    assert!(log.contains("too many connections"), "{log}");
    assert!(log.contains("limit=1"), "{log}");
}
