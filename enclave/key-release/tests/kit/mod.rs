//! A service to ask: a certificate authority made for the test, and a server that answers what it is told.
#![allow(dead_code, reason = "each test uses its share")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::Generate;
use p256::pkcs8::EncodePrivateKey;
use rand_core::UnwrapErr;
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sealnote_key_release::tls::Roots;
use sealnote_software_attester::{CertificateSpec, ca_extensions};
use sealnote_transport::Endpoint;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::der::asn1::Ia5String;
use x509_cert::der::{EncodePem, pem::LineEnding};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{KeyUsages, SubjectAltName};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Who issues the servers' certificates.
pub struct Authority {
    name: String,
    key: SigningKey,
    certificate: Vec<u8>,
}

/// A server's certificate: from when, to when.
pub type Validity = (SystemTime, SystemTime);

impl Authority {
    pub fn new() -> Self {
        Self::named("CN=Test root")
    }

    pub fn named(name: &str) -> Self {
        let key = SigningKey::generate_from_rng(&mut UnwrapErr(SysRng));
        let extensions = ca_extensions(None, KeyUsages::KeyCertSign).unwrap();
        let certificate = signed((name, &key), now(), extensions, (name, &key));
        Self {
            name: name.to_owned(),
            key,
            certificate,
        }
    }

    pub fn pem(&self) -> String {
        use x509_cert::{Certificate, der::Decode};
        let certificate = Certificate::from_der(&self.certificate).unwrap();
        certificate.to_pem(LineEnding::LF).unwrap()
    }

    pub fn roots(&self) -> Roots {
        Roots::from_pem(self.pem().as_bytes()).unwrap()
    }

    /// A server at `host`, which speaks TLS 1.3.
    pub fn server(&self, host: &str) -> ServerConfig {
        self.server_with(host, now(), &version::TLS13)
    }

    pub fn server_with(
        &self,
        host: &str,
        validity: Validity,
        version: &'static SupportedProtocolVersion,
    ) -> ServerConfig {
        let key = SigningKey::generate_from_rng(&mut UnwrapErr(SysRng));
        let host = GeneralName::DnsName(Ia5String::new(host).unwrap());
        let host = (false, &SubjectAltName(vec![host]))
            .to_extension(&Name::default(), &[])
            .unwrap();
        let certificate = signed(
            ("CN=Server", &key),
            validity,
            vec![host],
            (&self.name, &self.key),
        );
        let key = key.to_pkcs8_der().unwrap().as_bytes().to_vec();
        let provider = Arc::new(rustls_graviola::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate)],
                PrivateKeyDer::Pkcs8(key.into()),
            )
            .unwrap()
    }
}

/// From yesterday to tomorrow.
pub fn now() -> Validity {
    (SystemTime::now() - DAY, SystemTime::now() + DAY)
}

/// The day before yesterday.
pub fn past() -> Validity {
    (SystemTime::now() - 3 * DAY, SystemTime::now() - 2 * DAY)
}

fn signed(
    (subject, key): (&str, &SigningKey),
    (not_before, not_after): Validity,
    extensions: Vec<Extension>,
    (issuer, issuer_key): (&str, &SigningKey),
) -> Vec<u8> {
    let spec = CertificateSpec {
        serial: SerialNumber::new(&[1]).unwrap(),
        issuer: issuer.parse().unwrap(),
        subject: subject.parse().unwrap(),
        not_before,
        not_after,
        public_key: SubjectPublicKeyInfo::from_key(key.verifying_key()).unwrap(),
        extensions,
    };
    spec.sign::<_, DerSignature>(issuer_key).unwrap()
}

/// A request as a server received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Method, path and version.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }
}

/// A server that gives each request what `answer` makes of it, byte for byte, and closes.
pub struct Server {
    pub via: Endpoint,
    received: Arc<Mutex<Vec<Received>>>,
    resumed: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(
        tls: Option<ServerConfig>,
        answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let via = format!("tcp:{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let resumed = Arc::new(AtomicUsize::new(0));
        let (kept, counted) = (Arc::clone(&received), Arc::clone(&resumed));
        tokio::spawn(async move {
            // One after the other, so that what was received is in order.
            while let Ok((stream, _)) = listener.accept().await {
                match &acceptor {
                    None => serve(stream, &answer, &kept).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let kind = stream.get_ref().1.handshake_kind();
                            if kind == Some(HandshakeKind::Resumed) {
                                counted.fetch_add(1, Ordering::SeqCst);
                            }
                            serve(stream, &answer, &kept).await;
                        }
                    }
                }
            }
        });
        Self {
            via: via.parse().unwrap(),
            received,
            resumed,
        }
    }

    /// How many sessions of TLS were continued ones.
    pub fn resumed(&self) -> usize {
        self.resumed.load(Ordering::SeqCst)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// An answer with this status and body.
pub fn answer(status: u16, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &impl Fn(&Received) -> Vec<u8>,
    kept: &Mutex<Vec<Received>>,
) {
    let Some(request) = receive(&mut stream).await else {
        return;
    };
    kept.lock().unwrap().push(request.clone());
    // A client that has seen enough goes away.
    let _ = stream.write_all(&answer(&request)).await;
    let _ = stream.shutdown().await;
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut more = [0; 4096];
        let read = stream.read(&mut more).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&more[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut body = bytes.split_off(end + 4);
    let mut lines = head.split("\r\n").map(str::to_owned);
    let line = lines.next().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        })
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let have = body.len();
    body.resize(length, 0);
    stream.read_exact(&mut body[have..]).await.ok()?;
    Some(Received {
        line,
        headers,
        body,
    })
}
