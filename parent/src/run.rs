//! `sealnote-parent run`: a parent whose enclave a supervisor starts.

use std::{future::Future, time::Duration};

use sealnote_transport::{Cid, Endpoint};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    Control, Enclaves, Parent, Upstreams, probe,
    supervise::{Orders, Plan, Prepared, StartError, Traffic},
};

/// The supervisor of a parent's enclave, while it runs.
#[derive(Debug)]
pub struct Supervised {
    orders: Orders,
    supervising: JoinHandle<Result<(), StartError>>,
    others: [JoinHandle<()>; 2],
}

/// Where every image of this project listens.
const PORT: u32 = 5005;

/// Where the enclave of that CID listens.
pub fn vsock(cid: Cid) -> Endpoint {
    Endpoint::Vsock { cid, port: PORT }
}

impl Supervised {
    /// Starts or takes over the enclave, and has `parent` send its clients there. `endpoint` says where the enclave of a
    /// CID is: [`vsock`].
    pub fn start(
        parent: &Parent,
        plan: Plan,
        endpoint: impl Fn(Cid) -> Endpoint + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let upstreams = parent.upstreams();
        let metrics = parent.metrics();
        let carried = Carried {
            upstreams: upstreams.clone(),
            endpoint,
        };
        let Prepared {
            supervisor,
            orders,
            endpoints,
        } = plan.prepare(carried, move |event| {
            event.log();
            metrics.lifecycle().count(&event);
        })?;
        let others = [
            tokio::spawn(hand_on(endpoints, parent.control())),
            tokio::spawn(look_when_dials_fail(upstreams, orders.clone())),
        ];
        Ok(Supervised {
            orders,
            supervising: tokio::spawn(supervisor.run()),
            others,
        })
    }

    /// To replace the image.
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Completes when the supervisor cannot go on.
    pub async fn failed(&mut self) -> StartError {
        match (&mut self.supervising).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) => std::future::pending().await,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    /// Ends the enclave, unless it is to be kept or somebody else's.
    pub async fn stop(self) {
        for other in self.others {
            other.abort();
        }
        self.orders.stop().await;
        let _ = self.supervising.await;
    }
}

/// Clients' connections, as the supervisor sees them.
struct Carried<F> {
    upstreams: Upstreams,
    endpoint: F,
}

/// How long a connection may still be on its way to an enclave that is named no more, and how often those that are open
/// are counted.
const SETTLED: Duration = Duration::from_millis(500);

impl<F: Fn(Cid) -> Endpoint + Send + Sync + 'static> Traffic for Carried<F> {
    fn endpoint(&self, cid: Cid) -> Endpoint {
        (self.endpoint)(cid)
    }

    fn answers(&self, enclave: &Endpoint) -> impl Future<Output = bool> + Send {
        let enclave = enclave.clone();
        async move { probe(&enclave, ANSWER_LIMIT).await.is_ok() }
    }

    fn drained(&self, enclave: &Endpoint) -> impl Future<Output = ()> + Send {
        let (enclave, upstreams) = (enclave.clone(), self.upstreams.clone());
        async move {
            sleep(SETTLED).await;
            while upstreams.open_connections(&enclave) > 0 {
                sleep(SETTLED).await;
            }
        }
    }
}

/// For evidence, under load.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Where new connections go is the supervisor's to say.
async fn hand_on(mut endpoints: watch::Receiver<Vec<Endpoint>>, control: Control) {
    loop {
        let places = endpoints.borrow_and_update().clone();
        let enclaves: Vec<_> = places.into_iter().map(Into::into).collect();
        if let Ok(enclaves) = Enclaves::try_from(enclaves) {
            control.replace_enclaves(enclaves);
        }
        if endpoints.changed().await.is_err() {
            return;
        }
    }
}

/// A dial that fails may be the first sign of an enclave's end.
async fn look_when_dials_fail(upstreams: Upstreams, orders: Orders) {
    let failures = upstreams.dial_failures();
    let mut known = failures.get();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = failures.get();
        if now != known {
            orders.look();
        }
        known = now;
    }
}
