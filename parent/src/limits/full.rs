//! How a client that is turned away is told.

use std::{sync::Arc, time::Duration};

use rustix::net::{SendFlags, Shutdown, send, shutdown};
use sealnote_transport::Stream;
use tokio::{
    io::AsyncReadExt,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The frame `full` (PROTOCOL.md, section 1): its type, the version, two reserved bytes, and no payload.
const FULL: [u8; 8] = [6, 2, 0, 0, 0, 0, 0, 0];

/// Those that were told and have not read it yet, a bounded number for a bounded time.
#[derive(Clone, Debug)]
pub(crate) struct Farewells(Arc<Semaphore>);

/// How many are waited for at a time. In a flood the others may see a reset in place of the frame.
pub(crate) const MAX_LINGERING: usize = 64;

/// How long a client may take to read the frame: a few round trips, with one that is sent again.
const LINGER: Duration = Duration::from_secs(2);

/// How much of what it had sent is read off meanwhile: a hello, and more than any.
const MAX_DISCARDED: usize = 8 * 1024;

impl Default for Farewells {
    fn default() -> Self {
        Farewells(Arc::new(Semaphore::new(MAX_LINGERING)))
    }
}

impl Farewells {
    /// Tells a client that there is no place for it, and closes. Waits for nobody.
    ///
    /// A client that came first and hears of it second may be writing its hello. A TCP socket that is closed with unread
    /// input, or is sent more, resets the connection, and the reset would overtake the frame: so what the client sends is
    /// read and dropped until it ends, or [`LINGER`] has passed.
    pub(crate) fn say_full(&self, client: Stream) {
        // A socket that has sent nothing has room for eight bytes. A client that is gone needs none.
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let told = send(&client, &FULL, flags).and_then(|_| shutdown(&client, Shutdown::Write));
        if let (Ok(()), Ok(permit)) = (told, Arc::clone(&self.0).try_acquire_owned()) {
            tokio::spawn(discard(client, permit));
        }
    }
}

async fn discard(mut client: Stream, _permit: OwnedSemaphorePermit) {
    let reading = async {
        let (mut buffer, mut discarded) = ([0; 512], 0);
        while discarded < MAX_DISCARDED {
            match client.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => discarded += length,
            }
        }
    };
    let _ = timeout(LINGER, reading).await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net;

    use tokio::{io::AsyncWriteExt, net::UnixStream, time::Instant};

    use super::*;

    #[tokio::test]
    async fn each_is_told_and_a_bounded_number_is_waited_for() {
        const MORE: usize = 9;
        let farewells = Farewells::default();
        let clients: Vec<net::UnixStream> = (0..MAX_LINGERING + MORE)
            .map(|_| {
                let (client, ours) = net::UnixStream::pair().unwrap();
                ours.set_nonblocking(true).unwrap();
                farewells.say_full(Stream::Unix(UnixStream::from_std(ours).unwrap()));
                client
            })
            .collect();
        for mut client in &clients {
            let mut told = Vec::new();
            client.read_to_end(&mut told).unwrap();
            assert_eq!(told, FULL);
        }
        // Who is still waited for can go on with its hello.
        let waited_for = |mut client: &net::UnixStream| client.write_all(b"hello").is_ok();
        let waited_for = clients.iter().filter(|client| waited_for(client)).count();
        assert_eq!(waited_for, MAX_LINGERING);

        // Its place is the next one's when it has gone.
        drop(clients);
        let all = timeout(LINGER, farewells.0.acquire_many(MAX_LINGERING as u32));
        assert!(all.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_long() {
        let farewells = Farewells::default();
        let (_silent, ours) = UnixStream::pair().unwrap();
        farewells.say_full(Stream::Unix(ours));
        let start = Instant::now();
        let all = farewells.0.acquire_many(MAX_LINGERING as u32).await;
        assert_eq!(start.elapsed().as_secs(), LINGER.as_secs());
        drop(all);

        // Nor for one that sends without end: it is cut off by what it sent, whatever the time.
        let (mut talkative, ours) = UnixStream::pair().unwrap();
        farewells.say_full(Stream::Unix(ours));
        let mut sent = 0;
        while let Ok(length) = talkative.write(&[0; 512]).await {
            sent += length;
            assert!(sent < 1 << 20, "it is read on and on");
        }
    }
}
