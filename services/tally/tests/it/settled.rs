//! When a contest is told to be settled, and final.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ballots::Hand;
use contests::{Gate, batch::TYPE, gate::Step, standings::Situation};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use messaging::{
    Message, Route,
    topology::{Step as Delay, VOTES},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    flaky::Flaky,
    harness::{Harness, LONG},
    on_both,
};

on_both! {
    "":
    a_beat_does_not_settle_while_batches_wait_or_are_delayed,
    standings_are_not_settled_while_the_counters_lag_behind_the_ledger,
    what_another_process_has_in_hand_is_under_way,
}

async fn settled(harness: &Harness) -> bool {
    harness.tally.audit(&harness.contest.name).await.expect("an audit").settled
}

/// Once the contest is as wanted.
async fn becomes(harness: &Harness, wanted: bool) {
    testkit::until("the contest is settled, or not any more", LONG, async || {
        if settled(harness).await == wanted { Ok(()) } else { Err(format!("settled is not {wanted}")) }
    })
    .await
    .expect("it becomes so");
}

fn message(harness: &Harness, body: bytes::Bytes) -> Message {
    let subject = format!("contests/{}", harness.contest.name);
    Message::binary(TYPE, Uuid::now_v7().to_string(), &subject, Timestamp::now(), body)
}

async fn a_beat_does_not_settle_while_batches_wait_or_are_delayed(harness: Harness) {
    for batch in [harness.batch(&[("a", "x", None)]), harness.batch(&[])] {
        assert!(harness.round().run(&[batch]).await[0].is_ok());
    }
    assert!(settled(&harness).await);
    // Accepted, and nobody takes it.
    let message = message(&harness, harness.batch(&[("b", "x", None)]).body);
    harness.context.bus.publish(&Route::Delayed(Delay::S1, &VOTES), message).await.expect("confirmed");
    testkit::until("its delay is over", LONG, async || {
        let audit = harness.tally.audit(&harness.contest.name).await.map_err(|e| e.to_string())?;
        assert!(!audit.settled && audit.in_flight.at_most.is_none(), "{audit:?}");
        let waiting = harness.context.bus.depth(VOTES.name).await.map_err(|e| e.to_string())?.ready;
        if waiting == 1 { Ok(()) } else { Err("it is delayed".to_owned()) }
    })
    .await
    .expect("its delay is over");
    let gate = Gate::default();
    let state = harness.tally.standing(Arc::new(harness.contest.clone()), &gate).await.expect("standings");
    assert!(!state.situation.settled);
    let stop = CancellationToken::new();
    let counting = {
        let (tally, config, stop) = (harness.tally.clone(), harness.config.clone(), stop.clone());
        tokio::spawn(async move { tally::count(&tally, &config, stop).await })
    };
    testkit::until("it is counted", LONG, async || if harness.votes("x").await == 2 { Ok(()) } else { Err("not yet") })
        .await
        .expect("it is counted");
    assert!(!settled(&harness).await, "its producer's next beat is to come");
    assert!(harness.round().run(&[harness.batch(&[])]).await[0].is_ok());
    becomes(&harness, true).await;
    stop.cancel();
    counting.await.expect("no panic");
}

async fn standings_are_not_settled_while_the_counters_lag_behind_the_ledger(harness: Harness) {
    let batch = [harness.batch(&[("a", "x", None)])];
    let entry = harness.round().log(&batch).await.expect("logged").remove(0).expect("it fits");
    let held = harness.round().freeze(&[entry]).await.expect("frozen");
    assert!(harness.round().run(&[harness.batch(&[])]).await[0].is_ok());
    assert!(settled(&harness).await, "the ledger has all");
    let standing = async || {
        let definition = Arc::new(harness.contest.clone());
        let state = harness.tally.standing(definition, &Gate::default()).await.expect("standings");
        (state.situation, state.counts.totals.counted)
    };
    // The handler died between ledger and counters.
    let (Situation { settled, .. }, counted) = standing().await;
    assert_eq!((settled, counted), (false, 0));
    let soon = Timestamp::now() + SignedDuration::from_secs(60);
    harness.round().count(held, soon).await.expect("counted");
    testkit::until("it is settled", LONG, async || {
        let (Situation { settled, .. }, counted) = standing().await;
        if (settled, counted) == (true, 1) { Ok(()) } else { Err(format!("{settled} {counted}")) }
    })
    .await
    .expect("it is settled");
}

