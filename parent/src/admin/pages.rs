//! What is asked, and what is answered.

use std::{fmt, sync::Arc};

use hyper::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
};

use crate::{Metrics, metrics::CONTENT_TYPE as METRICS_TYPE, reload::Current};

/// The three pages, and what they are made from.
pub(crate) struct Pages {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: Arc<Current>,
    pub(crate) ready: Ready,
}

/// Whether clients should come; if not, why not.
pub(crate) type Ready = Box<dyn Fn() -> Result<(), NotReady> + Send + Sync>;

/// Why no clients should come, for the operator: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotReady(pub(crate) &'static str);

impl Pages {
    /// Nothing that the request says is in the answer.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Response<String> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = line(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only");
            let allowed = HeaderValue::from_static("GET, HEAD");
            refusal.headers_mut().insert(ALLOW, allowed);
            return refusal;
        }
        match request.uri().path() {
            "/metrics" => self.metrics(),
            "/healthz" => line(StatusCode::OK, "ok"),
            "/readyz" => match (self.ready)() {
                Ok(()) => line(StatusCode::OK, "ready"),
                Err(NotReady(reason)) => line(StatusCode::SERVICE_UNAVAILABLE, reason),
            },
            _ => line(
                StatusCode::NOT_FOUND,
                "here are /metrics, /healthz and /readyz",
            ),
        }
    }

    fn metrics(&self) -> Response<String> {
        self.metrics.set_ready((self.ready)().is_ok());
        self.metrics
            .set_connections_limit(self.config.get().max_connections);
        text(StatusCode::OK, METRICS_TYPE, self.metrics.encode())
    }
}

fn line(status: StatusCode, line: impl fmt::Display) -> Response<String> {
    text(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

fn text(status: StatusCode, content_type: &'static str, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
