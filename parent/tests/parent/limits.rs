//! Each limit, met.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use super::*;

const MOMENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn who_comes_too_soon_is_told_that_there_is_no_place() {
    let rig = Rig::start(|config| config.max_connection_rate = 1.try_into().ok()).await;
    let (let_in, refused) = crowd(&rig, None).await;
    assert!(let_in >= 1 && refused >= 1, "{let_in} let in");
    assert_eq!(
        rig.counter(r#"connections_refused_total{reason="rate"}"#),
        refused
    );
    assert_eq!(rig.counters().refused_by_rate, refused);
}

#[tokio::test]
async fn one_address_that_comes_too_often_keeps_no_other_out() {
    let rig = Rig::start(|config| {
        config.listen = "tcp:127.0.0.1:0".parse().unwrap();
        config.max_connection_rate_per_address = 1.try_into().ok();
    })
    .await;
    let (let_in, refused) = crowd(&rig, Some("127.0.0.1")).await;
    assert!(let_in >= 1 && refused >= 1, "{let_in} let in");
    let of_address = r#"connections_refused_total{reason="rate_of_address"}"#;
    assert_eq!(rig.counter(of_address), refused);
    rig.connect_from("127.0.0.2").await;
    rig.until(|counters| counters.accepted == let_in + 1).await;
}

/// So many at once that a second does not suffice for all of them: how many are let in, and how many are told.
async fn crowd(rig: &Rig, address: Option<&str>) -> (u64, u64) {
    const CROWD: u64 = 30;
    let mut clients = Vec::new();
    for _ in 0..CROWD {
        clients.push(match address {
            Some(address) => rig.connect_from(address).await,
            None => connect(&rig.parent).await.unwrap(),
        });
    }
    rig.until(|counters| counters.accepted + counters.refused_by_rate == CROWD)
        .await;
    let mut told = 0;
    for client in &mut clients {
        // Nobody sends anything to one that was let in.
        let mut frame = [0; 8];
        if let Ok(Ok(_)) = timeout(Duration::from_millis(50), client.read_exact(&mut frame)).await {
            assert_eq!(frame, FULL);
            told += 1;
        }
    }
    (CROWD - told, told)
}

#[tokio::test]
async fn a_hello_that_comes_too_late_does_not_keep_its_sender_from_hearing() {
    let mut rig = Rig::start(|config| {
        config.listen = "tcp:127.0.0.1:0".parse().unwrap();
        config.max_connections = NonZeroUsize::MIN;
    })
    .await;
    let _held = rig.pair().await;
    for _ in 0..20 {
        let mut client = connect(&rig.parent).await.unwrap();
        client.write_all(&[1; 64]).await.unwrap();
        rig.until(|counters| counters.refused > 0).await;
        // On a socket that was closed this would bring a reset, and lose what was not read yet.
        sleep(Duration::from_millis(5)).await;
        client.write_all(&[2; 2048]).await.unwrap();
        sleep(Duration::from_millis(5)).await;
        assert_eq!(read_all(&mut client).await, FULL);
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_held_while_the_enclave_boots() {
    let mut rig = Rig::start(|config| config.handshake_timeout = MOMENT).await;
    rig.enclave = None;
    let mut talkative = connect(&rig.parent).await.unwrap();
    talkative.write_all(b"hello").await.unwrap();
    let mut silent = connect(&rig.parent).await.unwrap();
    let start = Instant::now();
    assert_eq!(read_all(&mut silent).await, b"");
    assert!(start.elapsed() >= MOMENT);
    rig.until_counter(r#"connections_ended_total{reason="client_silent"}"#, 1)
        .await;
    assert_eq!(rig.counters().open, 1, "the other is held still");
}

#[tokio::test]
async fn a_client_that_leaves_while_the_enclave_boots_is_not_held() {
    let mut rig = Rig::start(|config| config.listen = "tcp:127.0.0.1:0".parse().unwrap()).await;
    rig.enclave = None;
    let silent = rig.connect_from("127.0.0.1").await;
    rig.until(|counters| counters.open == 1).await;
    drop(silent);
    rig.until_counter(r#"connections_ended_total{reason="client_failed"}"#, 1)
        .await;
    assert_eq!(rig.counters().open, 0);
}

#[tokio::test]
async fn who_says_nothing_to_one_that_listens_is_let_go() {
    let mut rig = Rig::start(|config| config.handshake_timeout = MOMENT).await;
    // Nothing from the client.
    let (mut client, mut enclave) = rig.pair().await;
    assert_eq!(read_all(&mut client).await, b"");
    assert_eq!(read_all(&mut enclave).await, b"");
    rig.until_counter(r#"connections_ended_total{reason="client_silent"}"#, 1)
        .await;

    // Nothing from an enclave that was reached.
    let (mut client, mut enclave) = rig.pair().await;
    client.write_all(b"hello").await.unwrap();
    assert_eq!(read_all(&mut client).await, b"");
    assert_eq!(read_all(&mut enclave).await, b"hello");
    rig.until_counter(r#"connections_ended_total{reason="enclave_silent"}"#, 1)
        .await;

    // After a word of both, silence is another limit's.
    let (mut client, mut enclave) = rig.pair().await;
    client.write_all(b"h").await.unwrap();
    enclave.write_all(b"a").await.unwrap();
    sleep(MOMENT * 2).await;
    enclave.write_all(b"b").await.unwrap();
    let mut answer = [0; 2];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ab");
}

#[tokio::test]
async fn a_connection_ends_at_its_age_whatever_moves() {
    let mut rig = Rig::start(|config| config.lifetime_timeout = MOMENT * 2).await;
    let (mut client, enclave) = rig.pair().await;
    let (mut receive, mut send) = enclave.into_split();
    let start = Instant::now();
    let echo = tokio::spawn(async move { tokio::io::copy(&mut receive, &mut send).await });
    let mut byte = [0; 1];
    while client.write_all(b".").await.is_ok() && client.read_exact(&mut byte).await.is_ok() {
        sleep(MOMENT / 10).await;
        assert!(start.elapsed() < SOON, "it goes on and on");
    }
    assert!(start.elapsed() >= MOMENT * 2);
    let _ = echo.await.unwrap();
    rig.until_counter(r#"connections_ended_total{reason="lifetime"}"#, 1)
        .await;
}

#[tokio::test]
async fn a_connection_carries_so_many_bytes_and_no_more() {
    let mut rig = Rig::start(|config| config.max_bytes_per_connection = 1000.try_into().ok()).await;
    let (mut client, mut enclave) = rig.pair().await;
    client.write_all(&[1; 600]).await.unwrap();
    let mut got = [0; 600];
    enclave.read_exact(&mut got).await.unwrap();
    enclave.write_all(&[2; 400]).await.unwrap();
    client.read_exact(&mut got[..400]).await.unwrap();
    // The last byte that is allowed has passed, and nobody is cut off for that.
    sleep(MOMENT / 3).await;
    assert_eq!(rig.counters().open, 1);
    client.write_all(b"!").await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"");
    rig.until_counter(r#"connections_ended_total{reason="bytes"}"#, 1)
        .await;
}

#[tokio::test]
async fn an_end_is_counted_by_its_reason() {
    let mut rig = Rig::start(|config| config.idle_timeout = MOMENT).await;
    let (mut client, mut enclave) = rig.pair().await;
    client.shutdown().await.unwrap();
    enclave.shutdown().await.unwrap();
    rig.until_counter(r#"connections_ended_total{reason="finished"}"#, 1)
        .await;
    let (mut client, _enclave) = rig.pair().await;
    assert_eq!(read_all(&mut client).await, b"");
    rig.until_counter(r#"connections_ended_total{reason="idle"}"#, 1)
        .await;
}

#[test]
fn the_limit_on_open_files_is_raised_or_said_to_be_too_low() {
    // 160 connections unless told otherwise: 320 sockets, and some.
    let (lines, limits) = start_with_open_files(100, 4096, &[]);
    assert!(
        lines.contains("the limit on open files is raised"),
        "{lines}"
    );
    assert!(lines.contains("from=100 to=448"), "{lines}");
    assert!(limits.contains("448"), "{limits}");

    let (lines, limits) = start_with_open_files(100, 300, &[]);
    assert!(lines.contains("allowed=300 needed=448"), "{lines}");
    assert!(lines.contains("LimitNOFILE"), "{lines}");
    assert!(limits.contains("300"), "{limits}");

    let (lines, _) = start_with_open_files(100, 300, &["--max-connections", "5"]);
    assert!(lines.contains("from=100 to=138"), "{lines}");
}

/// What the program says until it listens, and the system's line on its open files.
fn start_with_open_files(soft: u32, hard: u32, arguments: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
    let mut parent = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_sealnote-parent")])
        .args(["--listen", "tcp:127.0.0.1:0", "--enclave"])
        .arg(format!("unix:{}", dir.path().join("enclave").display()))
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(parent.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        said += &line;
        said.push('\n');
        if line.contains("listening on") {
            break;
        }
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", parent.id())).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    let open_files = limits.lines().find(|line| line.contains("open files"));
    (said, open_files.unwrap().to_owned())
}
