//! What every bus keeps of groups of ballots' queues.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::future::join_all;
use jiff::Timestamp;
use messaging::topology::{GROUP_QUEUES, LOSERS, Queue, SCORES, STATUS_WORKER, VOTES, WINNERS};
use messaging::{Bus, JobError, Message, PublishError, Route};

use crate::support::{Consumer, Scripted, eventually, message, nothing_is_left};

type Shared = Arc<dyn Bus>;

/// No UTF-8.
const BODY: &[u8] = &[0, 159, 146, 150];
const KIND: &str = "dev.marea.test.v1";

pub(crate) fn batch(id: impl Into<String>) -> Message {
    let time = "2026-11-01T10:00:00Z".parse().unwrap();
    Message::binary(KIND, id.into(), "contests/bands", time, BODY.into())
}

pub(crate) fn to(group: &'static Queue, index: usize) -> Route {
    Route::Ballots { key: format!("{}.bands", group.word()).into(), group, index }
}

pub(crate) async fn a_batch_reaches_its_group_with_body_and_headers(bus: Shared) {
    let (votes, winners) = (Scripted::glad(), Scripted::glad());
    let consumers = [Consumer::start(&bus, &VOTES, votes.clone()), Consumer::start(&bus, &WINNERS, winners.clone())];
    bus.publish(&to(&VOTES, 0), batch("one")).await.unwrap();
    votes.saw("one", 1).await;
    join_all(consumers.map(Consumer::stop)).await;
    let delivered = votes.last().unwrap().message;
    assert_eq!((delivered.clone(), winners.distinct()), (batch("one"), 0));
    let headers: Vec<_> = delivered.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("ce-id", "one"),
        ("ce-source", "/marea"),
        ("ce-specversion", "1.0"),
        ("ce-subject", "contests/bands"),
        ("ce-time", "2026-11-01T10:00:00Z"),
        ("ce-type", KIND),
    ];
    assert_eq!(headers, expected);
    let beyond = bus.publish(&to(&VOTES, GROUP_QUEUES), batch("beyond")).await;
    assert!(matches!(beyond, Err(PublishError::Refused(_))), "{beyond:?}");
    nothing_is_left(&bus).await;
}

pub(crate) async fn all_of_a_groups_queues_are_consumed_and_those_that_come_later(bus: Shared) {
    let handler = Scripted::glad();
    for index in [2, 0] {
        bus.publish(&to(&SCORES, index), batch(index.to_string())).await.unwrap();
    }
    let consumers: Vec<_> = (0..2).map(|_| Consumer::start(&bus, &SCORES, handler.clone())).collect();
    handler.saw_all(2).await;
    let publish = (0..400).map(|n| {
        let bus = bus.clone();
        async move { bus.publish(&to(&SCORES, n % 6), batch(n.to_string())).await }
    });
    join_all(publish).await.into_iter().for_each(Result::unwrap);
    handler.saw_all(400).await;
    for consumer in consumers {
        consumer.stop().await;
    }
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_batch_that_fails_for_a_while_comes_again(bus: Shared) {
    let handler = Scripted::new(|_, times| if times <= 6 { Err(JobError::retry("out")) } else { Ok(()) });
    let consumer = Consumer::start(&bus, &WINNERS, handler.clone());
    bus.publish(&to(&WINNERS, 1), batch("again")).await.unwrap();
    handler.saw("again", 7).await;
    assert_eq!(handler.last().unwrap().message, batch("again"));
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_batch_that_is_given_up_is_shown_in_base64_and_can_be_requeued(bus: Shared) {
    let handler = Scripted::new(|_, times| if times == 1 { Err(JobError::fail("no batch")) } else { Ok(()) });
    let consumer = Consumer::start(&bus, &LOSERS, handler.clone());
    bus.publish(&to(&LOSERS, 1), batch("poison")).await.unwrap();
    eventually("a dead letter", async || bus.dead_letters(9).await.unwrap().len() == 1).await;
    let letter = bus.dead_letters(9).await.unwrap().remove(0);
    assert_eq!((letter.reason.as_str(), letter.queue.as_str()), ("no batch", LOSERS.name));
    assert_eq!((letter.kind.as_str(), letter.body), (KIND, BASE64_STANDARD.encode(BODY)));
    assert!(bus.requeue_dead_letter("poison").await.unwrap());
    handler.saw("poison", 2).await;
    assert_eq!(handler.last().unwrap().message, batch("poison"));
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_ballot_is_taken_out_of_a_batch_with_its_reason(bus: Shared) {
    let dead = |reason: &str| Route::Dead(&VOTES, reason.to_owned());
    bus.publish(&dead("rank is 9"), batch("batch.3")).await.unwrap();
    bus.publish(&dead("rank is 8"), batch("batch.4")).await.unwrap();
    let letters = bus.dead_letters(9).await.unwrap();
    let shown: Vec<_> = letters.iter().map(|l| (l.id.as_str(), l.reason.as_str(), l.queue.as_str())).collect();
    assert_eq!(shown, [("batch.3", "rank is 9", VOTES.name), ("batch.4", "rank is 8", VOTES.name)]);
    assert!(Timestamp::now().duration_since(letters[0].time).as_secs() < 60);
    assert!(bus.drop_dead_letter("batch.4").await.unwrap());
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &VOTES, handler.clone());
    assert!(bus.requeue_dead_letter("batch.3").await.unwrap());
    handler.saw("batch.3", 1).await;
    assert_eq!(handler.last().unwrap().message, batch("batch.3"));
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn tasks_and_ballots_do_not_meet(bus: Shared) {
    let (status, votes) = (Scripted::glad(), Scripted::slow(Duration::from_millis(100), |_, _| Ok(())));
    let consumers =
        [Consumer::start(&bus, &STATUS_WORKER, status.clone()), Consumer::start(&bus, &VOTES, votes.clone())];
    let ballots = (0..100).map(|n| {
        let bus = bus.clone();
        async move { bus.publish(&to(&VOTES, n % 4), batch(n.to_string())).await }
    });
    let (ballots, task) = tokio::join!(join_all(ballots), bus.publish(&Route::Fact("task.progress"), message("task")));
    task.unwrap();
    ballots.into_iter().for_each(Result::unwrap);
    status.saw("task", 1).await;
    votes.saw_all(100).await;
    join_all(consumers.map(Consumer::stop)).await;
    assert_eq!((status.distinct(), votes.distinct()), (1, 100));
    nothing_is_left(&bus).await;
}
