//! An enclave that ends is started again, and its reason found as far as it can be.

use std::{fs, path::Path, time::Duration};

use sealnote_parent::supervise::{BEGINNINGS, ConsoleEvent, Event, ExitReason};
use sealnote_transport::Cid;

use crate::rig::Rig;

crate::trials!(
    an_enclave_that_ends_is_started_again_in_its_place,
    an_image_that_refuses_its_start_is_tried_ever_more_seldom,
    in_debug_mode_the_console_gives_the_reason,
    the_consoles_events_are_the_enclaves_own,
    a_nitro_cli_that_fails_says_nothing_of_the_enclave,
    a_connection_that_fails_has_the_enclave_looked_at,
    an_enclave_that_does_not_answer_is_said_and_left_alone,
);

async fn an_enclave_that_ends_is_started_again_in_its_place() {
    let mut rig = Rig::serving("one").await;
    let endpoints = rig.endpoints.borrow().clone();
    for expected in [10, 20, 40, 40] {
        rig.machine
            .kill(rig.machine.running()[0]["EnclaveID"].as_str().unwrap());
        let event = rig.next().await;
        let Event::Ended { reason, pause, .. } = &event else {
            panic!("{event:?}")
        };
        assert_eq!(*reason, ExitReason::WhileServing);
        assert_eq!(*pause, Some(Duration::from_millis(expected)));
        rig.until(|event| matches!(event, Event::Ready { .. }))
            .await;
    }
    // Clients that come meanwhile wait where the next one will be.
    assert!(!rig.endpoints.has_changed().unwrap());
    assert_eq!(*rig.endpoints.borrow(), endpoints);
    assert_eq!(rig.connect().await.1, "one");
    assert_eq!(rig.names(), ["sealnote"]);
}

async fn an_image_that_refuses_its_start_is_tried_ever_more_seldom() {
    let mut rig = Rig::new("dies").await;
    for expected in [10, 20, 40, 40] {
        let event = rig.next().await;
        assert!(
            matches!(&event, Event::Started { enclave, .. } if enclave.cid == Cid(16)),
            "{event:?}"
        );
        let event = rig.next().await;
        let Event::Ended { reason, pause, .. } = &event else {
            panic!("{event:?}")
        };
        assert_eq!(*reason, ExitReason::BeforeAnswer);
        assert_eq!(*pause, Some(Duration::from_millis(expected)));
    }
}

async fn in_debug_mode_the_console_gives_the_reason() {
    let mut rig = Rig::with("dies", |plan, machine| {
        plan.image.debug = true;
        let console = "Linux\nsealnote-enclave: init: booted\n\
            sealnote-enclave: too little memory: the model needs 1 MiB\n\
            sealnote-enclave: init: the service ended (exit code 1); the enclave ends\n";
        fs::write(machine.folder.join("console"), console).unwrap();
    })
    .await;
    let mut said = Vec::new();
    let reason = loop {
        match rig.next().await {
            Event::Console { event, .. } => said.push(event),
            Event::Ended { reason, .. } => break reason,
            _ => {}
        }
    };
    use ConsoleEvent::{Booted, ServiceEnded, TooLittleMemory};
    assert_eq!(said, [Booted, TooLittleMemory, ServiceEnded]);
    assert_eq!(reason, ExitReason::Console(TooLittleMemory));
    assert_eq!(reason.label(), "too_little_memory");
    assert!(rig.machine.calls("run-enclave")[0].ends_with(" --debug-mode"));
}

/// The parent does not know the enclave's crate, so what it looks for is compared with that crate's text.
async fn the_consoles_events_are_the_enclaves_own() {
    let sources = [
        "src/init.rs",
        "src/init/heartbeat.rs",
        "src/main.rs",
        "src/panics.rs",
        "src/attester/nsm.rs",
        "engine/src/error.rs",
    ];
    let enclave = Path::new(env!("CARGO_MANIFEST_DIR")).join("../enclave");
    let text: String = sources
        .map(|path| fs::read_to_string(enclave.join(path)).unwrap())
        .concat();
    for (event, beginning) in BEGINNINGS {
        // What init says is made of two.
        let beginning = beginning.strip_prefix("init: ").unwrap_or(beginning);
        let is_said = [
            format!("\"{beginning}"),
            format!("sealnote-enclave: {beginning}"),
        ];
        assert!(is_said.iter().any(|said| text.contains(said)), "{event:?}");
    }
}

async fn a_nitro_cli_that_fails_says_nothing_of_the_enclave() {
    let mut rig = Rig::serving("one").await;
    rig.tell(
        "fail-describe-enclaves",
        "39\nFailed connections: 1\n[ E39 ] Enclave process connection failure.\n",
    );
    let event = rig.next().await;
    let Event::NotWatched(error) = &event else {
        panic!("{event:?}")
    };
    let expected =
        "nitro-cli describe-enclaves failed: [ E39 ] Enclave process connection failure.";
    assert_eq!(error.to_string(), expected);
    // Asked many times more, it is said once; and the enclave is taken for what it was.
    let asked = rig.machine.calls("describe-enclaves").len();
    crate::rig::until(|| rig.machine.calls("describe-enclaves").len() > asked + 3).await;
    assert!(rig.events.try_recv().is_err());
    assert_eq!(rig.connect().await.1, "one");

    rig.machine
        .kill(rig.machine.running()[0]["EnclaveID"].as_str().unwrap());
    rig.untell("fail-describe-enclaves");
    let event = rig.next().await;
    assert!(matches!(event, Event::Ended { .. }), "{event:?}");
}

async fn a_connection_that_fails_has_the_enclave_looked_at() {
    let mut rig = Rig::serving_with("one", |plan, _| {
        plan.watch_interval = Duration::from_secs(3600)
    })
    .await;
    rig.machine
        .kill(rig.machine.running()[0]["EnclaveID"].as_str().unwrap());
    let orders = rig.orders().clone();
    // At most once a second, however many fail.
    let failing = tokio::spawn(async move {
        loop {
            orders.look();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    rig.until(|event| matches!(event, Event::Ended { .. }))
        .await;
    failing.abort();
    assert!(rig.machine.calls("describe-enclaves").len() <= 3);
}

async fn an_enclave_that_does_not_answer_is_said_and_left_alone() {
    let mut rig = Rig::with("silent", |plan, _| {
        plan.answer_limit = Duration::from_millis(100)
    })
    .await;
    rig.until(|event| matches!(event, Event::Silent { .. }))
        .await;
    assert_eq!(rig.names(), ["sealnote"]);
    assert_eq!(rig.machine.calls("run-enclave").len(), 1);
}
