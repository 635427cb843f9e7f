//! The operator's HTTP, asked as scrapers and as strangers ask.

use std::time::{Duration, Instant};

use sealnote_parent::{Config, Listen, Parent, ParentError};
use sealnote_transport::{Endpoint, Stream, connect};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use crate::{Rig, SOON};

#[tokio::test]
async fn a_scrape_tells_what_is_open_of_what_may_be() {
    let mut rig = rig(|config| config.max_connections = 7.try_into().unwrap()).await;
    let (mut client, mut enclave) = rig.pair().await;
    client.write_all(b"question").await.unwrap();
    enclave.read_exact(&mut [0; 8]).await.unwrap();
    say_an_answer(&mut client, &mut enclave).await;
    rig.until(|counters| counters.to_enclave_bytes == 8).await;

    let answer = get(&rig, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    for line in [
        "sealnote_parent_connections_open 1",
        "sealnote_parent_connections_limit 7",
        "sealnote_parent_ready 1",
        "sealnote_parent_carried_bytes_total{direction=\"to_enclave\"} 8",
        "sealnote_parent_enclave_connect_duration_seconds_count 1",
        "sealnote_parent_connections_ended_total{reason=\"finished\"} 0",
        "# TYPE process_cpu_seconds_total counter",
        "# TYPE process_open_fds gauge",
    ] {
        assert!(
            answer.lines().any(|l| l == line),
            "{line} is not in {answer}"
        );
    }
    let resident = sample(&answer, "process_resident_memory_bytes");
    assert!(resident > 1e6, "{resident}");
    assert!(sample(&answer, "process_max_fds") >= sample(&answer, "process_open_fds"));
}

#[tokio::test]
async fn each_end_of_a_connection_is_counted_by_its_reason() {
    let mut rig = rig(|config| {
        config.listen = "tcp:127.0.0.1:0".parse().unwrap();
        config.idle_timeout = Duration::from_millis(700);
        config.connect_timeout = Duration::from_millis(300);
    })
    .await;
    let (mut client, mut enclave) = rig.pair().await;
    client.shutdown().await.unwrap();
    enclave.shutdown().await.unwrap();
    rig.until(|counters| counters.open == 0).await;
    let Stream::Tcp(client) = rig.pair().await.0 else {
        panic!("not over TCP");
    };
    // Closed so, a socket resets its connection.
    client.set_zero_linger().unwrap();
    drop(client);
    rig.until(|counters| counters.open == 0).await;
    let _idle = rig.pair().await;
    rig.until(|counters| counters.open == 0).await;
    rig.enclave = None;
    let _unreached = connect(&rig.parent).await.unwrap();
    rig.until(|counters| counters.unreached == 1).await;

    rig.until(|counters| counters.open == 0).await;
    let answer = get(&rig, "/metrics").await;
    for (reason, count) in [
        ("finished", 1.0),
        ("client_failed", 1.0),
        ("idle", 1.0),
        ("enclave_unreached", 1.0),
        ("enclave_failed", 0.0),
        ("stopped", 0.0),
    ] {
        let name = format!("sealnote_parent_connections_ended_total{{reason=\"{reason}\"}}");
        assert_eq!(sample(&answer, &name), count, "{reason}");
    }
    let lasted = "sealnote_parent_connection_duration_seconds";
    assert_eq!(sample(&answer, &format!("{lasted}_count")), 4.0);
    // The idle one alone took this long.
    assert!(sample(&answer, &format!("{lasted}_sum")) > 0.7);
}

#[tokio::test]
async fn readiness_ends_before_new_clients_are_refused() {
    let mut rig = rig(|config| config.drain_delay = Duration::from_millis(1500)).await;
    assert!(get(&rig, "/healthz").await.ends_with("\r\n\r\nok\n"));
    let early = get(&rig, "/readyz").await;
    assert!(early.starts_with("HTTP/1.1 503"), "{early}");
    assert!(early.ends_with("\r\n\r\nno enclave answers\n"), "{early}");
    let (mut client, mut enclave) = rig.pair().await;
    say_an_answer(&mut client, &mut enclave).await;
    assert!(
        get(&rig, "/readyz")
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
    );

    rig.shut_down();
    let start = Instant::now();
    let mut answer = get(&rig, "/readyz").await;
    while answer.starts_with("HTTP/1.1 200") && start.elapsed() < Duration::from_secs(1) {
        sleep(Duration::from_millis(10)).await;
        answer = get(&rig, "/readyz").await;
    }
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("\r\n\r\nthe parent is stopping\n"),
        "{answer}"
    );
    assert_eq!(
        sample(&get(&rig, "/metrics").await, "sealnote_parent_ready"),
        0.0
    );
    assert!(get(&rig, "/healthz").await.starts_with("HTTP/1.1 200"));

    // Who comes meanwhile is served; and while connections end, the pages are still there.
    let (mut late, mut enclave) = rig.pair().await;
    assert!(start.elapsed() < Duration::from_millis(1500));
    let closed = async {
        while connect(&rig.parent).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, closed).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(1500));
    assert!(get(&rig, "/readyz").await.starts_with("HTTP/1.1 503"));
    late.write_all(b"x").await.unwrap();
    assert_eq!(enclave.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn only_the_pages_are_there_and_only_to_be_read() {
    let rig = rig(|_| {}).await;
    let head = ask(&rig, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    assert!(length.unwrap().parse::<usize>().unwrap() > 1000);

    let post = ask(
        &rig,
        b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
    )
    .await;
    assert!(
        post.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"),
        "{post}"
    );
    assert!(post.contains("allow: GET, HEAD\r\n"), "{post}");
    let absent = get(&rig, "/../etc/passwd?canary").await;
    assert!(absent.starts_with("HTTP/1.1 404 Not Found\r\n"), "{absent}");
    assert!(
        !absent.contains("canary") && !absent.contains("etc"),
        "{absent}"
    );
    let query = get(&rig, "/healthz?at=now").await;
    assert!(query.starts_with("HTTP/1.1 200 OK\r\n"), "{query}");

    // One exchange a connection.
    let two = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = ask(&rig, two).await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_no_request_is_closed_and_disturbs_nobody() {
    let mut rig = rig(|_| {}).await;
    let (mut client, mut enclave) = rig.pair().await;
    let huge_header = [b"GET /metrics HTTP/1.1\r\nX: ".as_slice(), &[b'a'; 1 << 20]].concat();
    let many_headers = [
        b"GET /metrics HTTP/1.1\r\n".to_vec(),
        b"X: a\r\n".repeat(10_000),
    ]
    .concat();
    let garbage: [&[u8]; 9] = [
        b"GET /metrics\r\n",
        b"GET /metrics HTTP/0.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0",
        b"GET \xff\xfe HTTP/1.1\r\n\r\n",
        b"\r\n\r\n\r\n\r\n nonsense nonsense \r\n\r\n",
        &huge_header,
        &many_headers,
    ];
    for bytes in garbage {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(30)]).into_owned();
        let start = Instant::now();
        let answer = ask(&rig, bytes).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{shown:?} is answered by {answer}");
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{shown:?} is waited for"
        );
        client.write_all(b"x").await.unwrap();
        assert_eq!(enclave.read_u8().await.unwrap(), b'x');
    }
    assert!(get(&rig, "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn who_is_slow_has_seconds_and_the_rest_of_the_places_are_others() {
    const PLACES: usize = 64;
    let mut rig = rig(|_| {}).await;
    let (mut client, mut enclave) = rig.pair().await;
    let start = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..PLACES {
        let mut stream = connect(&admin(&rig)).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\n")
            .await
            .unwrap();
        slow.push(stream);
    }
    // One too many is let go at once; patients' connections are none of these.
    assert_eq!(get(&rig, "/healthz").await, "");
    assert!(start.elapsed() < Duration::from_secs(3));
    client.write_all(b"x").await.unwrap();
    assert_eq!(enclave.read_u8().await.unwrap(), b'x');
    assert_eq!(rig.counters().open, 1);

    // A header now and then buys no time.
    let dripping = async {
        for place in (0..PLACES).cycle() {
            sleep(Duration::from_millis(10)).await;
            if slow[place].write_all(b"X: a\r\n").await.is_err() {
                break;
            }
        }
    };
    timeout(SOON, dripping).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(7));
    for stream in &mut slow {
        let mut rest = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap();
        assert_eq!(rest, b"");
    }
    assert!(get(&rig, "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_the_setting() {
    let rig = rig(|_| {}).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp:{}", taken.local_addr().unwrap());
    let mut config = Config::new(
        "tcp:127.0.0.1:0".parse().unwrap(),
        rig.enclave_endpoint.clone(),
    );
    for endpoint in [taken, admin(&rig).to_string()] {
        config.metrics_listen = Some(endpoint.parse().unwrap());
        let error = Parent::bind(config.clone()).await.unwrap_err();
        assert!(matches!(error, ParentError::BindAdmin(_)));
        let expected = format!("metrics-listen: cannot listen on {endpoint}: ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

async fn rig(adjust: impl FnOnce(&mut Config)) -> Rig {
    Rig::start(|config| {
        config.metrics_listen = Some(Endpoint::Unix {
            path: match &config.listen {
                Listen::At(Endpoint::Unix { path }) => path.with_file_name("metrics"),
                other => panic!("{other} is no Unix socket"),
            },
        });
        adjust(config);
    })
    .await
}

/// The first step of a handshake, as far as the parent knows it: more from the enclave than a refusal.
async fn say_an_answer(client: &mut Stream, enclave: &mut Stream) {
    enclave.write_all(b"an answer").await.unwrap();
    client.read_exact(&mut [0; 9]).await.unwrap();
}

fn admin(rig: &Rig) -> Endpoint {
    rig.metrics_endpoint.clone().unwrap()
}

async fn get(rig: &Rig, path: &str) -> String {
    ask(
        rig,
        format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
    )
    .await
}

/// What is answered until the end; a connection that fails has answered no more.
async fn ask(rig: &Rig, bytes: &[u8]) -> String {
    let mut stream = connect(&admin(rig)).await.unwrap();
    let mut answer = Vec::new();
    let exchange = async {
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    timeout(SOON, exchange).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn sample(scrape: &str, name: &str) -> f64 {
    let value = scrape
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no {name} in {scrape}"))
        .parse()
        .unwrap()
}
