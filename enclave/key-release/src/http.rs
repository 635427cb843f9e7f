//! One request over HTTP/1.1, to a service that the parent's egress reaches. A connection each.

use std::{future::Future, pin::pin, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONNECTION, HOST, HeaderValue},
    http::uri::Authority,
};
use hyper_util::rt::TokioIo;
use sealnote_transport::{Endpoint, TransportError, connect_within};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::tls::{Roots, TlsError};

/// The most that is read of an answer's body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// The most that is read of its head.
pub const MAX_HEAD: usize = 16 * 1024;
/// The most header fields of it.
pub const MAX_FIELDS: usize = 64;

/// A service outside, and the way to it.
#[derive(Clone, Debug)]
pub struct Service {
    authority: Authority,
    via: Endpoint,
    roots: Option<Roots>,
}

/// Why there is no answer. Nothing of it is the peer's text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The service's address is none.
    #[error("a service's address is HOST or HOST:PORT")]
    Authority,
    /// There is no way out.
    #[error(
        "there is no way to {service}: {reason}. The parent's egress must be on, and the enclave's argument name where it listens"
    )]
    NoWay {
        /// The service.
        service: Authority,
        /// What the transport says.
        reason: TransportError,
    },
    /// The way ended.
    #[error(
        "the connection to {service} ended before its answer did. {service} must be on the parent's allow list, and be reached from there"
    )]
    Ended {
        /// The service.
        service: Authority,
    },
    /// TLS says no.
    #[error("TLS with {service}: {reason}")]
    Tls {
        /// The service.
        service: Authority,
        /// Why.
        reason: TlsError,
    },
    /// What came is no answer.
    #[error(
        "{service} answers no HTTP/1.1, or more than {MAX_HEAD} bytes or {MAX_FIELDS} fields of a head"
    )]
    Head {
        /// The service.
        service: Authority,
    },
    /// The answer is too long.
    #[error("{service} answers more than {MAX_BODY} bytes")]
    Body {
        /// The service.
        service: Authority,
    },
    /// It took too long.
    #[error("{service} has not answered within {} s", within.as_secs_f32())]
    Timeout {
        /// The service.
        service: Authority,
        /// How long was waited: for all of connection, TLS and answer.
        within: Duration,
    },
}

impl Service {
    /// A service over TLS.
    ///
    /// # Errors
    /// Unless `authority` is HOST or HOST:PORT.
    pub fn over_tls(authority: &str, via: Endpoint, roots: Roots) -> Result<Self, HttpError> {
        Self::new(authority, via, Some(roots))
    }

    /// A service over plain HTTP: whoever carries it reads and writes what it likes.
    ///
    /// # Errors
    /// Unless `authority` is HOST or HOST:PORT.
    pub fn in_the_clear(authority: &str, via: Endpoint) -> Result<Self, HttpError> {
        Self::new(authority, via, None)
    }

    fn new(authority: &str, via: Endpoint, roots: Option<Roots>) -> Result<Self, HttpError> {
        let authority: Authority = authority.parse().map_err(|_| HttpError::Authority)?;
        // Neither a user nor a port that is none, which the parser lets by.
        let port = authority.port_u16().map(|port| format!(":{port}"));
        let address = format!("{}{}", authority.host(), port.unwrap_or_default());
        if authority.as_str() != address {
            return Err(HttpError::Authority);
        }
        Ok(Self {
            authority,
            via,
            roots,
        })
    }

    /// Sends `request`, whose URI is a path, and returns the answer, whatever its status. No redirection is followed.
    ///
    /// # Errors
    /// No answer, or a longer one than the bounds of this module, or later than `within`.
    pub async fn exchange(
        &self,
        request: Request<Bytes>,
        within: Duration,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let exchange = async {
            let stream = connect_within(&self.via, within).await.map_err(|reason| {
                let service = self.authority.clone();
                HttpError::NoWay { service, reason }
            })?;
            match &self.roots {
                None => self.over(stream, request).await,
                Some(roots) => {
                    let stream = roots.connect(self.host(), stream).await;
                    let stream = stream.map_err(|reason| self.no_tls(reason))?;
                    self.over(stream, request).await
                }
            }
        };
        let answer = tokio::time::timeout(within, exchange).await;
        answer.unwrap_or_else(|_| {
            let service = self.authority.clone();
            Err(HttpError::Timeout { service, within })
        })
    }

    async fn over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        mut request: Request<Bytes>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let host = HeaderValue::from_str(self.authority.as_str());
        let host = host.map_err(|_| HttpError::Authority)?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));

        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_FIELDS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.no_answer(&error))?;
        let answer = async {
            let answer = sender.send_request(request.map(Full::new)).await;
            let (head, body) = answer.map_err(|error| self.no_answer(&error))?.into_parts();
            Ok(Response::from_parts(head, self.read(body).await?))
        };
        with(connection, answer).await
    }

    async fn read(&self, mut body: Incoming) -> Result<Vec<u8>, HttpError> {
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.no_answer(&error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if read.len() + data.len() > MAX_BODY {
                let service = self.authority.clone();
                return Err(HttpError::Body { service });
            }
            read.extend_from_slice(&data);
        }
        Ok(read)
    }

    /// The host alone, as a certificate has it.
    fn host(&self) -> &str {
        let host = self.authority.host();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    fn no_tls(&self, reason: TlsError) -> HttpError {
        let service = self.authority.clone();
        match reason {
            TlsError::Ended => HttpError::Ended { service },
            reason => HttpError::Tls { service, reason },
        }
    }

    fn no_answer(&self, error: &hyper::Error) -> HttpError {
        let service = self.authority.clone();
        match error.is_parse() {
            true => HttpError::Head { service },
            false => HttpError::Ended { service },
        }
    }
}

/// What `answer` says, while the connection that it needs is driven.
async fn with<T>(connection: impl Future, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // It has ended, and with it what is to be read.
        _ = connection => answer.await,
    }
}
