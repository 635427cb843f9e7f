//! Listeners that come and go, and the program that is told of them.

use std::{fs, path::Path};

use rustix::process::Signal;
use sealnote_parent::{ReloadError, egress::Egress};

use super::{
    MOMENT,
    house::{Service, egress, joined, unix},
};
use crate::{program::Program, *};

#[tokio::test]
async fn a_reload_opens_and_closes_listeners_and_keeps_connections() {
    let (old, kept, new) = (
        Service::start().await,
        Service::start().await,
        Service::start().await,
    );
    let routes = [old.route(), kept.route()];
    let rig = Rig::start(|config| config.egress = egress(&[&routes[0], &routes[1]])).await;
    let mut of_old = old.pair(&rig).await;
    let mut of_kept = joined(&rig.egress[1], &kept).await;

    let routes = [kept.route(), new.route()];
    rig.reload(egress(&[&routes[0], &routes[1]])).await.unwrap();
    for pair in [&mut of_old, &mut of_kept] {
        pair.0.write_all(b"still").await.unwrap();
        pair.1.read_exact(&mut [0; 5]).await.unwrap();
    }
    until_closed(&old.listen()).await;
    let mut added = joined(&new.listen(), &new).await;
    added.1.write_all(b"n").await.unwrap();
    assert_eq!(added.0.read_u8().await.unwrap(), b'n');
    joined(&kept.listen(), &kept).await;
    // Its counters stay as long as its connection, and no longer.
    assert_eq!(old.of(&rig, "egress_connections_open"), 1);
    assert_eq!(kept.of(&rig, "egress_connections_accepted_total"), 2);
    drop(of_old);
    rig.until_counter(&old.name("egress_connections_open"), 0)
        .await;

    // The listener stays, and leads elsewhere.
    let route = format!("{}={}", kept.listen(), new.destination());
    rig.reload(egress(&[&route])).await.unwrap();
    joined(&kept.listen(), &new).await;
    until_closed(&new.listen()).await;
    of_kept.1.write_all(b"k").await.unwrap();
    assert_eq!(of_kept.0.read_u8().await.unwrap(), b'k');
    assert!(!rig.metrics.encode().contains(&old.destination()));

    rig.reload(Egress::default()).await.unwrap();
    until_closed(&kept.listen()).await;
}

#[tokio::test]
async fn a_reload_that_cannot_listen_changes_nothing() {
    let (old, new) = (Service::start().await, Service::start().await);
    let routes = [
        old.route(),
        new.route(),
        format!("unix:/nowhere/egress={}", new.destination()),
    ];
    let rig = Rig::start(|config| config.egress = egress(&[&routes[0]])).await;
    let error = rig
        .reload(egress(&[&routes[1], &routes[2]]))
        .await
        .unwrap_err();
    assert!(matches!(error, ReloadError::Egress(_)));
    assert!(
        error
            .to_string()
            .starts_with("egress: cannot listen on unix:/nowhere/egress: "),
        "{error}"
    );
    joined(&old.listen(), &old).await;
    assert!(connect(&new.listen()).await.is_err());

    // What is changed besides is not changed either, and what was opened for it is closed.
    let config = Config {
        listen: "tcp:127.0.0.1:0".parse().unwrap(),
        egress: egress(&[&routes[1]]),
        ..rig.config.clone()
    };
    let error = rig.control.replace(config).await.unwrap_err();
    assert!(matches!(error, ReloadError::Fixed("listen")));
    joined(&old.listen(), &old).await;
    assert!(connect(&new.listen()).await.is_err());
}

