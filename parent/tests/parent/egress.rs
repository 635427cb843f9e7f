//! What the enclave may reach: its connections through the parent, to destinations that are good, bad and not allowed.

#[path = "egress/house.rs"]
mod house;
#[path = "egress/reload.rs"]
mod reload;

use std::net::Ipv4Addr;

use sealnote_parent::egress::Limits;
use tokio::net::{TcpListener, TcpStream};

use crate::*;
use house::{Service, egress, unix};

const MOMENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn each_direction_ends_by_itself() {
    let service = Service::start().await;
    let rig = service.rig(|_| {}).await;

    // The enclave ends first, and is answered all the same.
    let (mut enclave, mut key_service) = service.pair(&rig).await;
    enclave.write_all(b"question").await.unwrap();
    enclave.shutdown().await.unwrap();
    assert_eq!(read_all(&mut key_service).await, b"question");
    key_service.write_all(b"the answer").await.unwrap();
    key_service.shutdown().await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"the answer");

    // The service speaks first and ends first, and is still spoken to.
    let (mut enclave, mut key_service) = service.pair(&rig).await;
    key_service.write_all(b"hello").await.unwrap();
    key_service.shutdown().await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"hello");
    enclave.write_all(b"thanks").await.unwrap();
    enclave.shutdown().await.unwrap();
    assert_eq!(read_all(&mut key_service).await, b"thanks");

    service.until_ended(&rig, "finished", 2).await;
    let carried =
        |direction| service.counter(&rig, "egress_carried_bytes_total", "direction", direction);
    assert_eq!((carried("to_destination"), carried("to_enclave")), (14, 15));
    assert_eq!(service.of(&rig, "egress_connections_accepted_total"), 2);
    assert_eq!(service.of(&rig, "egress_connections_open"), 0);
    // Of clients, nothing was counted.
    assert_eq!(rig.counters(), Snapshot::default());
}

#[tokio::test]
async fn a_large_transfer_arrives_whole_both_ways_at_once() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let service = Service::start().await;
    let rig = service.rig(|_| {}).await;
    let (enclave, key_service) = service.pair(&rig).await;
    let both = async {
        tokio::join!(
            exchange(enclave, 1, LENGTH),
            exchange(key_service, 2, LENGTH)
        )
    };
    let (at_enclave, at_service) = timeout(SOON, both).await.unwrap();
    assert!(at_enclave == noise(2, LENGTH));
    assert!(at_service == noise(1, LENGTH));
}

#[tokio::test]
async fn a_name_is_resolved_at_each_connection_and_a_service_that_was_down_is_reached() {
    let service = Service::start().await;
    let port = service.listener.local_addr().unwrap().port();
    drop(service.listener);
    let folder = tempfile::tempdir().unwrap();
    let route = format!("{}=LocalHost:{port}", unix(&folder, "egress"));
    let rig = Rig::start(|config| config.egress = egress(&[&route])).await;
    let ended = |reason| {
        format!(
            r#"egress_connections_ended_total{{destination="localhost:{port}",reason="{reason}"}}"#
        )
    };
    for tries in 1..3 {
        let mut enclave = connect(&rig.egress[0]).await.unwrap();
        assert_eq!(read_all(&mut enclave).await, b"");
        rig.until_counter(&ended("destination_unreached"), tries)
            .await;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let mut enclave = connect(&rig.egress[0]).await.unwrap();
    let (mut key_service, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
    key_service.write_all(b"here").await.unwrap();
    drop(key_service);
    assert_eq!(read_all(&mut enclave).await, b"here");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_ends_the_connection_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // No label is so long (RFC 1035, section 2.3.4), so that nobody is asked for it.
    let name = "x".repeat(64);
    let route = format!("{}={name}:443", unix(&folder, "egress"));
    let rig = Rig::start(|config| config.egress = egress(&[&route])).await;
    let start = Instant::now();
    let mut enclave = connect(&rig.egress[0]).await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"");
    assert!(start.elapsed() < Limits::default().connect);
    let ended = format!(
        r#"egress_connections_ended_total{{destination="{name}:443",reason="destination_unresolved"}}"#
    );
    rig.until_counter(&ended, 1).await;
}

#[tokio::test]
async fn a_service_that_takes_no_connection_holds_none_for_long() {
    // A queue of one, which is full: the system answers nobody else.
    let full = TcpSocket::new_v4().unwrap();
    full.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let full = full.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = timeout(MOMENT, TcpStream::connect(address)).await {
        queued.push(stream);
        assert!(queued.len() < 64, "the queue has no end");
    }
    let folder = tempfile::tempdir().unwrap();
    let route = format!("{}={address}", unix(&folder, "egress"));
    let rig = Rig::start(|config| {
        config.egress = egress(&[&route]);
        config.egress.limits.connect = MOMENT;
    })
    .await;
    let start = Instant::now();
    let mut enclave = connect(&rig.egress[0]).await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"");
    assert!(start.elapsed() >= MOMENT && start.elapsed() < SOON);
    let ended = format!(
        r#"egress_connections_ended_total{{destination="{address}",reason="destination_unreached"}}"#
    );
    rig.until_counter(&ended, 1).await;
}

