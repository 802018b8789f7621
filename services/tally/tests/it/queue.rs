//! From the queue to the counters.

use std::sync::Arc;

use contests::batch::TYPE;
use jiff::Timestamp;
use messaging::{
    Message, Route,
    topology::{LOSERS, Queue, VOTES, WINNERS},
};
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, LONG};

async fn publish(harness: &Harness, group: &'static Queue, body: bytes::Bytes) {
    let key: Arc<str> = format!("votes.{}", harness.contest.name).into();
    let id = uuid::Uuid::now_v7().to_string();
    let message = Message::binary(TYPE, id, &format!("contests/{}", harness.contest.name), Timestamp::now(), body);
    harness.context.bus.publish(&Route::Ballots { key, group, index: 0 }, message).await.expect("confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_every_group_are_counted_and_what_is_none_is_buried() {
    let harness = Harness::embedded("").await;
    let stop = CancellationToken::new();
    let counting = {
        let (tally, config, stop) = (harness.tally.clone(), harness.config.clone(), stop.clone());
        tokio::spawn(async move { tally::count(&tally, &config, stop).await })
    };
    for n in 0..60 {
        let group = [&VOTES, &WINNERS, &LOSERS][n % 3];
        publish(&harness, group, harness.batch(&[(&n.to_string(), "x", None)]).body).await;
    }
    publish(&harness, &VOTES, bytes::Bytes::from_static(b"no batch")).await;
    testkit::until("all are counted", LONG, || async {
        let votes = harness.votes("x").await;
        if votes == 60 { Ok(()) } else { Err(votes) }
    })
    .await
    .expect("all are counted");
    testkit::until("what is none is buried", LONG, || async {
        let letters = harness.context.bus.dead_letters(10).await.map_err(|e| e.to_string())?;
        if letters.len() == 1 { Ok(()) } else { Err(format!("{letters:?}")) }
    })
    .await
    .expect("what is none is buried");
    stop.cancel();
    tokio::time::timeout(LONG, counting).await.expect("it drains").expect("no panic");
    harness.agree().await;
}
