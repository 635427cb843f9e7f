//! Another image takes the place of the one that serves.

use std::time::Duration;

use sealnote_parent::supervise::{Event, NotReplaced, StartError};
use sealnote_transport::Cid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::Rig;

crate::trials!(
    the_new_one_has_new_connections_and_the_old_one_ends_in_peace,
    the_same_image_is_not_started_again,
    more_memory_for_the_same_image_is_a_replacement,
    where_there_is_no_room_the_old_one_serves,
    where_it_is_allowed_the_old_one_ends_first,
    a_new_image_that_fails_leaves_the_old_one_serving,
    a_new_image_that_did_not_answer_is_not_started_when_the_old_one_ends,
    when_the_old_one_ends_before_the_new_one_answers_the_new_one_serves,
    a_replacement_of_a_replacement_waits_its_turn,
    after_a_crash_in_the_middle_one_serves_and_the_other_ends,
    an_end_that_nitro_cli_does_not_manage_is_tried_again,
);

async fn the_new_one_has_new_connections_and_the_old_one_ends_in_peace() {
    let mut rig = Rig::serving("one").await;
    let old_place = rig.endpoints.borrow()[0].clone();
    let (mut session, _) = rig.connect().await;
    rig.traffic.busy.send_modify(|busy| {
        busy.insert(old_place.clone());
    });
    rig.replace("two").await;
    let event = rig
        .until(|event| matches!(event, Event::Replaced { .. }))
        .await;
    let Event::Replaced { old, new } = event else {
        unreachable!()
    };
    assert_eq!((old.cid, new.cid), (Cid(16), Cid(17)));
    assert_eq!(rig.names(), ["sealnote", "sealnote-2"]);
    assert_eq!(rig.endpoints.borrow().len(), 1);
    assert_eq!(rig.connect().await.1, "two");

    // The old session goes on.
    session.write_all(b"still here").await.unwrap();
    let mut echo = [0; 10];
    session.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"still here");
    // Nor is its enclave ended while it lasts.
    let asked = rig.machine.calls("describe-enclaves").len();
    crate::rig::until(|| rig.machine.calls("describe-enclaves").len() > asked + 3).await;
    assert_eq!(rig.names(), ["sealnote", "sealnote-2"]);
    rig.traffic.busy.send_modify(|busy| busy.clear());
    let event = rig.next().await;
    assert!(
        matches!(&event, Event::Terminated(enclave) if *enclave == old),
        "{event:?}"
    );
    assert_eq!(rig.names(), ["sealnote-2"]);

    // And back into the first place.
    rig.replace("three").await;
    rig.until(|event| matches!(event, Event::Terminated(enclave) if enclave.cid == Cid(17)))
        .await;
    assert_eq!(*rig.endpoints.borrow(), [old_place]);
    assert_eq!(rig.connect().await.1, "three");
}

async fn the_same_image_is_not_started_again() {
    let mut rig = Rig::serving("one").await;
    rig.replace("one").await;
    let event = rig.next().await;
    assert!(matches!(event, Event::Unchanged), "{event:?}");
    assert_eq!(rig.machine.calls("run-enclave").len(), 1);
}

async fn more_memory_for_the_same_image_is_a_replacement() {
    let mut rig = Rig::serving("one").await;
    rig.plan.image.memory_mib = 1024.try_into().unwrap();
    rig.replace("one").await;
    rig.until(|event| matches!(event, Event::Terminated(_)))
        .await;
    assert_eq!(rig.machine.running()[0]["MemoryMiB"], 1024);
}

async fn where_there_is_no_room_the_old_one_serves() {
    for (pool, amount) in [("memory", "1023"), ("cpus", "3")] {
        let mut rig = Rig::serving_with("one", |_, machine| {
            std::fs::write(machine.folder.join(pool), amount).unwrap();
        })
        .await;
        rig.replace("two").await;
        let event = rig.next().await;
        let Event::NotReplaced(NotReplaced::NoRoom(error)) = &event else {
            panic!("{event:?}")
        };
        assert!(error.is_want_of_room());
        assert_eq!(rig.connect().await.1, "one");
        assert_eq!(rig.names(), ["sealnote"]);
        assert_eq!(rig.machine.calls("terminate-enclave").len(), 0);
    }
}

async fn where_it_is_allowed_the_old_one_ends_first() {
    let mut rig = Rig::serving_with("one", |plan, machine| {
        std::fs::write(machine.folder.join("memory"), "1023").unwrap();
        plan.replace_by_restart = true;
        plan.drain_limit = Duration::from_millis(200);
    })
    .await;
    // A session that does not end by itself is cut when its time is up.
    let old_place = rig.endpoints.borrow()[0].clone();
    rig.traffic.busy.send_modify(|busy| {
        busy.insert(old_place.clone());
    });
    rig.replace("two").await;
    let event = rig.next().await;
    assert!(
        matches!(event, Event::ReplacedByRestart { .. }),
        "{event:?}"
    );
    // Nobody new comes to the old one.
    assert_ne!(*rig.endpoints.borrow(), [old_place]);
    assert_eq!(rig.names(), ["sealnote"]);
    let event = rig.next().await;
    assert!(matches!(event, Event::Terminated(_)), "{event:?}");
    let event = rig.next().await;
    assert!(
        matches!(&event, Event::Started { enclave, .. } if enclave.cid == Cid(17)),
        "{event:?}"
    );
    rig.until(|event| matches!(event, Event::Ready { .. }))
        .await;
    assert_eq!(rig.connect().await.1, "two");
}

