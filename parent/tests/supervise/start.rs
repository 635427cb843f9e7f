//! An enclave is started, or one that runs is taken over; what is not ours is left alone.

use std::time::Duration;

use sealnote_parent::supervise::{ErrorCode, Event, NitroCliError, StartError};
use sealnote_transport::Cid;

use crate::rig::{Rig, start_by_hand, until};

crate::trials!(
    it_starts_with_what_it_was_told_and_stops_what_it_started,
    a_failure_is_said_and_tried_again,
    without_nitro_cli_it_ends,
    an_answer_that_is_not_understood_is_no_enclave,
    a_nitro_cli_that_hangs_is_ended_and_its_enclave_taken_over,
    it_stops_what_it_was_starting,
    after_a_crash_the_enclave_is_taken_over,
    after_a_crash_another_image_is_served_until_the_new_one_answers,
    an_enclave_that_is_to_be_kept_outlives_the_parent,
    an_enclave_of_the_same_image_is_taken_over_and_never_ended,
    an_enclave_of_another_image_is_left_alone,
    one_that_somebody_starts_by_hand_after_a_failure_is_left_alone,
    a_cid_of_another_enclave_is_left_alone,
    a_state_file_that_cannot_be_written_is_said,
    what_cannot_be_is_said_before_anything_runs,
);

async fn it_starts_with_what_it_was_told_and_stops_what_it_started() {
    let mut rig = Rig::serving("one").await;
    let eif = rig.plan.image.eif.display();
    assert_eq!(
        rig.machine.calls("run-enclave"),
        [format!(
            "run-enclave --enclave-name sealnote --eif-path {eif} --cpu-count 2 --memory 512 --enclave-cid 16"
        )]
    );
    let (_session, text) = rig.connect().await;
    assert_eq!(text, "one");
    let events = rig.stop().await;
    assert!(
        matches!(&events[..], [Event::Terminated(enclave)] if enclave.cid == Cid(16)),
        "{events:?}"
    );
    assert_eq!(rig.machine.running().len(), 0);
}

async fn a_failure_is_said_and_tried_again() {
    let mut rig = Rig::with("one", |_, machine| {
        std::fs::write(machine.folder.join("memory"), "511").unwrap();
    })
    .await;
    for expected in [10, 20, 40, 40] {
        let Event::NotStarted { error, pause } = rig.next().await else {
            panic!("it was started")
        };
        assert_eq!(pause, Duration::from_millis(expected));
        let is_expected = matches!(
            &error,
            StartError::NitroCli(NitroCliError::Failed {
                code: Some(ErrorCode(27)),
                ..
            })
        );
        assert!(is_expected, "{error}");
    }
    rig.tell("memory", "512");
    rig.until(|event| matches!(event, Event::Started { .. }))
        .await;
}

async fn without_nitro_cli_it_ends() {
    let mut rig = Rig::with("one", |plan, machine| {
        plan.nitro_cli.program = machine.folder.join("missing");
    })
    .await;
    let error = (&mut rig.task).await.unwrap().unwrap_err();
    let expected = "missing cannot be run (No such file or directory (os error 2)); install aws-nitro-enclaves-cli";
    assert!(error.to_string().contains(expected), "{error}");
}

async fn an_answer_that_is_not_understood_is_no_enclave() {
    let mut rig = Rig::with("one", |_, machine| {
        std::fs::write(
            machine.folder.join("print-run-enclave"),
            "{\"EnclaveID\":\"i-0\"}",
        )
        .unwrap();
    })
    .await;
    let event = rig.next().await;
    let Event::NotStarted { error, .. } = event else {
        panic!("{event:?}")
    };
    let expected =
        "the answer of nitro-cli run-enclave is not understood (missing field `EnclaveCID`";
    assert!(error.to_string().starts_with(expected), "{error}");
    // It has been started all the same, and is found by its name.
    let Event::TakenOver(enclave) = rig.next().await else {
        panic!("not taken over")
    };
    assert!(enclave.ours);
    assert_eq!(rig.machine.calls("run-enclave").len(), 1);
    rig.stop().await;
    assert_eq!(rig.machine.running().len(), 0);
}

