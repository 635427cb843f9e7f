//! Clients of a parent whose enclave is supervised.

use std::time::Duration;

use sealnote_parent::{
    Config, Parent, Snapshot,
    run::Supervised,
    supervise::{Plan, StartError},
};
use sealnote_transport::Endpoint;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
};

use crate::rig::{Rig, connect_to, until};

crate::trials!(
    a_client_that_comes_before_the_enclave_is_held,
    a_session_outlasts_the_replacement_of_its_enclave,
    a_client_that_meets_a_dead_enclave_is_held_until_the_next,
    without_nitro_cli_the_parent_learns_of_it,
);

/// What an enclave says that has no place for a client: a probe takes it for an answer.
const FULL: &str = "\u{6}\u{2}\0\0\0\0\0\0";

async fn a_client_that_comes_before_the_enclave_is_held() {
    let running = Running::start(|_| {}).await;
    let (_session, text) = connect_to(&running.parent).await;
    assert_eq!(text, image("one"));
    assert!(
        running
            .metrics()
            .contains("sealnote_parent_enclaves_started_total 1")
    );
    assert!(
        running
            .metrics()
            .contains("sealnote_parent_enclaves_running 1")
    );
    running.stop().await;
}

async fn a_session_outlasts_the_replacement_of_its_enclave() {
    let running = Running::start(|_| {}).await;
    let (mut session, _) = connect_to(&running.parent).await;
    running.rig.tell("image.eif", &image("two"));
    running
        .supervised
        .orders()
        .replace(running.rig.plan.image.clone())
        .await;
    let replaced = "sealnote_parent_enclave_replacements_total{outcome=\"replaced\"} 1";
    until(|| running.metrics().contains(replaced)).await;
    let (_new, text) = connect_to(&running.parent).await;
    assert_eq!(text, image("two"));

    // For longer than connections take to be counted.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    session.write_all(b"still here").await.unwrap();
    let mut echo = [0; 10];
    session.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"still here");
    assert_eq!(running.rig.names(), ["sealnote", "sealnote-2"]);
    drop(session);
    until(|| running.rig.names() == ["sealnote-2"]).await;
    running.stop().await;
}

async fn a_client_that_meets_a_dead_enclave_is_held_until_the_next() {
    let running = Running::start(|plan| plan.watch_interval = Duration::from_secs(3600)).await;
    connect_to(&running.parent).await;
    running.rig.machine.kill("i-0123-enc1");
    // Its own failure has the supervisor look.
    let (_session, text) = connect_to(&running.parent).await;
    assert_eq!(text, image("one"));
    let ended = running.metrics();
    assert!(
        ended.contains("sealnote_parent_enclaves_ended_total{reason="),
        "{ended}"
    );
    running.stop().await;
}

async fn without_nitro_cli_the_parent_learns_of_it() {
    let mut running =
        Running::start(|plan| plan.nitro_cli.program = "/missing/nitro-cli".into()).await;
    let error = running.supervised.failed().await;
    assert!(matches!(error, StartError::NitroCli(_)), "{error}");
}

fn image(name: &str) -> String {
    format!("{FULL}{name}")
}

struct Running {
    rig: Rig,
    supervised: Supervised,
    parent: Endpoint,
    metrics: std::sync::Arc<sealnote_parent::Metrics>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Snapshot>,
}

impl Running {
    async fn start(set: impl FnOnce(&mut Plan)) -> Self {
        let mut rig = Rig::idle(&image("one"));
        set(&mut rig.plan);
        let path = rig.machine.folder.join("parent.sock");
        let listen = Endpoint::Unix { path };
        let folder = rig.machine.folder.clone();
        let place = move |cid| Endpoint::Unix {
            path: folder.join(format!("{cid}.sock")),
        };
        let mut config = Config::new(listen, place(rig.plan.cid));
        config.drain_timeout = Duration::from_millis(100);
        let parent = Parent::bind(config).await.unwrap();
        let supervised = Supervised::start(&parent, rig.plan.clone(), place).unwrap();
        let (metrics, endpoint) = (parent.metrics(), parent.local_endpoint().clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            parent.run(stopped).await.unwrap()
        });
        Running {
            rig,
            supervised,
            parent: endpoint,
            metrics,
            stop,
            serving,
        }
    }

    fn metrics(&self) -> String {
        self.metrics.encode()
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.unwrap();
        self.supervised.stop().await;
        assert_eq!(self.rig.machine.running().len(), 0);
    }
}
