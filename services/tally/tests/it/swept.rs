//! The sweeper: what crashed half-way is counted, what is held for good is forgotten, late entries are not passed by.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use state::tallies::Slot;
use tally::Tally;

use crate::{
    flaky::Flaky,
    harness::{Harness, LONG},
    on_both,
};

on_both! {
    "":
    an_entry_whose_handler_died_is_counted_by_the_sweeper,
    a_batch_that_is_settled_is_only_acknowledged,
    an_entry_that_is_written_late_is_not_passed_by,
}

async fn an_entry_whose_handler_died_is_counted_by_the_sweeper(harness: Harness) {
    let batch = [harness.batch(&[("a", "x", None)])];
    let entry = harness.round().log(&batch).await.expect("logged").remove(0).expect("it fits");
    harness.round().freeze(&[entry]).await.expect("frozen");
    assert_eq!(harness.votes("x").await, 0);
    let swept = harness.tally.sweep(true).await.expect("swept");
    assert_eq!(swept.restored, 1);
    testkit::until("it is counted", LONG, || async {
        let votes = harness.votes("x").await;
        if votes == 1 { Ok(()) } else { Err(votes) }
    })
    .await
    .expect("it is counted");
}

async fn settle(tally: &Tally) {
    testkit::until("it is settled and forgotten", LONG, || async {
        let swept = tally.sweep(true).await.map_err(|e| e.to_string())?;
        if swept.forgotten > 0 { Ok(()) } else { Err(format!("{swept:?}")) }
    })
    .await
    .expect("it is settled and forgotten");
}

async fn a_batch_that_is_settled_is_only_acknowledged(harness: Harness) {
    let batch = [harness.batch(&[("a", "x", None)])];
    assert!(harness.round().run(&batch).await[0].is_ok());
    settle(&harness.tally).await;
    assert!(harness.round().run(&batch).await[0].is_ok());
    assert_eq!(harness.votes("x").await, 1);
    assert_eq!(harness.tally.sweep(true).await.expect("swept").restored, 0);
}

/// A process was paused between log and ledger for so long that everything that was cut later is settled.
async fn an_entry_that_is_written_late_is_not_passed_by(harness: Harness) {
    let late = [harness.batch(&[("late", "x", None)])];
    let entry = harness.round().log(&late).await.expect("logged").remove(0).expect("it fits");
    assert!(harness.round().run(&[harness.batch(&[("b", "x", None)])]).await[0].is_ok());
    settle(&harness.tally).await;
    harness.round().freeze(&[entry]).await.expect("frozen");
    // Nobody redelivers it.
    assert_eq!(harness.tally.sweep(true).await.expect("swept").restored, 1);
    tokio::time::timeout(LONG, async {
        while harness.votes("x").await != 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("both count");
    harness.agree().await;
}

#[tokio::test]
async fn what_cannot_be_compared_is_swept_all_the_same() {
    let harness = Harness::embedded("").await;
    let flaky = Flaky::over(harness.stores.ballots.clone());
    let harness = harness.with_log(flaky.clone());
    let batch = [harness.batch(&[("a", "x", None)])];
    let entry = harness.round().log(&batch).await.expect("logged").remove(0).expect("it fits");
    harness.round().freeze(&[entry]).await.expect("frozen");
    flaky.refuse("slots", "");
    assert!(harness.tally.sweep(true).await.is_err(), "that it could not be compared is told");
    assert_eq!(harness.counts().await.totals.counted, 1);
}

#[tokio::test]
async fn a_rebuild_goes_on_without_who_asked_and_what_a_cut_off_one_left_is_dropped() {
    let harness = Harness::embedded("").await;
    let flaky = Flaky::over(harness.stores.ballots.clone());
    let harness = harness.with_log(flaky.clone());
    assert!(harness.round().run(&[harness.batch(&[("a", "x", None)])]).await[0].is_ok());
    flaky.hold("advance");
    let (tally, name) = (harness.tally.clone(), harness.contest.name.clone());
    let asked = tokio::spawn(async move { tally.rebuild(&name).await.map(drop) });
    let begun = || async { if flaky.calls("advance") == 1 { Ok(()) } else { Err("not yet") } };
    testkit::until("the first pass", LONG, begun).await.expect("it was fed");
    asked.abort();
    flaky.mend();
    let generation = || async {
        let known = harness.stores.ballots.contests().await.map_err(|e| e.to_string())?;
        if known[0].generation == 2 { Ok(()) } else { Err(format!("{known:?}")) }
    };
    testkit::until("the next generation", LONG, generation).await.expect("it holds");
    let slot = |generation| Slot { contest: harness.contest.name.clone(), generation, slot: 1 };
    let tallies = &harness.stores.tallies;
    let over = || async { if tallies.version(&slot(1)).await.is_ok_and(|n| n == 0) { Ok(()) } else { Err("not yet") } };
    testkit::until("its end, which nobody waited for", LONG, over).await.expect("old counters are dropped");
    let again = harness.tally.rebuild(&harness.contest.name).await.expect("rebuilt");
    assert_eq!((again.generation, again.entries), (3, 1));
    // As one leaves it that dies after it has switched.
    let entry = harness.stores.ballots.marked(&harness.contest.name, 0, Timestamp::MAX).next().await;
    tallies.apply(1, &[entry.expect("one").expect("read")], Timestamp::MAX).await.expect("applied");
    assert_eq!(tallies.version(&slot(1)).await.expect("read"), 1);
    for _ in 0..2 {
        harness.tally.sweep(true).await.expect("swept");
    }
    assert_eq!(tallies.version(&slot(1)).await.expect("read"), 0);
    harness.agree().await;
}
