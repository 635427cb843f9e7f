//! What systemd hands over, and what it is told: sd_listen_fds(3), sd_notify(3).

use std::{io, os::fd::OwnedFd};

use listenfd::ListenFd;
use sd_notify::NotifyState;
use sealnote_transport::{Listener, TransportError};
use thiserror::Error;
use tracing::warn;

/// The sockets that this process was started with.
pub(crate) struct Handed(ListenFd);

/// Why they are not what `--listen systemd` needs.
#[derive(Debug, Error)]
pub(crate) enum HandedError {
    #[error("systemd handed over no socket; --listen systemd is for a service with a socket unit")]
    None,
    #[error(
        "systemd handed over {0} sockets; the parent takes one: keep one Listen… line in the socket unit"
    )]
    TooMany(usize),
    #[error("the socket of systemd is none of TCP or of a Unix path: {0}")]
    Kind(io::Error),
    #[error(transparent)]
    Listener(#[from] TransportError),
}

impl Handed {
    /// To be called before there are threads: it changes the environment, so that no child takes the sockets for its own.
    pub(crate) fn take() -> Self {
        Handed(ListenFd::from_env())
    }

    /// The one to listen on.
    pub(crate) fn listener(mut self) -> Result<Listener, HandedError> {
        match self.0.len() {
            0 => return Err(HandedError::None),
            1 => {}
            more => return Err(HandedError::TooMany(more)),
        }
        let tcp = self.0.take_tcp_listener(0);
        let socket: Option<OwnedFd> = match tcp {
            Ok(tcp) => tcp.map(OwnedFd::from),
            Err(_) => {
                let unix = self.0.take_unix_listener(0);
                unix.map_err(HandedError::Kind)?.map(OwnedFd::from)
            }
        };
        Ok(Listener::inherit(socket.ok_or(HandedError::None)?)?)
    }
}

/// Clients can come.
pub(crate) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The settings are being read again; [`ready`] comes after it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
}

/// No more clients should come.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Does nothing where systemd did not start the process.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("systemd cannot be told: {error}");
    }
}