async fn a_nitro_cli_that_hangs_is_ended_and_its_enclave_taken_over() {
    let mut rig = Rig::with("one", |plan, machine| {
        plan.nitro_cli.run_limit = Duration::from_secs(1);
        std::fs::write(machine.folder.join("late-run-enclave"), "").unwrap();
    })
    .await;
    let event = rig.next().await;
    let is_expected = matches!(
        &event,
        Event::NotStarted {
            error: StartError::NitroCli(NitroCliError::Deadline {
                command: "run-enclave",
                ..
            }),
            ..
        }
    );
    assert!(is_expected, "{event:?}");
    let event = rig.next().await;
    assert!(
        matches!(&event, Event::TakenOver(enclave) if enclave.ours),
        "{event:?}"
    );
    assert_eq!(rig.machine.calls("run-enclave").len(), 1);
}

async fn it_stops_what_it_was_starting() {
    let mut rig = Rig::new("one").await;
    let events = rig.stop().await;
    assert!(
        matches!(events.last(), Some(Event::Terminated(_))),
        "{events:?}"
    );
    assert_eq!(rig.machine.running().len(), 0);
}

async fn after_a_crash_the_enclave_is_taken_over() {
    let mut rig = Rig::serving("one").await;
    rig.crash().await;
    let Event::TakenOver(enclave) = rig.next().await else {
        panic!("not taken over")
    };
    assert!(enclave.ours);
    rig.until(|event| matches!(event, Event::Ready { .. }))
        .await;
    assert_eq!(rig.machine.calls("run-enclave").len(), 1);
    rig.stop().await;
    assert_eq!(rig.machine.running().len(), 0);
}

async fn after_a_crash_another_image_is_served_until_the_new_one_answers() {
    let mut rig = Rig::serving("one").await;
    rig.task.abort();
    rig.tell("image.eif", "two");
    rig.start_anew();
    let event = rig.next().await;
    assert!(matches!(event, Event::TakenOver(_)), "{event:?}");
    let event = rig
        .until(|event| matches!(event, Event::Replaced { .. }))
        .await;
    let Event::Replaced { old, new } = event else {
        unreachable!()
    };
    assert_eq!((old.cid, new.cid), (Cid(16), Cid(17)));
    assert_eq!(rig.connect().await.1, "two");
}

async fn an_enclave_that_is_to_be_kept_outlives_the_parent() {
    let mut rig = Rig::serving_with("one", |plan, _| plan.keep = true).await;
    let events = rig.stop().await;
    assert!(matches!(&events[..], [Event::LeftRunning(_)]), "{events:?}");
    rig.start_anew();
    let event = rig.next().await;
    assert!(
        matches!(&event, Event::TakenOver(enclave) if enclave.ours),
        "{event:?}"
    );
}

async fn an_enclave_of_the_same_image_is_taken_over_and_never_ended() {
    let mut rig = Rig::serving_with("one", |_, machine| {
        start_by_hand(machine, "sealnote", 30, "one");
    })
    .await;
    assert_eq!(rig.machine.calls("run-enclave").len(), 0);
    assert_eq!(rig.connect().await.1, "one");
    // Nor when it is replaced.
    rig.replace("two").await;
    let event = rig
        .until(|event| matches!(event, Event::LeftRunning(_)))
        .await;
    assert!(
        matches!(&event, Event::LeftRunning(enclave) if enclave.cid == Cid(30)),
        "{event:?}"
    );
    assert_eq!(rig.connect().await.1, "two");
    rig.stop().await;
    assert_eq!(rig.names(), ["sealnote"]);
    assert_eq!(rig.machine.calls("terminate-enclave").len(), 1);
}

