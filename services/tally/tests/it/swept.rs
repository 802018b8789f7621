//! The sweeper: what crashed half-way is counted, what is held for good is forgotten, late entries are not passed by.

use std::time::Duration;

use tally::Tally;

use crate::{
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
