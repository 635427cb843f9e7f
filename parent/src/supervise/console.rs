//! What an enclave in debug mode says on its console: of its fixed events, which one.
//!
//! Only an enclave in debug mode has a console, and no client accepts one: this is for finding out why an image does not
//! start. The console's bytes are the image's and are not repeated; a line is compared with the beginnings that this
//! project's enclave has.

use std::fmt;

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    sync::mpsc,
};

use super::EnclaveId;

macro_rules! events {
    ($($(#[$doc:meta])* $event:ident, $label:literal, [$($beginning:literal),+], $meaning:literal;)+) => {
        /// A fixed event of the enclave.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ConsoleEvent {
            $($(#[$doc])* $event),+
        }

        /// Of each event what a line has after `sealnote-enclave: `, at its beginning.
        #[doc(hidden)]
        pub const BEGINNINGS: &[(ConsoleEvent, &str)] =
            &[$($((ConsoleEvent::$event, $beginning)),+),+];

        impl ConsoleEvent {
            /// For a metric.
            pub fn label(self) -> &'static str {
                match self {
                    $(ConsoleEvent::$event => $label),+
                }
            }
        }

        impl fmt::Display for ConsoleEvent {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(ConsoleEvent::$event => $meaning),+
                })
            }
        }
    };
}

events! {
    /// Its init runs.
    Booted, "booted", ["init: booted"], "it has booted";
    /// It answers.
    Ready, "ready", ["ready on "], "it is ready";
    /// It needs more memory than it has.
    TooLittleMemory, "too_little_memory", ["too little memory"],
        "it has too little memory: more for --memory";
    /// There is no security module.
    NoSecurityModule, "no_security_module", ["/dev/nsm cannot be opened"],
        "it finds no Nitro Security Module";
    /// The security module does not do what it must.
    SecurityModule, "security_module", ["the Nitro Security Module"],
        "the Nitro Security Module did not do what it must";
    /// The register is not the model's.
    ModelRegister, "model_register", ["PCR16 is not what this model extends it to"],
        "PCR16 is not its model's";
    /// Its clock is wrong.
    Clock, "clock", ["the enclave's clock is "], "its clock is off";
    /// Nobody answered its heartbeat.
    NoHeartbeat, "no_heartbeat", ["init: no heartbeat with "], "nobody answered its heartbeat";
    /// It panicked.
    Panic, "panic", ["internal error at "], "it has an internal error";
    /// The service ended; why was said before.
    ServiceEnded, "service_ended", ["init: the service ended "], "its service ended";
}

impl ConsoleEvent {
    /// Whether it says why an enclave ended, rather than how far it came.
    pub(super) fn is_reason(self) -> bool {
        !matches!(
            self,
            ConsoleEvent::Booted | ConsoleEvent::Ready | ConsoleEvent::ServiceEnded
        )
    }
}

/// Sends the events of a console, until it ends. The rest is passed over.
pub(super) async fn follow(
    console: impl AsyncRead + Unpin,
    id: EnclaveId,
    events: mpsc::Sender<(EnclaveId, ConsoleEvent)>,
) {
    let mut console = BufReader::new(console);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A longer line is taken for several: what is ours is at the beginning of one.
        match (&mut console)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Some(event) = event(&line)
            && events.send((id.clone(), event)).await.is_err()
        {
            return;
        }
    }
}

const MAX_LINE: u64 = 1024;

const PROGRAM: &[u8] = b"sealnote-enclave: ";

fn event(line: &[u8]) -> Option<ConsoleEvent> {
    let said = line.strip_prefix(PROGRAM)?;
    let (event, _) = BEGINNINGS
        .iter()
        .find(|(_, beginning)| said.starts_with(beginning.as_bytes()))?;
    Some(*event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fixed_events_are_found_and_nothing_else() {
        let mut console = b"[    0.1] Linux\n\
            sealnote-enclave: init: booted\r\n\
            sealnote-enclave: a name of somebody\n\
            x sealnote-enclave: ready on vsock:any:5005\n"
            .to_vec();
        console.extend(vec![b'x'; 5000]);
        console.extend(b"\n\xff\xfe\nsealnote-enclave: too little memory: the model needs 3 MiB\n");
        console.extend(b"sealnote-enclave: init: the service ended (exit code 1)");
        let (sender, mut events) = mpsc::channel(16);
        let id = EnclaveId::try_from("i-1-enc1".to_owned()).unwrap();
        follow(&console[..], id, sender).await;
        let mut found = Vec::new();
        while let Some((_, event)) = events.recv().await {
            found.push(event);
        }
        assert_eq!(
            found,
            [
                ConsoleEvent::Booted,
                ConsoleEvent::TooLittleMemory,
                ConsoleEvent::ServiceEnded
            ]
        );
    }
}
