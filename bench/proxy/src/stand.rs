//! A backend and a proxy before it, both fresh.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{
    address::Address,
    backend::{Backend, Hold},
    guard::Guarded,
    proxies::{Proxy, Setting},
    usage,
};

/// Where the programs are and which backend is used.
pub struct Programs {
    pub this: PathBuf,
    pub parent: PathBuf,
    pub before: Option<PathBuf>,
    /// Instead of a Unix socket.
    pub backend: Option<Address>,
}

/// Dropped, all its processes are killed.
pub struct Stand {
    /// Where clients connect.
    pub address: Address,
    pub backend: Backend,
    proxy: Option<Guarded>,
    _folder: TempDir,
}

impl Stand {
    pub fn start(
        programs: &Programs,
        proxy: Proxy,
        hold: Hold,
        max_clients: usize,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let address = Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let behind = match &programs.backend {
            _ if proxy == Proxy::Direct => address.clone(),
            Some(backend) => backend.clone(),
            None => Address::Unix(folder.path().join("backend")),
        };
        let backend = Backend::start(&programs.this, &behind, hold)?;
        let setting = Setting {
            port,
            backend: &behind,
            max_clients,
            folder: folder.path(),
            parent: &programs.parent,
            before: programs.before.as_deref(),
        };
        let log = folder.path().join("log");
        let proxy = match proxy.command(&setting)? {
            None => None,
            Some(command) => Some(Guarded::start(&programs.this, &command, &log)?),
        };
        if let Err(error) = wait_until_listening(port) {
            let log = fs::read_to_string(&log).unwrap_or_default();
            return Err(error.context(log));
        }
        Ok(Self {
            address,
            backend,
            proxy,
            _folder: folder,
        })
    }

    /// Processor time that the proxy has taken so far, in seconds; 0 without one.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        self.proxy
            .as_ref()
            .map_or(Ok(0.0), |proxy| usage::cpu_seconds(proxy.group()))
    }

    /// The proxy's memory, in bytes; 0 without one.
    pub fn memory(&self) -> anyhow::Result<f64> {
        self.proxy
            .as_ref()
            .map_or(Ok(0.0), |proxy| usage::memory(proxy.group()))
    }
}

/// Another for each stand, so that none meets what the one before has left in the kernel.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// By /proc/net/tcp: a connection to try it would be the proxy's first.
fn wait_until_listening(port: u16) -> anyhow::Result<()> {
    let start = Instant::now();
    let listening = format!(":{port:04X} 00000000:0000 0A ");
    while start.elapsed() < Duration::from_secs(10) {
        if fs::read_to_string("/proc/net/tcp")?.contains(&listening) {
            // Of nginx's processes, those that accept come after the one that listens.
            thread::sleep(Duration::from_millis(50));
            return Ok(());
        }
        thread::sleep(Duration::from_millis(2));
    }
    bail!("the proxy does not listen on port {port}")
}
