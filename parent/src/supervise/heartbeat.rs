//! The answer to an enclave's first sign of life, where nobody else gives it.
//!
//! An enclave's init sends the byte 0xB7 to port 9000 of the instance as soon as it runs, and waits for the same byte
//! before it starts the service. On EC2 the answer is `nitro-cli run-enclave`'s: it listens there, on CID 3, before it
//! starts an enclave, and fails (E36) if somebody else does. So this is for machines without `nitro-cli` alone, such as
//! QEMU's `nitro-enclave`, and never on by itself: a free port says nothing, for `nitro-cli` takes it only for a start.

use std::time::{Duration, Instant};

use sealnote_transport::{Listener, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use crate::log::RateLimit;

/// What is sent, and sent back (aws-nitro-enclaves-sdk-bootstrap, init.c).
pub const BEAT: u8 = 0xB7;

/// How long an enclave may take to send its byte.
const PATIENCE: Duration = Duration::from_secs(5);

/// Enclaves that are answered at a time. A machine has four at most; the rest waits in the kernel's queue.
const AT_A_TIME: usize = 4;

/// Answers every enclave that comes, for ever.
pub async fn answer_heartbeats(listener: Listener) -> std::convert::Infallible {
    let refused = RateLimit::default();
    let mut answers = JoinSet::new();
    loop {
        if answers.len() >= AT_A_TIME {
            answers.join_next().await;
        }
        while answers.try_join_next().is_some() {}
        match listener.accept().await {
            Ok(stream) => {
                answers.spawn(answer(stream));
            }
            Err(error) => {
                if let Some(failures) = refused.due(Instant::now()) {
                    warn!(failures, "no heartbeat can be answered: {error}");
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(mut stream: Stream) {
    // The machine's own number, and nothing that was sent.
    let cid = stream.peer_cid().map(|cid| cid.0);
    let exchange = async {
        match stream.read_u8().await? {
            BEAT => stream.write_u8(BEAT).await.map(|()| true),
            _ => Ok::<_, std::io::Error>(false),
        }
    };
    match timeout(PATIENCE, exchange).await {
        Ok(Ok(true)) => info!(cid, "heartbeat answered"),
        Ok(Ok(false)) => warn!(cid, "heartbeat not answered: it was another byte"),
        Ok(Err(_)) | Err(_) => warn!(cid, "heartbeat not answered: no byte came"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealnote_transport::{Endpoint, connect};

    #[tokio::test]
    async fn a_beat_is_sent_back_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::Unix {
            path: dir.path().join("heartbeat"),
        };
        let listener = Listener::bind(&endpoint).await.unwrap();
        let answering = tokio::spawn(answer_heartbeats(listener));
        // Whoever says nothing keeps nobody from being answered.
        let _silent = connect(&endpoint).await.unwrap();
        for (sent, expected) in [(BEAT, &[BEAT][..]), (0xB6, &[]), (BEAT, &[BEAT])] {
            let mut enclave = connect(&endpoint).await.unwrap();
            enclave.write_u8(sent).await.unwrap();
            let mut received = Vec::new();
            enclave.read_to_end(&mut received).await.unwrap();
            assert_eq!(received, expected);
        }
        answering.abort();
    }
}
