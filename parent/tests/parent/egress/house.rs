//! A key service that does as it is told.

use std::net::Ipv4Addr;

use sealnote_parent::egress::{Allowlist, Egress, Limits, Route, Routes};
use sealnote_transport::{Endpoint, Stream, connect};
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};

use crate::{Rig, SOON};

/// A key service, and the listener of the parent's that leads to it.
pub struct Service {
    pub listener: TcpListener,
    pub destination: String,
    folder: TempDir,
}

impl Service {
    pub async fn start() -> Service {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Service {
            destination: listener.local_addr().unwrap().to_string(),
            listener,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn destination(&self) -> String {
        self.destination.clone()
    }

    pub fn listen(&self) -> Endpoint {
        unix(&self.folder, "egress").parse().unwrap()
    }

    pub fn route(&self) -> String {
        format!("{}={}", self.listen(), self.destination)
    }

    /// A parent with this service alone.
    pub async fn rig(&self, limit: impl FnOnce(&mut Limits)) -> Rig {
        Rig::start(|config| {
            config.egress = egress(&[&self.route()]);
            limit(&mut config.egress.limits);
        })
        .await
    }

    pub async fn accept(&self) -> Stream {
        let accepted = timeout(SOON, self.listener.accept()).await.unwrap();
        Stream::Tcp(accepted.unwrap().0)
    }

    pub async fn pair(&self, rig: &Rig) -> (Stream, Stream) {
        joined(&rig.egress[0], self).await
    }

    /// A metric of it.
    pub fn name(&self, metric: &str) -> String {
        format!("{metric}{{destination=\"{}\"}}", self.destination)
    }

    pub fn of(&self, rig: &Rig, metric: &str) -> u64 {
        rig.counter(&self.name(metric))
    }

    pub fn counter(&self, rig: &Rig, metric: &str, label: &str, value: &str) -> u64 {
        rig.counter(&self.name_with(metric, label, value))
    }

    pub fn name_with(&self, metric: &str, label: &str, value: &str) -> String {
        format!(
            "{metric}{{destination=\"{}\",{label}=\"{value}\"}}",
            self.destination
        )
    }

    pub async fn until_ended(&self, rig: &Rig, reason: &str, count: u64) {
        let ended = self.name_with("egress_connections_ended_total", "reason", reason);
        rig.until_counter(&ended, count).await;
    }
}

/// An enclave's connection, and the service's end of it.
pub async fn joined(listen: &Endpoint, service: &Service) -> (Stream, Stream) {
    let enclave = connect(listen).await.unwrap();
    (enclave, service.accept().await)
}

/// Routes that are all allowed.
pub fn egress(routes: &[&str]) -> Egress {
    let routes: Vec<Route> = routes.iter().map(|text| text.parse().unwrap()).collect();
    let entries = routes.iter().map(|route| {
        let (host, port) = (route.destination.host(), route.destination.port());
        format!("- {{address: '{host}', port: {port}}}\n")
    });
    let list: Allowlist = format!("allowlist:\n{}", entries.collect::<String>())
        .parse()
        .unwrap();
    Egress {
        routes: Routes::allowed(routes, &list).unwrap(),
        ..Egress::default()
    }
}

pub fn unix(folder: &TempDir, name: &str) -> String {
    format!("unix:{}", folder.path().join(name).display())
}
