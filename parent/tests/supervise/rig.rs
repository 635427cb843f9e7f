//! A supervisor over a stand-in machine, and what it reports.

use std::{collections::HashSet, fs, future::Future, path::PathBuf, sync::Arc, time::Duration};

use sealnote_parent::supervise::{
    Backoff, Event, Image, Orders, Plan, Prepared, StartError, Traffic,
};
use sealnote_transport::{Cid, Endpoint, Stream, connect};
use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::stand_in::Machine;

/// Longer than anything here takes, and short enough to notice what hangs.
const SOON: Duration = Duration::from_secs(20);

pub struct Rig {
    pub machine: Machine,
    pub plan: Plan,
    pub traffic: Sockets,
    pub events: mpsc::UnboundedReceiver<Event>,
    pub orders: Option<Orders>,
    pub endpoints: watch::Receiver<Vec<Endpoint>>,
    pub task: JoinHandle<Result<(), StartError>>,
    _dir: TempDir,
}

/// Unix sockets by their CID, and those with connections.
#[derive(Clone, Debug)]
pub struct Sockets {
    folder: PathBuf,
    pub busy: Arc<watch::Sender<HashSet<Endpoint>>>,
}

impl Rig {
    /// Of an image of that text.
    pub async fn new(text: &str) -> Self {
        Rig::with(text, |_, _| {}).await
    }

    pub async fn with(text: &str, set: impl FnOnce(&mut Plan, &Machine)) -> Self {
        let mut rig = Rig::idle(text);
        set(&mut rig.plan, &rig.machine);
        rig.start_anew();
        rig
    }

    /// A machine and a plan, and no supervisor.
    pub fn idle(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::new(dir.path());
        let eif = dir.path().join("image.eif");
        fs::write(&eif, text).unwrap();
        let image = Image {
            eif,
            memory_mib: 512.try_into().unwrap(),
            cpus: 2.try_into().unwrap(),
            debug: false,
        };
        let mut plan = Plan::new(image, "sealnote".into(), Cid(16));
        plan.nitro_cli.program = dir.path().join("nitro-cli");
        plan.state_file = Some(dir.path().join("state"));
        plan.watch_interval = Duration::from_millis(30);
        plan.answer_limit = Duration::from_secs(10);
        let ms = Duration::from_millis;
        plan.backoff = Backoff::new(ms(10), ms(40), Duration::from_secs(600));
        let traffic = Sockets {
            folder: dir.path().to_owned(),
            busy: Arc::default(),
        };
        Rig {
            machine,
            plan,
            traffic,
            events: mpsc::unbounded_channel().1,
            orders: None,
            endpoints: watch::Sender::new(Vec::new()).subscribe(),
            task: tokio::spawn(async { Ok(()) }),
            _dir: dir,
        }
    }

    /// Of an image that serves already.
    pub async fn serving(text: &str) -> Self {
        Rig::serving_with(text, |_, _| {}).await
    }

    pub async fn serving_with(text: &str, set: impl FnOnce(&mut Plan, &Machine)) -> Self {
        let mut rig = Rig::with(text, set).await;
        rig.until(|event| matches!(event, Event::Ready { .. }))
            .await;
        rig
    }

    /// Ends the supervisor as a crash does, and starts another.
    pub async fn crash(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.start_anew();
    }

    pub fn start_anew(&mut self) {
        let (prepared, events) = run(&self.plan, &self.traffic);
        self.task = tokio::spawn(prepared.supervisor.run());
        self.events = events;
        self.orders = Some(prepared.orders);
        self.endpoints = prepared.endpoints;
    }

    /// The next event.
    pub async fn next(&mut self) -> Event {
        let event = timeout(SOON, self.events.recv()).await;
        event
            .expect("no event came")
            .expect("the supervisor has ended")
    }

    /// The first that is so; those before it are passed over.
    pub async fn until(&mut self, is_so: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await;
            if is_so(&event) {
                return event;
            }
        }
    }

    pub fn orders(&self) -> &Orders {
        self.orders.as_ref().unwrap()
    }

    /// Another text in the image's file, and the order to run that.
    pub async fn replace(&self, text: &str) {
        fs::write(&self.plan.image.eif, text).unwrap();
        self.orders().replace(self.plan.image.clone()).await;
    }

    /// A connection to where new ones go, and the text of the image there.
    pub async fn connect(&self) -> (Stream, String) {
        let endpoint = self.endpoints.borrow()[0].clone();
        connect_to(&endpoint).await
    }

    /// The order to stop, and what is reported after it.
    pub async fn stop(&mut self) -> Vec<Event> {
        self.orders().stop().await;
        timeout(SOON, &mut self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let mut events = Vec::new();
        while let Some(event) = self.events.recv().await {
            events.push(event);
        }
        events
    }

    pub fn tell(&self, file: &str, text: &str) {
        fs::write(self.machine.folder.join(file), text).unwrap();
    }

    pub fn untell(&self, file: &str) {
        fs::remove_file(self.machine.folder.join(file)).unwrap();
    }

    /// Names of what runs, in order.
    pub fn names(&self) -> Vec<String> {
        let name = |enclave: serde_json::Value| enclave["EnclaveName"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = self.machine.running().into_iter().map(name).collect();
        names.sort();
        names
    }
}

pub async fn connect_to(endpoint: &Endpoint) -> (Stream, String) {
    let mut stream = connect(endpoint).await.unwrap();
    let mut text = [0; 64];
    let length = timeout(SOON, stream.read(&mut text))
        .await
        .unwrap()
        .unwrap();
    (stream, String::from_utf8(text[..length].to_vec()).unwrap())
}

/// An enclave that somebody else starts by hand.
pub fn start_by_hand(machine: &Machine, name: &str, cid: u32, text: &str) -> String {
    let eif = machine.folder.join("by-hand.eif");
    fs::write(&eif, text).unwrap();
    let output = std::process::Command::new(machine.folder.join("nitro-cli"))
        .args([
            "run-enclave",
            "--enclave-name",
            name,
            "--memory",
            "512",
            "--cpu-count",
            "2",
        ])
        .args(["--enclave-cid", &cid.to_string(), "--eif-path"])
        .arg(&eif)
        .output()
        .unwrap();
    let started: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    fs::remove_file(machine.folder.join("calls")).unwrap();
    started["EnclaveID"].as_str().unwrap().to_owned()
}

impl Traffic for Sockets {
    fn endpoint(&self, cid: Cid) -> Endpoint {
        Endpoint::Unix {
            path: self.folder.join(format!("{cid}.sock")),
        }
    }

    fn answers(&self, enclave: &Endpoint) -> impl Future<Output = bool> + Send {
        let enclave = enclave.clone();
        async move { connect(&enclave).await.is_ok() }
    }

    fn drained(&self, enclave: &Endpoint) -> impl Future<Output = ()> + Send {
        let (enclave, mut busy) = (enclave.clone(), self.busy.subscribe());
        async move {
            let _ = busy.wait_for(|busy| !busy.contains(&enclave)).await;
        }
    }
}

fn run(plan: &Plan, traffic: &Sockets) -> (Prepared<Sockets>, mpsc::UnboundedReceiver<Event>) {
    let (sender, events) = mpsc::unbounded_channel();
    let report = move |event| {
        let _ = sender.send(event);
    };
    (
        plan.clone().prepare(traffic.clone(), report).unwrap(),
        events,
    )
}

pub async fn until(is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, waited).await.unwrap();
}