async fn an_enclave_of_another_image_is_left_alone() {
    let mut id = String::new();
    let mut rig = Rig::with("one", |plan, machine| {
        id = start_by_hand(machine, "sealnote", 30, "other");
        start_by_hand(machine, "sealnote-2", 31, "other");
        plan.keep = true;
    })
    .await;
    let event = rig.next().await;
    let is_expected = matches!(
        &event,
        Event::NotStarted {
            error: StartError::NameTaken { .. },
            ..
        }
    );
    assert!(is_expected, "{event:?}");
    // As soon as somebody has ended it, the name is free.
    rig.machine.kill(&id);
    rig.until(|event| matches!(event, Event::Started { .. }))
        .await;
    assert_eq!(rig.machine.calls("terminate-enclave").len(), 0);
}

async fn one_that_somebody_starts_by_hand_after_a_failure_is_left_alone() {
    let mut rig = Rig::with("one", |plan, machine| {
        std::fs::write(machine.folder.join("memory"), "511").unwrap();
        plan.backoff = sealnote_parent::supervise::Backoff::new(
            Duration::from_millis(500),
            Duration::from_millis(500),
            Duration::from_secs(600),
        );
    })
    .await;
    assert!(matches!(rig.next().await, Event::NotStarted { .. }));
    // Under the very names that this parent would have used.
    rig.tell("memory", "4096");
    start_by_hand(&rig.machine, "sealnote", 30, "other");
    start_by_hand(&rig.machine, "sealnote-2", 31, "other");
    let event = rig.next().await;
    let is_expected = matches!(
        &event,
        Event::NotStarted {
            error: StartError::NameTaken { .. },
            ..
        }
    );
    assert!(is_expected, "{event:?}");
    rig.stop().await;
    assert_eq!(rig.machine.running().len(), 2);
}

async fn a_cid_of_another_enclave_is_left_alone() {
    let mut rig = Rig::with("one", |_, machine| {
        start_by_hand(machine, "another", 16, "other");
    })
    .await;
    // The other CID is free.
    let event = rig.next().await;
    assert!(
        matches!(&event, Event::Started { enclave, .. } if enclave.cid == Cid(17)),
        "{event:?}"
    );
    rig.stop().await;
    assert_eq!(rig.names(), ["another"]);
}

async fn a_state_file_that_cannot_be_written_is_said() {
    let mut rig = Rig::with("one", |plan, machine| {
        plan.state_file = Some(machine.folder.join("missing/state"));
    })
    .await;
    let event = rig.next().await;
    let Event::NotKept(error) = &event else {
        panic!("{event:?}")
    };
    assert!(error.to_string().contains("cannot be written"), "{error}");
    rig.until(|event| matches!(event, Event::Ready { .. }))
        .await;
}

async fn what_cannot_be_is_said_before_anything_runs() {
    let mut rig = Rig::serving("one").await;
    let prepare = |set: fn(&mut sealnote_parent::supervise::Plan)| {
        let mut plan = rig.plan.clone();
        set(&mut plan);
        plan.prepare(rig.traffic.clone(), |_| {}).unwrap_err()
    };
    for name in ["", "-a", "a b", "é"] {
        let mut plan = rig.plan.clone();
        plan.name = name.into();
        let error = plan.prepare(rig.traffic.clone(), |_| {}).unwrap_err();
        assert!(matches!(error, StartError::Name), "{error}");
    }
    let error = prepare(|plan| plan.image.eif = "/missing.eif".into()).to_string();
    assert_eq!(
        error,
        "the image /missing.eif cannot be read: No such file or directory (os error 2)"
    );
    std::fs::write(rig.machine.folder.join("other"), "text").unwrap();
    let error = prepare(|plan| {
        let path = plan.state_file.as_ref().unwrap().with_file_name("other");
        plan.state_file = Some(path);
    });
    assert!(matches!(error, StartError::Ledger(_)), "{error}");
    rig.stop().await;
    until(|| rig.machine.running().is_empty()).await;
}
