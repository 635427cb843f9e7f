//! The loop that watches: it waits for orders, for the time to look, and for what has been waited for.

use std::{fmt, sync::Arc, time::Duration};

use sealnote_transport::{Cid, Endpoint};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    ConsoleEvent, EnclaveId, Event, Image, NotReplaced, Order, Plan, StartError, Traffic,
    enclave::Life,
    ledger::Ledger,
    nitro_cli::{Described, State},
};

/// Owns `nitro-cli`, and with it the enclaves.
pub struct Supervisor<T> {
    pub(super) plan: Plan,
    pub(super) traffic: Arc<T>,
    report: Box<dyn FnMut(Event) + Send + Sync>,
    pub(super) ledger: Ledger,
    endpoints: watch::Sender<Vec<Endpoint>>,
    /// Where new connections go, and so where the next enclave starts when none serves.
    pub(super) cid: Cid,
    orders: mpsc::Receiver<Order>,
    /// Has new connections.
    pub(super) serving: Option<Life>,
    /// Is to have them when it answers.
    pub(super) coming: Option<Coming>,
    /// Had them, and is to end.
    pub(super) leaving: Option<Leaving>,
    /// An image that was asked for while another replacement was under way.
    pub(super) next_image: Option<super::Image>,
    /// When a start is due, while none serves.
    pub(super) start_at: Instant,
    looked_at: Instant,
    /// Nothing is said twice of a `nitro-cli` that keeps failing.
    blind: bool,
    waits: JoinSet<Waited>,
    consoles: mpsc::Receiver<(EnclaveId, ConsoleEvent)>,
    pub(super) console: mpsc::Sender<(EnclaveId, ConsoleEvent)>,
}

/// An enclave that is to take the place of the one that serves, once it answers.
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) life: Life,
    /// What it was started from, which is then the image that is to run.
    pub(super) image: Image,
}

/// An enclave without new connections.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) life: Life,
    /// Its connections are over, or their time is: it is ended as soon as `nitro-cli` does it.
    pub(super) drained: bool,
}

/// What has been waited for.
enum Waited {
    Answer(EnclaveId, bool),
    Drained(EnclaveId),
}

/// The pause between two questions whether an enclave that was just started answers.
const ANSWER_PAUSE: Duration = Duration::from_millis(500);

/// Connections that fail have `nitro-cli` asked at most so often.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

impl<T: Traffic> Supervisor<T> {
    pub(super) fn new(
        plan: Plan,
        traffic: T,
        report: impl FnMut(Event) + Send + Sync + 'static,
        orders: mpsc::Receiver<Order>,
        endpoints: watch::Sender<Vec<Endpoint>>,
    ) -> Result<Self, StartError> {
        let (console, consoles) = mpsc::channel(16);
        Ok(Supervisor {
            ledger: Ledger::open(plan.state_file.clone())?,
            cid: plan.cid,
            plan,
            traffic: Arc::new(traffic),
            report: Box::new(report),
            endpoints,
            orders,
            serving: None,
            coming: None,
            leaving: None,
            next_image: None,
            start_at: Instant::now(),
            looked_at: Instant::now(),
            blind: false,
            waits: JoinSet::new(),
            consoles,
            console,
        })
    }

