//! One client joined to the enclave: bytes both ways, as they come.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use sealnote_transport::{ReceiveHalf, SendHalf, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use crate::{metrics::Metrics, upstreams::InUse};

/// How much is held of a connection, each way, beside the kernel's own buffers.
pub const BUFFER_BYTES: usize = 32 * 1024;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Both directions came to their end.
    Finished,
    /// The client reset the connection, or vanished.
    ClientFailed,
    /// The enclave did.
    EnclaveFailed,
    /// Nothing had moved for too long.
    Idle,
}

/// Copies until both directions have ended, one side fails, or nothing has moved for `idle`.
///
/// The end of one direction is passed on as the end of that direction alone. When the enclave
/// fails, what it had sent still reaches the client, for up to [`LINGER`]; when the client fails,
/// the enclave is let go at once, so that it stops working for nobody.
pub(crate) async fn bridge(
    client: Stream,
    enclave: Stream,
    mut in_use: InUse,
    idle: Duration,
    metrics: &Metrics,
) -> Ended {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_enclave, mut to_enclave) = enclave.into_split();
    let activity = Activity::new();
    let enclave_failed = Notify::new();

    let upwards = async {
        match copy(
            &mut from_client,
            &mut to_enclave,
            metrics.to_enclave(),
            &activity,
            |_| {},
        )
        .await
        {
            End::Finished => Ok(Ended::Finished),
            End::SourceFailed => Err(ClientGone),
            End::SinkFailed => {
                enclave_failed.notify_one();
                discard(&mut from_client).await;
                Ok(Ended::EnclaveFailed)
            }
        }
    };
    let downwards = async {
        match copy(
            &mut from_enclave,
            &mut to_client,
            metrics.to_client(),
            &activity,
            |length| in_use.received(length),
        )
        .await
        {
            End::Finished => Ok(Ended::Finished),
            End::SinkFailed => Err(ClientGone),
            End::SourceFailed => {
                let _ = to_client.shutdown().await;
                enclave_failed.notify_one();
                Ok(Ended::EnclaveFailed)
            }
        }
    };
    let linger = async {
        enclave_failed.notified().await;
        sleep(LINGER).await;
    };
    tokio::select! {
        both = async { tokio::try_join!(upwards, downwards) } => match both {
            Ok((Ended::Finished, downwards)) => downwards,
            Ok((upwards, _)) => upwards,
            Err(ClientGone) => Ended::ClientFailed,
        },
        () = activity.idle_for(idle) => Ended::Idle,
        () = linger => Ended::EnclaveFailed,
    }
}

/// How long a client may take to read the last that a failed enclave had sent. The client's own
/// bytes are read and dropped meanwhile: a TCP socket closed with unread input resets the
/// connection, and the reset would overtake those last bytes.
const LINGER: Duration = Duration::from_secs(5);

struct ClientGone;

enum End {
    Finished,
    SourceFailed,
    SinkFailed,
}

/// Reads no further than it has written: a sink that does not take bytes stops the source.
async fn copy(
    source: &mut ReceiveHalf,
    sink: &mut SendHalf,
    count: &Counter,
    activity: &Activity,
    mut received: impl FnMut(usize),
) -> End {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let mut rest = match source.read(&mut buffer).await {
            Ok(0) => break,
            Ok(length) => &buffer[..length],
            Err(_) => return End::SourceFailed,
        };
        activity.touch();
        received(rest.len());
        while !rest.is_empty() {
            match sink.write(rest).await {
                Ok(0) | Err(_) => return End::SinkFailed,
                Ok(written) => {
                    rest = &rest[written..];
                    count.inc_by(written as u64);
                    activity.touch();
                }
            }
        }
    }
    match sink.shutdown().await {
        Ok(()) => End::Finished,
        Err(_) => End::SinkFailed,
    }
}

async fn discard(source: &mut ReceiveHalf) {
    let _: io::Result<u64> = tokio::io::copy(source, &mut tokio::io::sink()).await;
}

/// When bytes last moved, in either direction.
struct Activity {
    start: Instant,
    last_ms: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Activity {
            start: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }

    fn touch(&self) {
        self.last_ms
            .store(self.start.elapsed().as_millis() as u64, Relaxed);
    }

    async fn idle_for(&self, limit: Duration) {
        loop {
            let last = self.start + Duration::from_millis(self.last_ms.load(Relaxed));
            if last.elapsed() >= limit {
                return;
            }
            sleep_until(last + limit).await;
        }
    }
}