#[tokio::test]
async fn on_shutdown_egress_has_the_time_of_clients_and_no_longer() {
    let service = Service::start().await;
    let mut rig = service.rig(|_| {}).await;
    let metrics = std::sync::Arc::clone(&rig.metrics);
    rig.reload_config(|config| config.drain_timeout = MOMENT * 3)
        .await;
    let (mut finishing, mut key_service) = service.pair(&rig).await;
    let (mut lingering, _silent) = service.pair(&rig).await;
    rig.shut_down();
    until_closed(&service.listen()).await;
    finishing.write_all(b"last").await.unwrap();
    finishing.shutdown().await.unwrap();
    assert_eq!(read_all(&mut key_service).await, b"last");
    drop(key_service);
    let start = Instant::now();
    assert_eq!(read_all(&mut lingering).await, b"");
    assert!(start.elapsed() >= MOMENT);
    timeout(SOON, rig.running).await.unwrap().unwrap().unwrap();
    let scrape = metrics.encode();
    for reason in ["finished", "stopped"] {
        let ended = service.name_with("egress_connections_ended_total", "reason", reason);
        let line = format!("sealnote_parent_{ended} ");
        let count = scrape
            .lines()
            .find_map(|found| found.strip_prefix(&line))
            .unwrap();
        // One more may have come before the listener was closed.
        let expected = if reason == "finished" { "1" } else { "12" };
        assert!(
            count.len() == 1 && expected.contains(count),
            "{reason}: {count}"
        );
    }
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    let service = Service::start().await;
    let rig = service.rig(|_| {}).await;
    let mut config = rig.config.clone();
    config.listen = "tcp:127.0.0.1:0".parse().unwrap();
    let error = Parent::bind(config).await.unwrap_err();
    assert!(matches!(error, ParentError::BindEgress(_)));
    assert!(
        error.to_string().contains(&service.listen().to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn the_program_opens_what_is_allowed_and_a_reload_keeps_it_beside_a_bad_list() {
    let service = Service::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (settings, list) = (
        folder.path().join("parent.toml"),
        folder.path().join("egress.yaml"),
    );
    let (first, second) = (unix(&folder, "first"), unix(&folder, "second"));
    let write = |egress: &str| {
        let clients = unix(&folder, "clients");
        let list = list.display();
        let text = format!(
            "listen = '{clients}'\nenclave = 'unix:/nowhere'\negress-allowlist = '{list}'\negress = {egress}\n"
        );
        fs::write(&settings, text).unwrap();
    };
    let to = service.destination();
    allow(&list, &to);
    write(&format!("'{first}={to}'"));
    let mut program = Program::start(&["--config", settings.to_str().unwrap()]);
    let line = program.until("egress to ");
    assert!(
        line.contains(&format!("egress to {to} on {first}")),
        "{line}"
    );
    program.until("listening on");
    joined(&first.parse().unwrap(), &service).await;

    for (egress, text, reason) in [
        (
            format!("['{first}={to}', '{second}=other.example:443']"),
            None,
            "the egress to other.example:443 is not on the allow list",
        ),
        (
            format!("['{first}={to}', '{first}={to}']"),
            None,
            "two egresses listen on",
        ),
        (
            format!("'{first}=key.example:0'"),
            None,
            "parent.toml:4:10: a destination is HOST:PORT",
        ),
        (
            format!("'{first}'"),
            None,
            "parent.toml:4:10: an egress is ADDR=HOST:PORT",
        ),
        (
            format!("'{first}={to}'"),
            Some("allowlist:\n- {address: 'a}\n"),
            "egress.yaml:2:13: this is not YAML",
        ),
        (
            format!("'{first}={to}'"),
            Some("allowlist:\n- {address: a}\n"),
            "egress.yaml:2:3: this entry has no `port`",
        ),
        (
            format!("'{first}={to}'"),
            Some("allowlist: []\n"),
            "is not on the allow list",
        ),
    ] {
        write(&egress);
        if let Some(text) = text {
            fs::write(&list, text).unwrap();
        }
        program.signal(Signal::HUP);
        let line = program.until("the settings stay as they are: ");
        assert!(line.contains(reason), "{line}");
        joined(&first.parse().unwrap(), &service).await;
        assert!(connect(&second.parse().unwrap()).await.is_err());
    }
    allow(&list, &to);
    write(&format!("['{first}={to}', '{second}={to}']"));
    program.signal(Signal::HUP);
    program.until("settings read again");
    joined(&second.parse().unwrap(), &service).await;
    program.signal(Signal::TERM);
    assert!(program.end().success());
}

#[tokio::test]
async fn what_is_not_allowed_keeps_the_program_from_starting_and_nothing_is_dialled() {
    let service = Service::start().await;
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("egress.yaml");
    let to = service.destination();
    allow(&list, "127.0.0.1:1");
    let (egress, list) = (
        format!("{}={to}", unix(&folder, "egress")),
        list.to_str().unwrap(),
    );
    let missing = folder.path().join("missing.yaml");
    for (arguments, expected) in [
        (
            vec!["--egress", &egress, "--egress-allowlist", list],
            format!("the egress to {to} is not on the allow list; if it may be, add "),
        ),
        (
            vec!["--egress", &egress],
            "egress-allowlist is not set: give --egress-allowlist".into(),
        ),
        (
            vec!["--egress-allowlist", list],
            "egress is not set: give --egress".into(),
        ),
        (
            vec![
                "--egress",
                &egress,
                "--egress-allowlist",
                missing.to_str().unwrap(),
            ],
            format!("the allow list {} cannot be read: ", missing.display()),
        ),
    ] {
        let free = ["--listen", "tcp:127.0.0.1:0", "--enclave", "unix:/nowhere"];
        let mut program = Program::start(&[&free, &*arguments].concat());
        let line = program.line();
        assert!(
            line.starts_with(&format!("sealnote-parent: {expected}")),
            "{line}"
        );
        assert_eq!(program.end().code(), Some(2));
        assert_eq!(program.rest(), "");
    }
    assert!(
        timeout(MOMENT / 3, service.listener.accept())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_fails_is_logged_once_in_a_while() {
    let service = Service::start().await;
    drop(service.listener);
    let folder = tempfile::tempdir().unwrap();
    let (list, at) = (folder.path().join("egress.yaml"), unix(&folder, "egress"));
    let to = &service.destination;
    allow(&list, to);
    let mut program = Program::start(&[
        "--listen",
        "tcp:127.0.0.1:0",
        "--enclave",
        "unix:/nowhere",
        "--egress",
        &format!("{at}={to}"),
        "--egress-allowlist",
        list.to_str().unwrap(),
    ]);
    program.until("listening on");
    for _ in 0..5 {
        read_all(&mut connect(&at.parse().unwrap()).await.unwrap()).await;
    }
    program.signal(Signal::TERM);
    let rest = program.rest();
    let lines: Vec<&str> = rest
        .lines()
        .filter(|line| line.contains("egress to"))
        .collect();
    assert_eq!(lines.len(), 1, "{rest}");
    assert!(
        lines[0].contains(&format!("egress to {to}: cannot connect to tcp:{to}: ")),
        "{rest}"
    );
    assert!(lines[0].contains("connections=1"), "{rest}");
}

impl Rig {
    async fn reload(&self, egress: Egress) -> Result<(), ReloadError> {
        let config = Config {
            egress,
            ..self.config.clone()
        };
        self.control.replace(config).await
    }

    async fn reload_config(&self, adjust: impl FnOnce(&mut Config)) {
        let mut config = self.config.clone();
        adjust(&mut config);
        self.control.replace(config).await.unwrap();
    }
}

async fn until_closed(listen: &Endpoint) {
    let closed = async {
        while connect(listen).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, closed).await.unwrap();
}

fn allow(list: &Path, destination: &str) {
    let (host, port) = destination.rsplit_once(':').unwrap();
    fs::write(
        list,
        format!("allowlist:\n- {{address: {host}, port: {port}}}\n"),
    )
    .unwrap();
}
