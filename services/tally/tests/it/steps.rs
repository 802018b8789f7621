//! A crash after each step, and whatever comes again.

use contests::Entry;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tally::{Delivered, Failure};

use crate::{harness::Harness, on_both};

on_both! {
    "voters: {max_ballots: 2}\n":
    a_crash_after_any_step_counts_once,
    a_batch_handled_by_two_at_once_counts_once,
    ids_count_once_in_one_batch_and_in_several,
    an_over_limit_voter_on_two_connections_has_no_more,
    one_who_was_paused_before_counting_counts_nothing_that_is_settled,
}

fn soon() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(60)
}

async fn entries(harness: &Harness, delivered: &[Delivered]) -> Vec<Entry> {
    let logged = harness.round().log(delivered).await.expect("logged");
    logged.into_iter().map(|logged| logged.expect("it fits")).collect()
}

async fn all(harness: &Harness, delivered: &[Delivered]) {
    let done = harness.round().run(delivered).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
}

async fn a_crash_after_any_step_counts_once(harness: Harness) {
    for crash_after in 0..4 {
        let id = format!("id-{crash_after}");
        let batch = [harness.batch(&[(&id, "x", None), (&id, "x", None)])];
        if crash_after >= 1 {
            let entries = entries(&harness, &batch).await;
            if crash_after >= 2 {
                let held = harness.round().freeze(&entries).await.expect("frozen");
                if crash_after >= 3 {
                    harness.round().count(held, soon()).await.expect("counted");
                }
            }
        }
        // It was not acknowledged: another replica gets it, and once more.
        for _ in 0..2 {
            let done = harness.replica().run(&batch).await;
            assert!(done[0].is_ok(), "{done:?}");
        }
        assert_eq!(harness.votes("x").await, crash_after + 1);
        assert_eq!(harness.counts().await.totals.duplicate, u64::try_from(crash_after + 1).expect("small"));
    }
    harness.agree().await;
}

async fn a_batch_handled_by_two_at_once_counts_once(harness: Harness) {
    let casts: Vec<(String, String)> = (0..50).map(|n| (n.to_string(), format!("v{}", n % 10))).collect();
    let casts: Vec<_> = casts.iter().map(|(id, voter)| (id.as_str(), "x", Some(voter.as_str()))).collect();
    let batch = [harness.batch(&casts)];
    let replicas: Vec<_> = (0..4).map(|_| harness.replica()).collect();
    let done = join_all(replicas.iter().map(|round| round.run(&batch))).await.concat();
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let totals = harness.counts().await.totals;
    assert_eq!((totals.batches, totals.counted, totals.over_limit), (1, 20, 30));
    harness.agree().await;
}

async fn ids_count_once_in_one_batch_and_in_several(harness: Harness) {
    let first = harness.batch(&[("a", "x", None), ("a", "x", None), ("b", "x", None)]);
    let retry = harness.batch(&[("a", "x", None), ("b", "y", None), ("c", "y", None)]);
    all(&harness, &[first.clone(), retry.clone()]).await;
    all(&harness, &[retry, first]).await;
    let counts = harness.counts().await;
    let totals = counts.totals;
    assert_eq!((totals.counted, totals.duplicate, totals.conflicting), (3, 3, 1));
    // Both were in one round: which of them was the first of `a` is the log's, of conflicting ones too.
    assert_eq!(counts.counters.values().sum::<i64>(), 3 + 9);
    assert_eq!(totals.received(), 6);
    harness.agree().await;
}

async fn an_over_limit_voter_on_two_connections_has_no_more(harness: Harness) {
    let batches: Vec<_> = (0..6).map(|n| [harness.batch(&[(&format!("i{n}"), "x", Some("v"))])]).collect();
    let replicas: Vec<_> = (0..6).map(|_| harness.replica()).collect();
    join_all(replicas.iter().zip(&batches).map(|(round, batch)| round.run(batch))).await;
    let totals = harness.counts().await.totals;
    assert_eq!((totals.counted, totals.over_limit), (2, 4));
    for batch in &batches {
        all(&harness, batch).await;
    }
    assert_eq!(harness.counts().await.totals, totals);
    harness.agree().await;
}

/// It read the entry as not settled, and was then paused until the counters had forgotten it.
async fn one_who_was_paused_before_counting_counts_nothing_that_is_settled(harness: Harness) {
    let batch = [harness.batch(&[("a", "x", None)])];
    let entries = entries(&harness, &batch).await;
    let until = Timestamp::now();
    let held = harness.round().freeze(&entries).await.expect("frozen");
    let mut forgotten = 0;
    testkit::until("it is settled and forgotten", crate::harness::LONG, || async {
        let swept = harness.tally.sweep(true).await.map_err(|e| e.to_string())?;
        if swept.forgotten > 0 { Ok(swept) } else { Err(format!("{swept:?}")) }
    })
    .await
    .map(|swept| forgotten = swept.forgotten)
    .expect("it is settled and forgotten");
    assert_eq!(forgotten, 1);
    let done = harness.round().count(held, until).await.expect("an answer");
    assert!(matches!(done[..], [Err(Failure::Retry(_))]), "{done:?}");
    all(&harness, &batch).await;
    assert_eq!(harness.votes("x").await, 1);
    harness.agree().await;
}
