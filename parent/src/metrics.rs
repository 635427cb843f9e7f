//! Counters. Nothing here says whose connection it was, or what it carried.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// The parent's counters since its start, shared between connections.
#[derive(Debug, Default)]
pub struct Metrics {
    open: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    refused_by_address: AtomicU64,
    unreached: AtomicU64,
    dial_failures: AtomicU64,
    to_enclave_bytes: AtomicU64,
    to_client_bytes: AtomicU64,
}

/// The counters at one moment; displays as one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Clients connected now, those that wait for the enclave included.
    pub open: u64,
    /// Clients let in since the start.
    pub accepted: u64,
    /// Clients closed at once because there were too many.
    pub refused: u64,
    /// Clients closed at once because there were too many from their address.
    pub refused_by_address: u64,
    /// Clients closed because the enclave did not answer in time.
    pub unreached: u64,
    /// Single attempts to reach the enclave that failed.
    pub dial_failures: u64,
    /// Bytes handed to the enclave.
    pub to_enclave_bytes: u64,
    /// Bytes handed to clients.
    pub to_client_bytes: u64,
}

impl Metrics {
    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            open: self.open.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            refused_by_address: self.refused_by_address.load(Relaxed),
            unreached: self.unreached.load(Relaxed),
            dial_failures: self.dial_failures.load(Relaxed),
            to_enclave_bytes: self.to_enclave_bytes.load(Relaxed),
            to_client_bytes: self.to_client_bytes.load(Relaxed),
        }
    }

    /// Counts a client as open until the guard is dropped.
    pub(crate) fn connection(&self) -> OpenConnection<'_> {
        self.accepted.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        OpenConnection(self)
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused_by_address(&self) {
        self.refused_by_address.fetch_add(1, Relaxed);
    }

    pub(crate) fn unreached(&self) {
        self.unreached.fetch_add(1, Relaxed);
    }

    pub(crate) fn dial_failed(&self) {
        self.dial_failures.fetch_add(1, Relaxed);
    }

    pub(crate) fn to_enclave(&self) -> &AtomicU64 {
        &self.to_enclave_bytes
    }

    pub(crate) fn to_client(&self) -> &AtomicU64 {
        &self.to_client_bytes
    }
}

pub(crate) struct OpenConnection<'a>(&'a Metrics);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot {
            open,
            accepted,
            refused,
            refused_by_address,
            unreached,
            dial_failures,
            to_enclave_bytes,
            to_client_bytes,
        } = self;
        write!(
            f,
            "open={open} accepted={accepted} refused={refused} \
             refused_by_address={refused_by_address} unreached={unreached} dial_failures={dial_failures} to_enclave_bytes={to_enclave_bytes} \
             to_client_bytes={to_client_bytes}"
        )
    }
}