/// What a consumer has in hand no broker tells: each says it itself.
async fn what_another_process_has_in_hand_is_under_way(harness: Harness) {
    assert!(harness.round().run(&[harness.batch(&[])]).await[0].is_ok());
    becomes(&harness, true).await;
    let name = harness.contest.name.clone();
    let hand = |report: u64, last: Option<u64>| Hand {
        process: Uuid::from_u128(99),
        report,
        turn: report,
        touched: last.map(|last| BTreeMap::from([(name.clone(), last)])).unwrap_or_default(),
    };
    let log = &harness.stores.ballots;
    log.report(&hand(1, None)).await.expect("an answer");
    if log.hands().await.expect("an answer").is_empty() {
        // Nobody else can count into this store.
        return;
    }
    assert!(!settled(&harness).await, "one that is silent may have something in hand");
    let saying = async |held: bool, wanted: bool| {
        let over = CancellationToken::new();
        let talking = async {
            let mut report = log.hands().await.expect("an answer")[0].report;
            while !over.is_cancelled() {
                report += 1;
                log.report(&hand(report, Some(if held { report } else { 3 }))).await.expect("an answer");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let looking = async {
            if wanted {
                becomes(&harness, true).await;
            } else {
                for _ in 0..3 {
                    assert!(!settled(&harness).await);
                }
            }
            over.cancel();
        };
        futures::future::join(talking, looking).await;
    };
    saying(true, false).await;
    saying(false, true).await;
    log.withdraw(Uuid::from_u128(99)).await.expect("an answer");
    becomes(&harness, true).await;
}

/// Standings are of the counters: a log that does not answer makes them unsettled, and ends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn standings_are_served_while_the_log_does_not_answer() {
    let mut harness = Harness::embedded("").await;
    let log = Flaky::over(harness.stores.ballots.clone());
    harness = harness.with_log(log.clone());
    for batch in [harness.batch(&[("a", "x", None)]), harness.batch(&[])] {
        assert!(harness.round().run(&[batch]).await[0].is_ok());
    }
    let standing = async || {
        let definition = Arc::new(harness.contest.clone());
        harness.tally.standing(definition, &Gate::default()).await
    };
    assert!(standing().await.expect("standings").situation.settled);
    for call in ["snapshot", "contests"] {
        log.refuse(call, "");
    }
    testkit::until("it is not known any more whether it is settled", LONG, async || {
        let state = standing().await.expect("standings go on");
        if state.situation.settled { Err("settled") } else { Ok(()) }
    })
    .await
    .expect("standings go on");
    assert_eq!(standing().await.expect("standings").counts.totals.counted, 1);
    log.mend();
    testkit::until("it is settled again", LONG, async || {
        let state = standing().await.expect("standings");
        if state.situation.settled { Ok(()) } else { Err("not settled") }
    })
    .await
    .expect("it is settled again");
}

/// However many watch.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_read_once_for_all_who_ask_at_a_time() {
    let mut harness = Harness::embedded("").await;
    let log = Flaky::over(harness.stores.ballots.clone());
    harness = harness.with_log(log.clone());
    assert!(harness.round().run(&[harness.batch(&[("a", "x", None)])]).await[0].is_ok());
    let began = Instant::now();
    let gate = Gate::default();
    let standing = || harness.tally.standing(Arc::new(harness.contest.clone()), &gate);
    join_all((0..200).map(|_| standing())).await;
    join_all((0..200).map(|_| harness.tally.audit(&harness.contest.name))).await;
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("few");
    // 400 asked. An audit that does not settle yet looks twenty times within its patience of a second, and one may end while
    // another begins.
    let calls = log.calls("snapshot");
    assert!(calls <= 60 + seconds, "{calls} times in {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contest_that_cannot_be_swept_keeps_no_other_from_it() {
    let mut harness = Harness::embedded("").await;
    let log = Flaky::over(harness.stores.ballots.clone());
    harness = harness.with_log(log.clone());
    let batch = [harness.batch(&[("a", "x", None)])];
    let entry = harness.round().log(&batch).await.expect("logged").remove(0).expect("it fits");
    // It stands before the other one.
    let bad = contests::Entry { batch: Uuid::now_v7(), contest: "a".to_owned(), ..entry.clone() };
    harness.round().freeze(&[bad, entry]).await.expect("frozen");
    log.refuse("slots", "a");
    assert!(harness.tally.sweep(true).await.is_err());
    assert_eq!(harness.votes("x").await, 1);
}

/// What was accepted just before the close may be on its way to the broker yet.
#[tokio::test(flavor = "multi_thread")]
async fn standings_are_final_a_while_after_the_close() {
    let harness = Harness::embedded("").await;
    for batch in [harness.batch(&[("a", "x", None)]), harness.batch(&[])] {
        assert!(harness.round().run(&[batch]).await[0].is_ok());
    }
    let closed = Timestamp::now();
    let gate = Gate { steps: vec![Step { open: false, at: closed }], ..Gate::default() };
    let standing = async || harness.tally.standing(Arc::new(harness.contest.clone()), &gate).await.expect("standings");
    let state = standing().await;
    assert!(state.situation.settled && !state.is_final);
    testkit::until("they are final", LONG, async || if standing().await.is_final { Ok(()) } else { Err("not yet") })
        .await
        .expect("they are final");
    assert!(Timestamp::now().duration_since(closed) >= SignedDuration::from_secs(5));
    // It stays so whatever waits of another contest, in the same queues.
    let message = Message::binary(TYPE, "1".to_owned(), "contests/other", Timestamp::now(), bytes::Bytes::new());
    harness.context.bus.publish(&Route::Queue(&VOTES), message).await.expect("confirmed");
    testkit::until("an audit sees it", LONG, async || if settled(&harness).await { Err("not yet") } else { Ok(()) })
        .await
        .expect("an audit sees it");
    let state = standing().await;
    assert!(state.situation.settled && state.is_final);
    // Until something comes to it all the same.
    assert!(harness.round().run(&[harness.batch(&[("b", "x", None)])]).await[0].is_ok());
    testkit::until("it is counted", LONG, async || {
        let state = standing().await;
        if state.situation.version == 3 && !state.is_final { Ok(()) } else { Err(format!("{:?}", state.situation)) }
    })
    .await
    .expect("it is counted, and not final");
}

/// A producer's last word, or a dead letter that was asked for again, comes after standings were seen to be final.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_makes_standings_final_anew() {
    let harness = Harness::embedded("").await;
    let gate = Gate {
        steps: vec![Step { open: false, at: Timestamp::now() - SignedDuration::from_mins(1) }],
        ..Gate::default()
    };
    let become_final = async |version| {
        testkit::until("they are final", LONG, async || {
            let state = harness.tally.standing(Arc::new(harness.contest.clone()), &gate).await.expect("standings");
            let right = state.is_final && state.situation.settled && state.situation.version == version;
            if right { Ok(()) } else { Err(format!("{:?}, final: {}", state.situation, state.is_final)) }
        })
        .await
        .expect("they are final");
    };
    // Audits look at the gate of the records.
    let close = |stored: &mut Gate| {
        *stored = gate.clone();
        Ok::<_, String>(())
    };
    harness.context.records.change_gate(&harness.contest.name, close).await.expect("stored").expect("changed");
    // Ballots, and the beat after them.
    for version in [2, 4] {
        for batch in [harness.batch(&[("a", "x", None)]), harness.batch(&[])] {
            assert!(harness.round().run(&[batch]).await[0].is_ok());
        }
        become_final(version).await;
    }
}

#[tokio::test]
async fn a_contest_is_audited_though_nobody_asks() {
    let harness = Harness::embedded("").await;
    let flaky = Flaky::over(harness.stores.ballots.clone());
    let harness = harness.with_log(flaky.clone());
    assert!(harness.round().run(&[harness.batch(&[("a", "x", None)])]).await[0].is_ok());
    let stop = CancellationToken::new();
    let (tally, config, ended) = (harness.tally.clone(), harness.config.clone(), stop.clone());
    let running = tokio::spawn(async move { tally::count(&tally, &config, ended).await });
    let audited = || async { if flaky.calls("snapshot") > 0 { Ok(()) } else { Err("not yet") } };
    testkit::until("an audit", LONG, audited).await.expect("it is made");
    stop.cancel();
    running.await.expect("it ends");
}
