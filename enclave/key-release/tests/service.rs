//! One request to a service: what goes out, what comes back, and what is refused.

mod kit;

use std::time::{Duration, Instant};

use hyper::{Request, body::Bytes};
use kit::{Authority, Server, answer};
use rustls::version;
use sealnote_key_release::http::{HttpError, MAX_BODY, MAX_FIELDS, MAX_HEAD, Service};
use sealnote_key_release::tls::{CertificateFault, TlsError};
use tokio::net::TcpListener;

const HOST: &str = "kms.example.test";
const LONG: Duration = Duration::from_secs(20);

fn request() -> Request<Bytes> {
    Request::post("/some/path?x=1")
        .header("x-field", "value")
        .body(Bytes::from_static(b"the request"))
        .unwrap()
}

/// What a server that answers with these bytes, in the clear, is heard to say.
async fn heard(bytes: Vec<u8>) -> Result<(u16, Vec<u8>), HttpError> {
    let server = Server::start(None, move |_| bytes.clone()).await;
    let service = Service::in_the_clear(HOST, server.via).unwrap();
    let answer = service.exchange(request(), LONG).await?;
    Ok((answer.status().as_u16(), answer.into_body()))
}

async fn tls_error(tls: Option<rustls::ServerConfig>, authority: &Authority) -> TlsError {
    let server = Server::start(tls, |_| answer(200, "the answer")).await;
    let service = Service::over_tls(HOST, server.via.clone(), authority.roots()).unwrap();
    let error = service.exchange(request(), LONG).await.unwrap_err();
    assert!(server.received().is_empty(), "a request went out");
    match error {
        HttpError::Tls { service, reason } => {
            assert_eq!(service.as_str(), HOST);
            reason
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_request_is_sent_over_tls_and_answered() {
    let authority = Authority::new();
    let server = Server::start(Some(authority.server(HOST)), |_| answer(201, "the answer")).await;
    for address in [HOST, "kms.example.test:8443"] {
        let service = Service::over_tls(address, server.via.clone(), authority.roots()).unwrap();
        let answer = service.exchange(request(), LONG).await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.body(), b"the answer");
        let sent = server.received().pop().unwrap();
        assert_eq!(sent.line, "POST /some/path?x=1 HTTP/1.1");
        assert_eq!(sent.header("host"), Some(address));
        assert_eq!(sent.header("x-field"), Some("value"));
        assert_eq!(sent.header("connection"), Some("close"));
        assert_eq!(sent.body, b"the request");
    }
}

#[tokio::test]
async fn a_service_is_the_one_that_the_roots_and_the_name_say() {
    let authority = Authority::new();
    let fault = |fault| TlsError::Certificate(fault);
    for other in [Authority::named("CN=Another"), Authority::new()] {
        let error = tls_error(Some(other.server(HOST)), &authority).await;
        assert_eq!(error, fault(CertificateFault::Root));
    }
    let error = tls_error(Some(authority.server("s3.example.test")), &authority).await;
    assert_eq!(error, fault(CertificateFault::Name));
    let old = authority.server_with(HOST, kit::past(), &version::TLS13);
    let error = tls_error(Some(old), &authority).await;
    assert_eq!(error, fault(CertificateFault::Time));
}

#[tokio::test]
async fn tls_1_3_alone_is_spoken() {
    let authority = Authority::new();
    let old = authority.server_with(HOST, kit::now(), &version::TLS12);
    let error = tls_error(Some(old), &authority).await;
    let alert = "ProtocolVersion";
    assert_eq!(error, TlsError::Alert { alert });

    // Not TLS at all.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let via = format!("tcp:{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let hello = b"220 mail.example.test ESMTP\r\n".repeat(10);
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &hello).await;
        tokio::time::sleep(LONG).await;
    });
    let service = Service::over_tls(HOST, via.parse().unwrap(), authority.roots()).unwrap();
    let error = service.exchange(request(), LONG).await.unwrap_err();
    assert!(
        matches!(
            error,
            HttpError::Tls {
                reason: TlsError::Protocol,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn no_session_is_resumed() {
    let authority = Authority::new();
    let mut tls = authority.server(HOST);
    tls.ticketer = rustls_graviola::Ticketer::new().unwrap();
    let server = Server::start(Some(tls), |_| answer(200, "")).await;
    let service = Service::over_tls(HOST, server.via.clone(), authority.roots()).unwrap();
    for _ in 0..2 {
        service.exchange(request(), LONG).await.unwrap();
    }
    assert_eq!(server.resumed(), 0);
}

#[tokio::test]
async fn a_way_that_is_not_there_is_told_from_one_that_ends() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let via = format!("tcp:{}", listener.local_addr().unwrap());
    // As the egress does for a destination that it does not reach.
    let closes = tokio::spawn(async move {
        for _ in 0..2 {
            drop(listener.accept().await.unwrap());
        }
    });
    for service in [
        Service::over_tls(HOST, via.parse().unwrap(), Authority::new().roots()).unwrap(),
        Service::in_the_clear(HOST, via.parse().unwrap()).unwrap(),
    ] {
        let error = service.exchange(request(), LONG).await.unwrap_err();
        assert!(matches!(error, HttpError::Ended { .. }), "{error}");
    }
    closes.await.unwrap();
    let gone = Service::in_the_clear(HOST, via.parse().unwrap()).unwrap();
    let error = gone.exchange(request(), LONG).await.unwrap_err();
    assert!(matches!(error, HttpError::NoWay { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_has_bounds() {
    let body = vec![b'x'; MAX_BODY];
    assert_eq!(
        heard(answer(200, &body)).await.unwrap(),
        (200, body.clone())
    );
    let longer = heard(answer(200, [&body[..], b"x"].concat())).await;
    assert!(matches!(longer, Err(HttpError::Body { .. })), "{longer:?}");
    let mut chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..=MAX_BODY / 1024 {
        chunks.extend(b"400\r\n");
        chunks.extend([b'x'; 1024]);
        chunks.extend(b"\r\n");
    }
    let chunked = heard(chunks).await;
    assert!(
        matches!(chunked, Err(HttpError::Body { .. })),
        "{chunked:?}"
    );

    let field = |value: usize| format!("X: {}\r\n", "y".repeat(value));
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
    let most = field(1).repeat(MAX_FIELDS - 1);
    assert!(heard(head(&most).into_bytes()).await.is_ok());
    for fields in [field(1).repeat(MAX_FIELDS), field(2 * MAX_HEAD)] {
        let error = heard(head(&fields).into_bytes()).await;
        assert!(matches!(error, Err(HttpError::Head { .. })), "{error:?}");
    }
    let error = heard(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()).await;
    assert!(matches!(error, Err(HttpError::Head { .. })), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_is_cut_is_none() {
    let whole = answer(200, "the answer");
    for cut in [0, 10, whole.len() - 1] {
        let error = heard(whole[..cut].to_vec()).await;
        assert!(
            matches!(error, Err(HttpError::Ended { .. })),
            "{cut}: {error:?}"
        );
    }
}

#[tokio::test]
async fn no_redirection_is_followed() {
    let elsewhere = b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(heard(elsewhere.to_vec()).await.unwrap(), (302, vec![]));
}

#[tokio::test]
async fn a_silent_service_is_waited_for_so_long() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let via = format!("tcp:{}", listener.local_addr().unwrap());
    let within = Duration::from_millis(200);
    for service in [
        Service::over_tls(HOST, via.parse().unwrap(), Authority::new().roots()).unwrap(),
        Service::in_the_clear(HOST, via.parse().unwrap()).unwrap(),
    ] {
        let begin = Instant::now();
        let error = service.exchange(request(), within).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
        assert!(begin.elapsed() >= within);
    }
}

#[test]
fn an_address_is_a_host_and_perhaps_a_port() {
    let via = || "tcp:127.0.0.1:1".parse().unwrap();
    for good in [HOST, "kms.example.test:1", "10.0.0.1", "[::1]:443"] {
        assert!(Service::in_the_clear(good, via()).is_ok(), "{good}");
    }
    for bad in [
        "",
        "a b",
        "user@host",
        "host/path",
        "http://host",
        "host:x",
        "user@host:1",
    ] {
        let error = Service::in_the_clear(bad, via());
        assert!(matches!(error, Err(HttpError::Authority)), "{bad}");
    }
}
