//! Clients that connect and say nothing, or leave while an enclave is being reached.

use std::time::Duration;

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use sealnote_transport::Stream;
use tokio::time::{Instant, sleep_until};

use crate::bridge::Ended;

/// How often it is looked at whether a client is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Resolves when the client has left, or at `deadline` if it has sent nothing until then. Nothing is read.
pub(crate) async fn gone_or_silent(deadline: Instant, client: &Stream) -> Ended {
    loop {
        let now = Instant::now();
        let next = now + LOOK;
        sleep_until(if now < deadline {
            next.min(deadline)
        } else {
            next
        })
        .await;
        match recv(client, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) if Instant::now() >= deadline => return Ended::ClientSilent,
            Err(Errno::AGAIN) => {}
            // Bytes: whether it ends after them, or only its direction does, cannot be told.
            Ok((1.., _)) => {}
            Ok(_) | Err(_) => return Ended::ClientFailed,
        }
    }
}
