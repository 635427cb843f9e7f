//! The listeners that are open, and how a reload opens and closes some of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use sealnote_transport::{Endpoint, Listener, TransportError};
use tokio::sync::{self, mpsc};
use tracing::info;

use super::{Route, Routes, traffic::Traffic};

/// Says which listeners there are. Whoever has the [`Orders`] holds them, and closes them all when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Gates(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    orders: mpsc::UnboundedSender<Vec<Gate>>,
    /// By the address that the operator gave, whose port may be 0. Held from the opening of new ones to the order.
    listeners: sync::Mutex<HashMap<Endpoint, Weak<Listener>>>,
    traffic: Mutex<Vec<Arc<Traffic>>>,
}

/// The listeners that are to be open, each time that they change.
pub(crate) type Orders = mpsc::UnboundedReceiver<Vec<Gate>>;

/// A listener, and what becomes of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(super) listener: Arc<Listener>,
    pub(super) traffic: Arc<Traffic>,
}

/// Listeners that are all open, while nothing has changed yet. Dropped, those of them that are new are closed.
pub(crate) struct Prepared<'a> {
    gates: Vec<(Endpoint, Gate)>,
    /// Nobody else prepares meanwhile.
    listeners: sync::MutexGuard<'a, HashMap<Endpoint, Weak<Listener>>>,
    shared: &'a Shared,
}

impl Gates {
    /// None, until there is a first order.
    pub(crate) fn new() -> (Self, Orders) {
        let (sender, orders) = mpsc::unbounded_channel();
        let shared = Shared {
            orders: sender,
            listeners: sync::Mutex::default(),
            traffic: Mutex::default(),
        };
        (Gates(Arc::new(shared)), orders)
    }

    /// Opens listeners where `routes` has some that are not open yet; the others stay, whatever their destination was.
    pub(crate) async fn prepare(&self, routes: &Routes) -> Result<Prepared<'_>, TransportError> {
        let listeners = self.0.listeners.lock().await;
        let mut all = self.traffic();
        let mut gates = Vec::with_capacity(routes.iter().len());
        for Route {
            listen,
            destination,
        } in routes.iter()
        {
            let listener = match listeners.get(listen).and_then(Weak::upgrade) {
                Some(open) => open,
                None => Arc::new(Listener::bind(listen).await?),
            };
            let known = all.iter().find(|known| known.destination == *destination);
            let traffic = known.cloned().unwrap_or_else(|| {
                let new = Arc::new(Traffic::new(destination.clone()));
                all.push(Arc::clone(&new));
                new
            });
            gates.push((listen.clone(), Gate { listener, traffic }));
        }
        Ok(Prepared {
            gates,
            listeners,
            shared: &self.0,
        })
    }

    /// What there is of each destination: of those that are named, and of others while they have connections.
    pub(super) fn traffic(&self) -> Vec<Arc<Traffic>> {
        self.0.traffic().clone()
    }
}

impl Prepared<'_> {
    /// Has these listeners take connections, and no others. Returns where they listen.
    pub(crate) fn open(mut self) -> Vec<Endpoint> {
        let mut traffic = self.shared.traffic();
        traffic.retain(|known| known.places.taken() > 0);
        for (_, gate) in &self.gates {
            let named = &gate.traffic;
            if !traffic.iter().any(|known| Arc::ptr_eq(known, named)) {
                traffic.push(Arc::clone(named));
            }
        }
        drop(traffic);

        self.listeners.clear();
        let (mut opened, mut ordered) = (Vec::new(), Vec::new());
        for (listen, gate) in self.gates {
            let endpoint = gate.listener.local_endpoint();
            info!("egress to {} on {endpoint}", gate.traffic.destination);
            opened.push(endpoint.clone());
            self.listeners
                .insert(listen, Arc::downgrade(&gate.listener));
            ordered.push(gate);
        }
        // Where nobody takes orders any more, the listeners are closed.
        let _ = self.shared.orders.send(ordered);
        opened
    }
}

impl Shared {
    fn traffic(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Traffic>>> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
