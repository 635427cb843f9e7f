//! The operator's HTTP: what Prometheus scrapes, and whether the parent lives and wants clients.
//!
//! Whoever finds the port may send anything. So there are few connections at a time, one request on each, a bound on its
//! head, and one deadline for all of it, the reader's slowness included; nothing here waits for patients' connections,
//! nor they for it.

mod pages;

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sealnote_transport::{Listener, Stream};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tracing::error;

pub(crate) use pages::{NotReady, Pages};

/// Connections at a time; one more is closed at once. A scraper, a balancer and an orchestrator hold one each.
pub(crate) const MAX_CONNECTIONS: usize = 64;

/// From a connection's begin to its end.
pub(crate) const WHOLE_EXCHANGE: Duration = Duration::from_secs(5);

/// Of a request's head; hyper takes no smaller bound.
const MAX_HEAD: usize = 8 * 1024;

/// Serves until the listener fails, which is logged, or this is dropped.
pub(crate) async fn serve(listener: Listener, pages: Pages) {
    let pages = Arc::new(pages);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(failure) => {
                error!("no more metrics: {failure}");
                return;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let pages = Arc::clone(&pages);
        connections.spawn(async move {
            let _place = place;
            let _ = timeout(WHOLE_EXCHANGE, exchange(stream, &pages)).await;
        });
        // Finished tasks would otherwise be kept until the end.
        while connections.try_join_next().is_some() {}
    }
}

/// One request and its answer. What is not HTTP/1 ends with hyper's 400, or with nothing.
async fn exchange(stream: Stream, pages: &Pages) {
    let answer = service_fn(async |request| Ok::<_, Infallible>(pages.answer(&request)));
    let _ = http1::Builder::new()
        .keep_alive(false)
        // Who has asked may say that it asks no more, and is answered all the same.
        .half_close(true)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}
