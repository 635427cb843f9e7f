//! Whether this kernel carries vsock to itself.

use std::time::Duration;

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{Cid, Endpoint, Listener, TransportError, connect};

/// How long [`probe_vsock_loopback`] takes at most.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Finds out whether two programs on this machine can reach each other at CID 1, by carrying one
/// byte.
///
/// Nothing less tells: without the kernel's loopback module, opening a vsock socket and listening
/// on CID `any` succeed all the same, and a connection to CID 1 merely never comes about.
pub async fn probe_vsock_loopback() -> Result<(), ProbeError> {
    timeout(PROBE_TIMEOUT, carry_a_byte())
        .await
        .unwrap_or(Err(ProbeError::NoAnswer))
}

/// Why there is no vsock loopback.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The connection neither comes about nor fails.
    #[error("a connection to CID 1 does not come about within {} ms", PROBE_TIMEOUT.as_millis())]
    NoAnswer,
    /// The kernel has no vsock at all, or none that knows CID 1.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The connection was made and broke.
    #[error("a connection to CID 1 breaks: {0}")]
    Broken(#[from] std::io::Error),
    /// The connection was made and carried something else than what was sent.
    #[error("a connection to CID 1 does not carry what is sent")]
    Garbled,
}

async fn carry_a_byte() -> Result<(), ProbeError> {
    const BYTE: u8 = 0xB7;
    let listener = Listener::bind(&Endpoint::Vsock {
        cid: Cid::LOCAL,
        port: 0,
    })
    .await?;
    let (mut near, mut far) =
        tokio::try_join!(connect(listener.local_endpoint()), listener.accept())?;
    near.write_all(&[BYTE]).await?;
    if far.read_u8().await? == BYTE {
        Ok(())
    } else {
        Err(ProbeError::Garbled)
    }
}
