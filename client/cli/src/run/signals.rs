//! What asks a run to end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::exit::{Exit, Failure};

/// How long a run that was asked twice may take to end in order.
const GRACE: Duration = Duration::from_secs(1);

/// SIGINT and SIGTERM, heard on a thread of their own: the run's may be in a write that takes no end, or in an `fsync`, or
/// in the conversion to Parquet. At the second signal the process ends, whatever the run is at. What is on the disk then
/// is what a power cut would leave: rows, and a manifest that tells how many of them count.
pub(super) struct Signals {
    arriving: UnboundedReceiver<u8>,
    kept: Kept,
}

/// What is there if the process ends now, as it is said; and whether a run that is asked to end waits for anything.
#[derive(Clone)]
struct Kept(Arc<Mutex<(String, bool)>>);

/// How a run ends that a signal ended.
pub(super) fn ended(number: u8, kept: &str) -> Failure {
    Exit::Signal(number).because(format!("ended by a signal{kept}"))
}

impl Signals {
    /// Listens from here on.
    pub(super) fn start(kept: &str) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let heard = {
            let _guard = runtime.enter();
            Heard {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            }
        };
        let (sender, arriving) = unbounded_channel();
        let kept = Kept(Arc::new(Mutex::new((kept.to_owned(), false))));
        let of_thread = kept.clone();
        let thread = std::thread::Builder::new().name("signals".into());
        thread.spawn(move || listen(&runtime, heard, &sender, &of_thread))?;
        Ok(Self { arriving, kept })
    }

    /// The next one's number.
    pub(super) async fn next(&mut self) -> u8 {
        match self.arriving.recv().await {
            Some(number) => number,
            // Its thread has said all that it will.
            None => std::future::pending().await,
        }
    }

    /// What is kept from here on, of a run that has begun.
    pub(super) fn keeps(&self, kept: String) {
        *self.kept.lock() = (kept, true);
    }
}

impl Kept {
    fn lock(&self) -> std::sync::MutexGuard<'_, (String, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Heard {
    interrupt: Signal,
    terminate: Signal,
}

impl Heard {
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

fn listen(runtime: &Runtime, mut heard: Heard, sender: &UnboundedSender<u8>, kept: &Kept) {
    runtime.block_on(async {
        let first = heard.next().await;
        let has_begun = kept.lock().1;
        let _ = sender.send(first);
        // Nobody may read standard error either.
        spawn_blocking(move || {
            if has_begun {
                note!("ending in order; once more to end at once");
            }
        });
        let second = heard.next().await;
        let _ = sender.send(second);
        sleep(GRACE).await;
        let failure = ended(second, &kept.lock().0);
        let code = failure.exit().code();
        let _ = timeout(GRACE, spawn_blocking(move || say!("{failure}"))).await;
        std::process::exit(code.into());
    });
}
