//! Several enclaves behind one parent. Time is tokio's own here: it passes only while everybody waits.

#[path = "upstreams/house.rs"]
mod house;

use std::{
    cell::RefCell,
    io,
    sync::{Once, atomic::Ordering::Relaxed},
    time::Duration,
};

use house::{CLIENT_HELLO, Client, House, Manner, header};
use sealnote_parent::Balance;
use sealnote_transport::connect;
use tokio::{
    io::AsyncWriteExt,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{SOON, read_all};

const SECOND: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_secs(10);
/// The rest of a period in which a client was answered, a period until the next probe, and three that fail slowly.
const UNTIL_EJECTED: Duration = Duration::from_secs(55);

#[tokio::test(start_paused = true)]
async fn clients_are_shared_out_by_weight() {
    for balance in [Balance::LeastConnections, Balance::RoundRobin] {
        let house = House::start(["", ",weight=2", ",weight=3"], |config| {
            config.balance = balance;
        })
        .await;
        let mut clients = Vec::new();
        for _ in 0..12 {
            clients.push(house.client().await);
        }
        assert_eq!(house.open(), [2, 4, 6]);
        // Those of the last leave, and as many come. Only one of the two minds.
        clients.retain(|client| client.enclave != 2);
        house.until(|house| house.open() == [2, 4, 0]).await;
        for _ in 0..6 {
            clients.push(house.client().await);
        }
        let expected = match balance {
            Balance::LeastConnections => [2, 4, 6],
            Balance::RoundRobin => [3, 6, 3],
        };
        assert_eq!(house.open(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_enclave_that_is_not_reached_is_followed_by_the_next_without_a_wait() {
    let house = House::start(["", ""], |_| {}).await;
    house.enclaves[0].turn(Manner::Down).await;
    let start = Instant::now();
    for _ in 0..6 {
        assert_eq!(house.client().await.enclave, 1);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(house.count("enclave_dial_failures_total", 0) > 0);
    assert_eq!(house.metrics.snapshot().unreached, 0);
}

#[tokio::test(start_paused = true)]
async fn an_enclave_that_fails_gets_nobody_until_it_is_back() {
    let house = House::start(["", ""], |_| {}).await;
    let before = house.client().await;
    assert_eq!(before.enclave, 0);
    for manner in [
        Manner::Down,
        Manner::Silent,
        Manner::Resets,
        Manner::Refuses,
        Manner::Web,
        Manner::Cut,
    ] {
        house.enclaves[1].turn(manner).await;
        sleep(UNTIL_EJECTED).await;
        assert_eq!(house.ejected(), [0, 1], "{manner:?}");
        let failures = house.count("enclave_dial_failures_total", 1);
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(house.client().await);
            assert_eq!(clients.last().unwrap().enclave, 0, "{manner:?}");
        }
        assert_eq!(house.count("enclave_dial_failures_total", 1), failures);

        // It is probed once in a minute by now at the latest.
        house.enclaves[1].turn(Manner::Answers).await;
        sleep(SECOND * 60).await;
        assert_eq!(house.ejected(), [0, 0], "{manner:?}");
        assert_eq!(house.client().await.enclave, 1, "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_enclave_without_a_place_is_alive() {
    let house = House::start([""], |_| {}).await;
    house.enclaves[0].turn(Manner::Full).await;
    sleep(UNTIL_EJECTED).await;
    assert_eq!(house.ejected(), [0]);
    assert!(house.upstreams.ready());
    assert_eq!(house.probes("passed", 0), 6);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_left_out_clients_wait_for_any_and_bring_it_back() {
    let house = House::start(["", ""], |config| config.connect_timeout = SECOND * 60).await;
    house.enclaves[0].turn(Manner::Down).await;
    house.enclaves[1].turn(Manner::Down).await;
    sleep(UNTIL_EJECTED).await;
    assert_eq!(house.ejected(), [1, 1]);
    let (client, ()) = tokio::join!(house.client(), async {
        sleep(SECOND * 2).await;
        // Its next probe is later than that.
        house.enclaves[1].turn(Manner::Answers).await;
        assert_eq!(house.ejected(), [1, 1]);
    });
    assert_eq!(client.enclave, 1);
    assert_eq!(house.ejected(), [1, 0]);
    assert_eq!(house.probes("passed", 1), 0);
    assert!(house.upstreams.ready());
}

#[tokio::test(start_paused = true)]
async fn an_idle_enclave_is_probed_once_in_ten_seconds_and_let_go_at_once() {
    let house = House::start([""], |_| {}).await;
    assert!(!house.upstreams.ready());
    sleep(SECOND * 2).await;
    assert!(house.upstreams.ready());
    sleep(SECOND * 100).await;
    assert_eq!(
        house.enclaves[0].probes(),
        [1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 101]
    );
    assert_eq!(house.probes("passed", 0), 11);
    // Each was read to its end, and ended.
    assert_eq!(house.enclaves[0].seen.finished.load(Relaxed), 11);
    assert_eq!(house.count("enclave_connections_total", 0), 0);
}

#[tokio::test(start_paused = true)]
async fn an_enclave_that_answers_clients_is_not_probed() {
    let house = House::start([""], |_| {}).await;
    // Clients that come and go, and then one that stays.
    for _ in 0..50 {
        house.client().await;
        assert!(house.upstreams.ready());
        sleep(SECOND).await;
    }
    let mut client = house.client().await;
    for _ in 0..50 {
        client.echo().await;
        sleep(SECOND).await;
    }
    assert!(house.enclaves[0].probes().is_empty());
    // It falls silent.
    sleep(PERIOD * 2).await;
    assert_eq!(house.enclaves[0].probes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_session_does_not_hide_that_new_ones_get_no_answer() {
    let house = House::start([""], |_| {}).await;
    let mut old = house.client().await;
    house.enclaves[0].turn(Manner::Refuses).await;
    for _ in 0..60 {
        old.echo().await;
        let mut refused = connect(&house.endpoint).await.unwrap();
        refused.write_all(&CLIENT_HELLO).await.unwrap();
        assert_eq!(read_all(&mut refused).await, header(5, 0));
        sleep(SECOND).await;
    }
    assert_eq!(house.ejected(), [1]);
    old.echo().await;
    assert_eq!(house.ejected(), [1], "it says nothing of new ones");
    house.enclaves[0].turn(Manner::Answers).await;
    sleep(SECOND * 60).await;
    assert_eq!(house.ejected(), [0]);
}

#[tokio::test(start_paused = true)]
async fn strangers_that_say_nothing_have_no_enclave_left_out() {
    let house = House::start([""], |_| {}).await;
    for _ in 0..100 {
        drop(connect(&house.endpoint).await.unwrap());
        sleep(SECOND).await;
    }
    assert_eq!(house.ejected(), [0]);
    // They are a reason to look, and no more than any other.
    assert_eq!(house.enclaves[0].probes().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_enclave_is_drained_under_load_and_nothing_is_dropped() {
    // Once by order, and once by being named no more; then it is there again.
    for drained in [Some(",drain"), None] {
        let house = House::start(["", ""], |_| {}).await;
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(house.client().await);
        }
        let working: Vec<JoinHandle<Client>> = clients
            .into_iter()
            .map(|client| tokio::spawn(client.work()))
            .collect();
        sleep(SECOND).await;
        house.reload([drained, Some("")]).await;
        for _ in 0..4 {
            assert_eq!(house.client().await.enclave, 1, "nobody new gets it");
        }
        assert_eq!(house.open()[..1], [4]);
        for client in working {
            drop(timeout(SOON, client).await.unwrap().unwrap());
        }
        house
            .until(|house| house.open().iter().sum::<u64>() == 0)
            .await;
        // It is said of one that is named only.
        assert_eq!(house.open().len(), 1 + usize::from(drained.is_some()));
        let probed = house.enclaves[0].probes().len();
        sleep(PERIOD * 5).await;
        assert_eq!(house.enclaves[0].probes().len(), probed);

        house.reload([Some(""), Some("")]).await;
        sleep(PERIOD).await;
        let first = house.client().await.enclave;
        assert_ne!(house.client().await.enclave, first);
        house.enclaves[0].turn(Manner::Down).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_every_enclave_is_drained_a_client_waits_for_one_that_is_not() {
    let house = House::start([",drain"], |_| {}).await;
    let (client, ()) = tokio::join!(house.client(), async {
        sleep(SECOND * 5).await;
        assert!(!house.upstreams.ready());
        house.reload([Some("")]).await;
    });
    assert_eq!(client.enclave, 0);
    assert!(house.upstreams.ready());
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_an_enclave_is_in_the_log() {
    Log::start();
    let house = House::start(["", ""], |_| {}).await;
    house.enclaves[0].turn(Manner::Down).await;
    sleep(UNTIL_EJECTED).await;
    house.enclaves[0].turn(Manner::Answers).await;
    sleep(SECOND * 60).await;
    let client = house.client().await;
    house.reload([Some(",drain"), Some(",drain")]).await;
    sleep(SECOND).await;
    drop(client);
    sleep(SECOND).await;
    let log = Log::text();
    let said = |event: &str, of: usize| {
        let of = format!("enclave={}", house.enclaves[of].endpoint);
        let lines = log
            .lines()
            .filter(|line| line.contains(event) && line.contains(&of));
        lines.count()
    };
    for (event, first, second) in [
        ("enclave failed a probe: ", 1, 0),
        ("enclave ejected: ", 1, 0),
        ("enclave returned", 1, 0),
        ("enclave draining", 1, 0),
        ("enclave drained", 1, 1),
    ] {
        assert_eq!(
            (said(event, 0), said(event, 1)),
            (first, second),
            "{event}\n{log}"
        );
    }
}

/// What this thread has logged, and with it this test, whose runtime has no other. One for all threads, since tracing asks once
/// for each event whether anybody wants it.
#[derive(Clone, Copy)]
struct Log;

thread_local!(static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

impl Log {
    fn start() {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            let lines = tracing_subscriber::fmt()
                .with_writer(|| Log)
                .with_ansi(false);
            lines.init();
        });
    }

    fn text() -> String {
        LOGGED.with_borrow(|logged| String::from_utf8(logged.clone()).unwrap())
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
