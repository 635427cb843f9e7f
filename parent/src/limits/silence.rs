//! Clients that connect and say nothing.

use std::{convert::Infallible, future};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use sealnote_transport::Stream;
use tokio::time::{Instant, sleep_until};

/// Resolves at `deadline` if the client has sent nothing until then, and never otherwise. Nothing is read.
pub(crate) async fn silent_until(deadline: Instant, client: &Stream) {
    sleep_until(deadline).await;
    let peeked = recv(client, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    if !matches!(peeked, Err(Errno::AGAIN)) {
        // Bytes, an end or a failure: who reads it will know what to do.
        let _: Infallible = future::pending().await;
    }
}
