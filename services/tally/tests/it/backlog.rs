//! A backlog of large batches over a log that is slow: some are counted all the time, and memory is bounded.

use std::{sync::Arc, time::Duration};

use contests::batch::TYPE;
use futures::future::join_all;
use jiff::Timestamp;
use messaging::{Delivery, Handler, Message};
use uuid::Uuid;

use crate::{
    flaky::Flaky,
    harness::{Harness, LONG},
};

fn delivery(harness: &Harness, ballots: usize) -> Delivery {
    let ids: Vec<String> = (0..ballots).map(|_| Uuid::now_v7().to_string()).collect();
    let casts: Vec<_> = ids.iter().map(|id| (id.as_str(), "x", None)).collect();
    let subject = format!("contests/{}", harness.contest.name);
    let body = harness.batch(&casts).body;
    let message = Message::binary(TYPE, Uuid::now_v7().to_string(), &subject, Timestamp::now(), body);
    Delivery { message, redeliveries: 0, again: false }
}

/// Consumers give up what takes too long. What they gave up is not logged in the place of what they wait for.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_not_logged_before_what_is_waited_for() {
    let mut harness = Harness::embedded("").await;
    let log = Flaky::over(harness.stores.ballots.clone());
    harness = harness.with_log(log.clone());
    let (handlers, combining) = tally::combiner(&harness.tally);
    let combining = tokio::spawn(combining);
    let handler = Arc::new(handlers.into_iter().next().expect("one a group"));
    log.hold("insert");
    let given_up: Vec<_> = (0..300).map(|_| delivery(&harness, 50)).collect();
    let handling = join_all(given_up.into_iter().map(|delivery| handler.handle(delivery)));
    tokio::time::timeout(Duration::from_millis(300), handling).await.expect_err("the log does not answer");
    let before = log.calls("insert");
    log.mend();
    let wanted = handler.handle(delivery(&harness, 1));
    tokio::time::timeout(LONG, wanted).await.expect("its turn comes").expect("counted");
    // Of the others only those of the rounds that were on their way.
    assert!(log.calls("insert") <= before + 1, "{} rounds", log.calls("insert") - before);
    assert!(harness.votes("x").await < 150 * 50);
    drop(handler);
    combining.await.expect("it ends");
}