async fn a_new_image_that_fails_leaves_the_old_one_serving() {
    let mut rig = Rig::serving_with("one", |plan, _| {
        plan.replace_by_restart = true;
        plan.answer_limit = Duration::from_secs(1);
    })
    .await;
    type Expected = fn(&NotReplaced) -> bool;
    let cases: [(&str, Expected); 3] = [
        ("dies", |why| matches!(why, NotReplaced::Ended(_))),
        ("silent", |why| matches!(why, NotReplaced::Silent(_))),
        ("damaged", |why| {
            matches!(why, NotReplaced::NotStarted(StartError::NitroCli(_)))
        }),
    ];
    for (text, is_expected) in cases {
        rig.replace(text).await;
        let event = rig
            .until(|event| matches!(event, Event::NotReplaced(_)))
            .await;
        let Event::NotReplaced(why) = event else {
            unreachable!()
        };
        assert!(is_expected(&why), "{text}: {why}");
        crate::rig::until(|| rig.names() == ["sealnote"]).await;
        assert_eq!(rig.connect().await.1, "one");
    }
    assert!(!rig.endpoints.has_changed().unwrap());
}

async fn a_new_image_that_did_not_answer_is_not_started_when_the_old_one_ends() {
    let mut rig =
        Rig::serving_with("one", |plan, _| plan.answer_limit = Duration::from_secs(1)).await;
    let mut image = rig.plan.image.clone();
    image.eif = rig.machine.folder.join("other.eif");
    std::fs::write(&image.eif, "silent").unwrap();
    rig.orders().replace(image).await;
    rig.until(|event| matches!(event, Event::NotReplaced(_)))
        .await;
    crate::rig::until(|| rig.names() == ["sealnote"]).await;

    let id = rig.machine.running()[0]["EnclaveID"].clone();
    rig.machine.kill(id.as_str().unwrap());
    rig.until(|event| matches!(event, Event::Started { .. }))
        .await;
    assert_eq!(rig.connect().await.1, "one");
}

async fn when_the_old_one_ends_before_the_new_one_answers_the_new_one_serves() {
    let mut rig = Rig::serving("one").await;
    rig.replace("silent").await;
    rig.until(|event| matches!(event, Event::Started { .. }))
        .await;
    rig.machine.kill("i-0123-enc1");
    let event = rig.next().await;
    assert!(
        matches!(event, Event::Ended { pause: None, .. }),
        "{event:?}"
    );
    rig.endpoints.changed().await.unwrap();
    assert!(rig.endpoints.borrow()[0].to_string().ends_with("/17.sock"));
    assert_eq!(rig.machine.calls("run-enclave").len(), 2);
}

async fn a_replacement_of_a_replacement_waits_its_turn() {
    let mut rig = Rig::serving("one").await;
    rig.replace("two").await;
    rig.until(|event| matches!(event, Event::Started { .. }))
        .await;
    rig.replace("three").await;
    rig.until(|event| matches!(event, Event::Terminated(enclave) if enclave.cid == Cid(16)))
        .await;
    rig.until(|event| matches!(event, Event::Terminated(enclave) if enclave.cid == Cid(17)))
        .await;
    assert_eq!(rig.connect().await.1, "three");
    assert_eq!(rig.names(), ["sealnote"]);
}

async fn after_a_crash_in_the_middle_one_serves_and_the_other_ends() {
    let mut rig = Rig::serving("one").await;
    let old_place = rig.endpoints.borrow()[0].clone();
    rig.traffic.busy.send_modify(|busy| {
        busy.insert(old_place);
    });
    rig.replace("two").await;
    rig.until(|event| matches!(event, Event::Replaced { .. }))
        .await;
    rig.crash().await;
    rig.until(|event| matches!(event, Event::Terminated(enclave) if enclave.cid == Cid(16)))
        .await;
    rig.until(|event| matches!(event, Event::Ready { .. }))
        .await;
    assert_eq!(rig.connect().await.1, "two");
    assert_eq!(rig.names(), ["sealnote-2"]);
}

async fn an_end_that_nitro_cli_does_not_manage_is_tried_again() {
    let mut rig = Rig::serving("one").await;
    rig.tell("fail-terminate-enclave", "11\n[ E11 ] Socket error.\n");
    rig.replace("two").await;
    for _ in 0..2 {
        rig.until(|event| matches!(event, Event::NotTerminated { .. }))
            .await;
    }
    rig.untell("fail-terminate-enclave");
    rig.until(|event| matches!(event, Event::Terminated(_)))
        .await;
    assert_eq!(rig.names(), ["sealnote-2"]);
}
