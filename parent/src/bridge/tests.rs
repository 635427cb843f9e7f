//! The ends of a connection, on a clock that stands still while something moves.

use sealnote_transport::Stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    task::JoinHandle,
    time::sleep,
};

use super::*;
use crate::Metrics;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn what_does_not_move_ends_when_it_has_not_moved_for_so_long() {
    let (mut client, mut enclave, ended) = connection(limits());
    for _ in 0..3 {
        sleep(9 * SECOND).await;
        client.write_all(b".").await.unwrap();
        enclave.read_u8().await.unwrap();
    }
    let start = Instant::now();
    assert_eq!(ended.await.unwrap(), Ended::Idle);
    assert_eq!(start.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn who_never_says_a_word_is_not_waited_for() {
    for (client_speaks, enclave_speaks, expected, after) in [
        (false, false, Ended::ClientSilent, 3),
        (false, true, Ended::ClientSilent, 3),
        (true, false, Ended::EnclaveSilent, 5),
        (true, true, Ended::Idle, 10),
    ] {
        let start = Instant::now();
        let (mut client, mut enclave, ended) = connection(Limits {
            client_speaks_by: start + 3 * SECOND,
            enclave_speaks_within: 5 * SECOND,
            ..limits()
        });
        if client_speaks {
            client.write_all(b".").await.unwrap();
        }
        if enclave_speaks {
            enclave.write_all(b".").await.unwrap();
        }
        assert_eq!(ended.await.unwrap(), expected);
        assert_eq!(start.elapsed(), after * SECOND, "{expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_ends_whatever_moves() {
    let lifetime = Some(25 * SECOND);
    let start = Instant::now();
    let (mut client, mut enclave, ended) = connection(Limits {
        lifetime,
        ..limits()
    });
    while !ended.is_finished() {
        sleep(SECOND).await;
        let _ = client.write_all(b".").await;
        let _ = enclave.read_u8().await;
    }
    assert_eq!(ended.await.unwrap(), Ended::Lifetime);
    assert_eq!(start.elapsed(), 25 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_more_bytes_pass_than_may() {
    for (sent, expected) in [(40, Ended::Finished), (41, Ended::Bytes)] {
        let (mut client, mut enclave, ended) = connection(Limits {
            bytes: Some(100),
            ..limits()
        });
        client.write_all(&[1; 60]).await.unwrap();
        let mut got = [0; 60];
        enclave.read_exact(&mut got).await.unwrap();
        enclave.write_all(&vec![2; sent]).await.unwrap();
        enclave.shutdown().await.unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(ended.await.unwrap(), expected);
        assert_eq!(got.len(), if sent == 40 { 40 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_fails_lets_the_enclave_go_at_once() {
    let start = Instant::now();
    let (client, mut enclave, ended) = connection(limits());
    drop(client);
    assert_eq!(enclave.read(&mut [0; 9]).await.unwrap(), 0);
    enclave.write_all(b"too late").await.unwrap();
    assert_eq!(ended.await.unwrap(), Ended::ClientFailed);
    assert!(enclave.write_all(b"more").await.is_err());

    // By a reset too, with an answer on its way.
    let (client, near) = duplex(64);
    let (mut enclave, far) = duplex(64);
    let ended = spawn(Resets(near), far, limits());
    drop(client);
    assert_eq!(ended.await.unwrap(), Ended::ClientFailed);
    assert!(enclave.write_all(b"more").await.is_err());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_enclave_had_sent_reaches_a_client_that_takes_its_time_and_no_more_than_that()
{
    for client_takes in [4 * SECOND, 6 * SECOND] {
        let (mut client, near) = duplex(4);
        let (mut enclave, far) = duplex(64);
        let ended = spawn(near, Resets(far), limits());
        enclave.write_all(b"last words").await.unwrap();
        let start = Instant::now();
        drop(enclave);
        // Nobody takes it any more, and it does not stop the client either.
        client.write_all(&[0; 1000]).await.unwrap();
        sleep(client_takes).await;
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        if client_takes < LINGER {
            assert_eq!(got, b"last words");
            assert!(!ended.is_finished(), "the client's bytes are waited for");
            client.shutdown().await.unwrap();
            assert_eq!(ended.await.unwrap(), Ended::EnclaveFailed);
            assert_eq!(start.elapsed(), client_takes);
        } else {
            assert_eq!(got, b"last");
            assert_eq!(ended.await.unwrap(), Ended::EnclaveFailed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_enclave_that_takes_no_more_is_waited_for_no_longer_than_that() {
    let (mut client, enclave, ended) = connection(limits());
    drop(enclave);
    let start = Instant::now();
    client.write_all(&[0; 1000]).await.unwrap();
    assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0);
    assert_eq!(ended.await.unwrap(), Ended::EnclaveFailed);
    assert_eq!(start.elapsed(), LINGER);
}

#[tokio::test]
async fn a_buffer_is_held_only_while_bytes_are_under_way() {
    let (mut client, mut enclave, first) = connection(limits());
    let (mut other_client, mut other_enclave, second) = connection(limits());
    for _ in 0..3 {
        client.write_all(b"?").await.unwrap();
        enclave.read_u8().await.unwrap();
        other_enclave.write_all(b"!").await.unwrap();
        other_client.read_u8().await.unwrap();
    }
    // One buffer has carried it all.
    assert_eq!(buffer::free(), 1);

    // One that waits for its reader keeps what it has read, until it is let go.
    client.write_all(&[0; 150]).await.unwrap();
    other_client.write_all(b"?").await.unwrap();
    other_enclave.read_u8().await.unwrap();
    assert_eq!(buffer::free(), 1, "of two");
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(buffer::free(), 2);
    second.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_the_enclave_has_let_go_keeps_no_place() {
    let long = Limits {
        idle: 3600 * SECOND,
        ..limits()
    };
    let (mut client, mut enclave, ended) = connection(long);
    client.write_all(b"hello").await.unwrap();
    enclave.write_all(b"refused").await.unwrap();
    enclave.shutdown().await.unwrap();
    // As long as the client has something to say, and it is taken, it may.
    for _ in 0..3 {
        sleep(29 * SECOND).await;
        client.write_all(b".").await.unwrap();
    }
    let start = Instant::now();
    assert_eq!(ended.await.unwrap(), Ended::Finished);
    assert_eq!(start.elapsed(), AFTER_THE_ENCLAVES_END);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_keeps_no_place_however_much_it_sends() {
    let long = Limits {
        idle: 3600 * SECOND,
        ..limits()
    };
    let (mut client, mut enclave, ended) = connection(long);
    let start = Instant::now();
    // More than its pipe and a buffer hold.
    let flood = tokio::spawn(async move {
        let (mut receive, mut send) = tokio::io::split(&mut enclave);
        let sending = async { while send.write_all(&[7; 4096]).await.is_ok() {} };
        let receiving = async { while receive.read_u8().await.is_ok() {} };
        tokio::join!(sending, receiving);
    });
    while !ended.is_finished() {
        sleep(SECOND).await;
        let _ = client.write_all(b".").await;
    }
    assert_eq!(ended.await.unwrap(), Ended::ClientStalled);
    let elapsed = start.elapsed();
    assert!(
        elapsed >= STALLED && elapsed < STALLED + 3 * SECOND,
        "{elapsed:?}"
    );
    drop(client);
    flood.await.unwrap();
}

/// With its sockets' registrations and the task around it, an idle connection takes 1.9 KiB. This is the part of it that grows
/// unnoticed.
#[test]
fn an_idle_connection_is_small() {
    let metrics = Metrics::default();
    let future =
        |client: Stream, enclave: Stream| bridge(client, enclave, limits(), metrics.counted());
    let size = size_of_result(&future);
    assert!(size <= 640, "{size}");
}

fn size_of_result<F>(_: &impl Fn(Stream, Stream) -> F) -> usize {
    size_of::<F>()
}

fn limits() -> Limits {
    Limits {
        client_speaks_by: Instant::now() + 100 * SECOND,
        enclave_speaks_within: 100 * SECOND,
        idle: 10 * SECOND,
        lifetime: None,
        bytes: None,
    }
}

/// The far ends of a connection, whose pipes hold 64 bytes, and why it ended.
fn connection(limits: Limits) -> (DuplexStream, DuplexStream, JoinHandle<Ended>) {
    let (client, near) = duplex(64);
    let (enclave, far) = duplex(64);
    (client, enclave, spawn(near, far, limits))
}

fn spawn<C, E>(client: C, enclave: E, limits: Limits) -> JoinHandle<Ended>
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    E: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move { bridge(client, enclave, limits, Metrics::default().counted()).await })
}

/// Fails where the other would end.
struct Resets(DuplexStream);

impl AsyncRead for Resets {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        match read {
            Poll::Ready(Ok(())) if buf.filled().len() == before => {
                Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Resets {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
