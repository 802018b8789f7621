//! What does not fit: taken out by position, and kept among the dead letters.

use std::sync::Arc;

use async_trait::async_trait;
use contests::{Ballot, Batch, Value, batch::Segment};
use messaging::{Delivery, Handler, JobError, topology::VOTES};
use tally::Failure;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{Cast, Harness};

const GOOD: Cast<'static> = ("a", "x", None);

#[tokio::test(flavor = "multi_thread")]
async fn bad_ballots_are_taken_out_and_the_rest_counts() {
    let harness = Harness::embedded("").await;
    let long = "x".repeat(300);
    let batch = [harness.batch(&[GOOD, ("b", &long, None), ("c", "x", None), ("d", " x", None)])];
    for _ in 0..2 {
        assert!(harness.round().run(&batch).await[0].is_ok());
    }
    let totals = harness.counts().await.totals;
    assert_eq!((totals.counted, totals.dead, totals.received()), (2, 2, 2));
    let letters = harness.context.bus.dead_letters(10).await.expect("an answer");
    // Once, however often it was delivered.
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].reason.contains("2 of 4 ballots do not fit"), "{}", letters[0].reason);
    harness.agree().await;
    // Asked for again it is of its contest, as what ingest sends: whoever takes it in hand says so.
    assert!(harness.context.bus.requeue_dead_letter(&letters[0].id).await.expect("an answer"));
    let (sender, mut subjects) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let bus = harness.context.bus.clone();
    tokio::spawn(async move { bus.consume(&VOTES, Arc::new(Subjects(sender)), stop).await });
    assert_eq!(subjects.recv().await, Some(format!("contests/{}", harness.contest.name)));
}

/// Tells of what is delivered.
struct Subjects(mpsc::UnboundedSender<String>);

#[async_trait]
impl Handler for Subjects {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        self.0.send(delivery.message.subject().unwrap_or_default().to_owned()).map_err(JobError::fail)
    }
}

/// Ids that were a request's and a position are written out: what does not fit takes more bytes than the batch did.
#[tokio::test(flavor = "multi_thread")]
async fn as_many_as_do_not_fit_into_one_message_are_dead_letters_of_several() {
    let harness = Harness::embedded("").await;
    let mut segment = Segment::default();
    let bad = Ballot { id: None, voter: None, values: vec![Value::Text(" x".into()), Value::Integer(3)] };
    (0..8_000).for_each(|index| segment.push(index, &bad));
    let mut segments = vec![];
    segment.finish(&mut segments, "", Uuid::now_v7());
    let batch = harness.batch_with(8_000, &segments, |_| {});
    let done = harness.round().run(&[batch]).await;
    assert!(done[0].is_ok(), "{done:?}");
    assert_eq!(harness.counts().await.totals.dead, 8_000);
    let letters = harness.context.bus.dead_letters(10).await.expect("an answer");
    assert_eq!(letters.len(), 2, "{letters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_fails_and_takes_no_other_with_it() {
    let harness = Harness::embedded("").await;
    let mut broken = harness.batch(&[GOOD]);
    broken.body = broken.body.slice(..broken.body.len() - 1);
    assert!(Batch::decode(&broken.body).is_err());
    let mut empty = broken.clone();
    empty.body = bytes::Bytes::new();
    let done = harness.round().run(&[broken, harness.batch(&[("b", "x", None)]), empty]).await;
    assert!(matches!(done[..], [Err(Failure::Fail(_)), Ok(()), Err(Failure::Fail(_))]), "{done:?}");
    assert_eq!(harness.votes("x").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_an_unknown_revision_is_dead_and_in_the_ledger() {
    let harness = Harness::embedded("").await;
    let batch = [harness.batch_of(&[GOOD], |header| header.revision.0 ^= 1)];
    assert!(harness.round().run(&batch).await[0].is_ok());
    let totals = harness.counts().await.totals;
    assert_eq!((totals.counted, totals.dead), (0, 1));
    assert_eq!(harness.context.bus.dead_letters(10).await.expect("an answer").len(), 1);
}