#[tokio::test]
async fn a_service_may_be_slow_and_not_silent() {
    let service = Service::start().await;
    let rig = service.rig(|limits| limits.idle = MOMENT).await;
    let (mut enclave, mut key_service) = service.pair(&rig).await;
    enclave.write_all(b"key?").await.unwrap();
    for letter in b"slow" {
        sleep(MOMENT * 2 / 3).await;
        key_service.write_u8(*letter).await.unwrap();
        assert_eq!(enclave.read_u8().await.unwrap(), *letter);
    }
    let start = Instant::now();
    assert_eq!(read_all(&mut enclave).await, b"");
    assert!(start.elapsed() >= MOMENT / 2);
    service.until_ended(&rig, "idle", 1).await;

    // One that never answers is not waited for by an enclave that goes on speaking.
    let (enclave, _silent) = service.pair(&rig).await;
    let (mut receive, mut send) = enclave.into_split();
    let start = Instant::now();
    let speaking = tokio::spawn(async move {
        while send.write_all(b".").await.is_ok() {
            sleep(MOMENT / 10).await;
        }
    });
    assert!(timeout(SOON, receive.read_u8()).await.unwrap().is_err());
    assert!(start.elapsed() >= MOMENT * 2 / 3);
    timeout(SOON, speaking).await.unwrap().unwrap();
    service.until_ended(&rig, "idle", 2).await;
}

#[tokio::test]
async fn a_connection_ends_at_its_age_and_by_what_it_carries() {
    let service = Service::start().await;
    let rig = service
        .rig(|limits| {
            limits.lifetime = MOMENT * 2;
            limits.bytes = 1000.try_into().unwrap();
        })
        .await;
    let (mut enclave, mut key_service) = service.pair(&rig).await;
    enclave.write_all(&[1; 600]).await.unwrap();
    key_service.read_exact(&mut [0; 600]).await.unwrap();
    key_service.write_all(&[2; 401]).await.unwrap();
    let mut got = Vec::new();
    let _ = timeout(SOON, enclave.read_to_end(&mut got)).await.unwrap();
    assert!(got.len() <= 400);
    service.until_ended(&rig, "bytes", 1).await;

    let (mut enclave, mut key_service) = service.pair(&rig).await;
    let start = Instant::now();
    while enclave.write_all(b".").await.is_ok() && key_service.read_u8().await.is_ok() {
        key_service.write_u8(b'.').await.unwrap();
        sleep(MOMENT / 10).await;
        assert!(start.elapsed() < SOON, "it goes on and on");
    }
    service.until_ended(&rig, "lifetime", 1).await;
}

#[tokio::test]
async fn a_service_that_dies_takes_its_connection_along_and_so_does_the_enclave() {
    let service = Service::start().await;
    let rig = service.rig(|_| {}).await;
    let (mut enclave, mut key_service) = service.pair(&rig).await;
    enclave.write_all(b"unread").await.unwrap();
    key_service.write_all(b"half an ans").await.unwrap();
    sleep(MOMENT / 3).await;
    // With unread input: it is reset.
    drop(key_service);
    assert_eq!(read_all(&mut enclave).await, b"half an ans");
    drop(enclave);
    service.until_ended(&rig, "destination_failed", 1).await;

    let (enclave, mut key_service) = service.pair(&rig).await;
    drop(enclave);
    assert_eq!(read_all(&mut key_service).await, b"");
    drop(key_service);
    rig.until_counter(&service.name("egress_connections_open"), 0)
        .await;
}

#[tokio::test]
async fn one_destination_has_so_many_connections_and_another_its_own() {
    let (service, other) = (Service::start().await, Service::start().await);
    let routes = [service.route(), other.route()];
    let rig = Rig::start(|config| {
        config.egress = egress(&[&routes[0], &routes[1]]);
        config.egress.limits.connections = 2.try_into().unwrap();
    })
    .await;
    let first = service.pair(&rig).await;
    let mut second = service.pair(&rig).await;
    let mut third = connect(&rig.egress[0]).await.unwrap();
    assert_eq!(read_all(&mut third).await, b"");
    let refused =
        |reason| service.counter(&rig, "egress_connections_refused_total", "reason", reason);
    assert_eq!((refused("connections"), refused("cid")), (1, 0));
    assert_eq!(service.of(&rig, "egress_connections_open"), 2);

    let mut elsewhere = connect(&rig.egress[1]).await.unwrap();
    let mut key_service = other.accept().await;
    key_service.write_all(b"x").await.unwrap();
    assert_eq!(elsewhere.read_u8().await.unwrap(), b'x');
    second.1.write_all(b"y").await.unwrap();
    assert_eq!(second.0.read_u8().await.unwrap(), b'y');
    drop(first);
    rig.until_counter(&service.name("egress_connections_open"), 1)
        .await;
    let mut again = service.pair(&rig).await;
    again.1.write_all(b"z").await.unwrap();
    assert_eq!(again.0.read_u8().await.unwrap(), b'z');
}