    /// Looks after the enclave until the order to stop; then ends what was started here. An error is one that no second
    /// attempt mends: there is no `nitro-cli`.
    pub async fn run(mut self) -> Result<(), StartError> {
        if let Err(error) = self.begin().await {
            if matches!(&error, StartError::NitroCli(error) if error.is_lasting()) {
                return Err(error);
            }
            self.postpone(error);
        }
        loop {
            let is_down = self.serving.is_none() && self.leaving.is_none();
            let wake = match is_down {
                false => self.looked_at + self.plan.watch_interval,
                true => self.start_at,
            };
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Replace(image)) => self.replace(image).await,
                    Some(Order::Look) if self.looked_at.elapsed() >= LOOK_PAUSE => self.look().await,
                    Some(Order::Look) => {}
                    Some(Order::Stop) | None => break,
                },
                Some(waited) = self.waits.join_next() => match waited {
                    Ok(Waited::Answer(id, answers)) => self.settle_answer(&id, answers).await,
                    Ok(Waited::Drained(id)) => self.settle_drained(&id).await,
                    Err(_) => {}
                },
                Some((id, event)) = self.consoles.recv() => self.hear(&id, event),
                () = sleep_until(wake) => match is_down {
                    false => self.look().await,
                    true => if let Err(error) = self.begin().await {
                        self.postpone(error);
                    },
                },
            }
        }
        self.stop().await;
        Ok(())
    }

    /// No enclave serves; it is tried again after a pause.
    fn postpone(&mut self, error: StartError) {
        let pause = self.plan.backoff.after(Duration::ZERO);
        self.start_at = Instant::now() + pause;
        self.say(Event::NotStarted { error, pause });
    }

    /// Asks `nitro-cli` what runs.
    async fn look(&mut self) {
        self.looked_at = Instant::now();
        let listed = match self.plan.nitro_cli.describe().await {
            Ok(listed) => listed,
            Err(error) => {
                if !self.blind {
                    self.say(Event::NotWatched(error));
                }
                self.blind = true;
                return;
            }
        };
        self.blind = false;
        let gone = |life: &Life| !runs(&listed, life);
        if let Some(coming) = self.coming.take_if(|coming| gone(&coming.life)) {
            let reason = self.bury(coming.life, None).await;
            self.say(Event::NotReplaced(NotReplaced::Ended(reason)));
        }
        if let Some(leaving) = self.leaving.take_if(|leaving| gone(&leaving.life)) {
            self.bury(leaving.life, None).await;
            self.left().await;
        }
        self.end_drained().await;
        if let Some(life) = self.serving.take_if(|life| gone(life)) {
            self.lost(life).await;
        }
    }

    /// The enclave that served has ended.
    async fn lost(&mut self, life: Life) {
        if let Some(coming) = self.coming.take() {
            // Clients wait for it as they wait for any enclave that starts.
            self.bury(life, None).await;
            self.plan.image = coming.image;
            self.publish(&coming.life);
            self.serving = Some(coming.life);
            return;
        }
        let pause = self.plan.backoff.after(life.up());
        self.start_at = Instant::now() + pause;
        self.bury(life, Some(pause)).await;
    }

    /// An enclave has ended that nobody here has ended.
    async fn bury(&mut self, mut life: Life, pause: Option<Duration>) -> super::ExitReason {
        if let Some(console) = life.console.take() {
            // Its last words are under way.
            let _ = timeout(Duration::from_secs(2), console).await;
            while let Ok((id, event)) = self.consoles.try_recv() {
                self.hear(&id, event);
                if life.is(&id) {
                    life.hear(event);
                    let enclave = life.enclave.clone();
                    self.say(Event::Console { enclave, event });
                }
            }
        }
        self.strike(&life.enclave.id);
        let (reason, up) = (life.reason(), life.up());
        let enclave = life.enclave;
        self.say(Event::Ended {
            enclave,
            reason,
            up,
            pause,
        });
        reason
    }

    fn hear(&mut self, id: &EnclaveId, event: ConsoleEvent) {
        let coming = self.coming.as_mut().map(|coming| &mut coming.life);
        for life in self.serving.as_mut().into_iter().chain(coming) {
            if life.is(id) {
                life.hear(event);
                let enclave = life.enclave.clone();
                (self.report)(Event::Console { enclave, event });
            }
        }
    }

    async fn stop(mut self) {
        let serving = self.serving.take();
        let leaving = self.leaving.take().map(|leaving| leaving.life);
        let coming = self.coming.take().map(|coming| coming.life);
        for life in coming.into_iter().chain(leaving) {
            self.terminate(life).await;
        }
        match serving {
            Some(life) if self.plan.keep => self.say(Event::LeftRunning(life.enclave)),
            Some(life) => {
                self.terminate(life).await;
            }
            None => {}
        }
    }

    /// Ends an enclave if it is ours, or gives it back.
    pub(super) async fn terminate(&mut self, life: Life) -> Option<Life> {
        if !life.enclave.ours {
            self.say(Event::LeftRunning(life.enclave));
            return None;
        }
        match self.plan.nitro_cli.terminate(&life.enclave.id).await {
            Ok(()) => {
                self.strike(&life.enclave.id);
                self.say(Event::Terminated(life.enclave));
                None
            }
            Err(error) => {
                let enclave = life.enclave.clone();
                self.say(Event::NotTerminated { enclave, error });
                Some(life)
            }
        }
    }

    /// Waits until an enclave answers, or its time is up.
    pub(super) fn await_answer(&mut self, life: &Life) {
        let (traffic, id) = (Arc::clone(&self.traffic), life.enclave.id.clone());
        let (endpoint, limit) = (life.endpoint.clone(), self.plan.answer_limit);
        self.waits.spawn(async move {
            let answer = async {
                while !traffic.answers(&endpoint).await {
                    sleep(ANSWER_PAUSE).await;
                }
            };
            let answers = timeout(limit, answer).await.is_ok();
            Waited::Answer(id, answers)
        });
    }

    /// Waits until an enclave has no connections, or their time is up.
    pub(super) fn await_drained(&mut self, life: &Life, limit: Duration) {
        let (traffic, id) = (Arc::clone(&self.traffic), life.enclave.id.clone());
        let endpoint = life.endpoint.clone();
        self.waits.spawn(async move {
            let _ = timeout(limit, traffic.drained(&endpoint)).await;
            Waited::Drained(id)
        });
    }

    /// New connections go to this one from now on, also while it is started again.
    pub(super) fn publish(&mut self, life: &Life) {
        self.publish_cid(life.enclave.cid);
    }

    pub(super) fn publish_cid(&mut self, cid: Cid) {
        self.cid = cid;
        let endpoints = vec![self.traffic.endpoint(cid)];
        self.endpoints.send_if_modified(|current| {
            let changes = *current != endpoints;
            *current = endpoints;
            changes
        });
    }

    pub(super) fn say(&mut self, event: Event) {
        (self.report)(event);
    }

    fn strike(&mut self, id: &EnclaveId) {
        if let Err(error) = self.ledger.strike(id) {
            self.say(Event::NotKept(error));
        }
    }
}

fn runs(listed: &[Described], life: &Life) -> bool {
    listed
        .iter()
        .any(|enclave| life.is(&enclave.id) && enclave.state == State::Running)
}

impl<T> fmt::Debug for Supervisor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("plan", &self.plan)
            .field("serving", &self.serving)
            .field("coming", &self.coming)
            .field("leaving", &self.leaving)
            .finish_non_exhaustive()
    }
}
