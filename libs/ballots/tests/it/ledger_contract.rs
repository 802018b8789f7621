//! What every store does with the ledger.

use std::sync::Arc;

use ballots::{BallotLog, Hand, Held};
use contests::{
    Entry,
    Verdict::{Conflicting, Counted, Dead, Duplicate, OverLimit},
};
use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::batches::{Made, contest};

type Store = Arc<dyn BallotLog>;

fn entry(number: u64) -> Entry {
    let mut made = Made::new(&contest("")).ballot("a", "x", None).ballot("b", "y", None);
    made.header.number = number;
    made.header.cumulative = 2 * number;
    made.entry(&[Counted, Duplicate])
}

async fn freeze(log: &Store, entries: &[Entry]) {
    log.freeze(entries).await.expect("an answer");
}

fn soon() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(60)
}

pub async fn an_entry_is_frozen_by_the_first(log: Store) {
    let first = entry(1);
    let held = log.freeze(&[first.clone(), entry(2)]).await.expect("an answer");
    assert!(held.iter().all(|held| held.fresh && held.mark == 0));
    let later = Entry { counted: 9, increments: vec![], ..first.clone() };
    let held = log.freeze(&[entry(3), later]).await.expect("an answer");
    assert_eq!((held[0].fresh, held[1].fresh), (true, false));
    assert_eq!(held[1].entry, first);
}

pub async fn entries_come_in_the_order_of_their_batches(log: Store) {
    let entries: Vec<Entry> = (1..=5).map(entry).collect();
    let mut reversed = entries.clone();
    reversed.reverse();
    freeze(&log, &reversed).await;
    let page: Vec<Held> = log.entries("c", None).take(3).try_collect().await.expect("an answer");
    let rest: Vec<Held> = log.entries("c", Some(page[2].entry.batch)).try_collect().await.expect("an answer");
    let all: Vec<Entry> = page.into_iter().chain(rest).map(|held| held.entry).collect();
    assert_eq!(all, entries);
    assert!(log.entries("other", None).next().await.is_none());
    let one = log.entry("c", entries[1].batch).await.expect("an answer");
    assert_eq!(one.map(|held| held.entry).as_ref(), Some(&entries[1]));
    assert!(log.entry("other", entries[1].batch).await.expect("an answer").is_none());
}

async fn marked(log: &Store, mark: u32, before: Timestamp) -> Vec<Entry> {
    let mut found: Vec<Entry> = log.marked("c", mark, before).try_collect().await.expect("an answer");
    found.sort_by_key(|entry| entry.batch);
    found
}

/// More than one page of whatever a store reads at a time.
pub async fn many_entries_are_read_whole(log: Store) {
    let entries: Vec<Entry> = (1..=603).map(entry).collect();
    freeze(&log, &entries).await;
    let all: Vec<Held> = log.entries("c", None).try_collect().await.expect("an answer");
    assert!(all.iter().map(|held| &held.entry).eq(&entries));
    assert_eq!(marked(&log, 0, soon()).await, entries);
}

pub async fn marks_only_rise(log: Store) {
    let entries: Vec<Entry> = (1..=4).map(entry).collect();
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.batch).collect();
    freeze(&log, &entries).await;
    log.mark("c", 2, &ids[..2]).await.expect("an answer");
    log.mark("c", 1, &ids[..3]).await.expect("an answer");
    for (mark, expected) in [(0, &entries[3..]), (1, &entries[2..3]), (2, &entries[..2])] {
        assert_eq!(marked(&log, mark, soon()).await, expected);
    }
    let long_ago = Timestamp::now() - SignedDuration::from_secs(60);
    assert!(marked(&log, 0, long_ago).await.is_empty());
    assert_eq!(log.freeze(&entries[..1]).await.expect("an answer")[0].mark, 2);
}

pub async fn contests_and_slots_are_known(log: Store) {
    assert!(log.contests().await.expect("an answer").is_empty());
    let (one, mut two) = (entry(1), entry(2));
    two.slot = 9;
    freeze(&log, &[one.clone(), two]).await;
    let known = log.contests().await.expect("an answer");
    assert_eq!((known[0].name.as_str(), known[0].generation, known[0].slots.as_slice()), ("c", 1, &[3, 9][..]));
    log.mark("c", 1, &[one.batch]).await.expect("an answer");
    let slots = log.slots("c", 1).await.expect("an answer");
    assert_eq!(slots.into_iter().collect::<Vec<_>>(), [(3, 1), (9, 0)]);
}

pub async fn a_generation_is_followed_once(log: Store) {
    freeze(&log, &[entry(1)]).await;
    assert!(!log.advance("c", 2).await.expect("an answer"));
    assert!(log.advance("c", 1).await.expect("an answer"));
    assert!(!log.advance("c", 1).await.expect("an answer"));
    assert_eq!(log.contests().await.expect("an answer")[0].generation, 2);
}

pub async fn a_snapshot_adds_up(log: Store) {
    assert_eq!(log.snapshot("c").await.expect("an answer").totals.batches, 0);
    let five = |made: Made| (0..5).fold(made, |made, n| made.ballot(&n.to_string(), "x", None));
    let mut one = five(Made::new(&contest("")));
    one.header.confirmed = 0;
    let mut two = Made::new(&contest(""));
    (two.header.number, two.header.cumulative, two.header.confirmed) = (2, 5, 1);
    let one = one.entry(&[Counted, Duplicate, Conflicting, OverLimit, Dead]);
    freeze(&log, &[one.clone(), two.entry(&[])]).await;
    let snapshot = log.snapshot("c").await.expect("an answer");
    let totals = snapshot.totals;
    assert_eq!((totals.batches, totals.counted, totals.duplicate, totals.conflicting), (2, 1, 2, 1));
    assert_eq!((totals.over_limit, totals.dead, totals.received()), (1, 1, 4));
    let [producer] = snapshot.producers.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!((producer.entries, producer.highest, producer.confirmed, producer.entries_confirmed), (2, 2, 1, 1));
    assert_eq!((producer.cumulative, producer.ballots, producer.beat, producer.last), (5, 5, true, false));
    assert_eq!(producer.newest, one.time);
}

pub async fn a_producer_with_a_gap_shows_it(log: Store) {
    let mut last = entry(4);
    (last.last, last.confirmed) = (true, 3);
    let other = Entry { producer: Uuid::from_u128(8), ..entry(1) };
    freeze(&log, &[last, entry(1), other, entry(3)]).await;
    let snapshot = log.snapshot("c").await.expect("an answer");
    let producer = &snapshot.producers[0];
    assert_eq!((producer.entries, producer.highest, producer.confirmed, producer.entries_confirmed), (3, 4, 3, 2));
    assert_eq!((producer.last, producer.beat, producer.cumulative, producer.ballots), (true, false, 8, 6));
    assert_eq!(snapshot.producers.len(), 2);
}

/// Whatever a store has added up already: what comes later, also below it or in a gap, is in the next one.
pub async fn a_snapshot_follows_what_comes(log: Store) {
    let figures = async || {
        let snapshot = log.snapshot("c").await.expect("an answer");
        let of = |p: &contests::audit::Summary| (p.entries, p.highest, p.entries_confirmed, p.cumulative, p.last);
        (snapshot.totals.counted, snapshot.producers.iter().map(of).collect::<Vec<_>>())
    };
    let confirming = |number: u64, confirmed: u64| Entry { confirmed, ..entry(number) };
    freeze(&log, &[entry(1), entry(2)]).await;
    assert_eq!(figures().await, (2, vec![(2, 2, 0, 4, false)]));
    freeze(&log, &[confirming(5, 4)]).await;
    assert_eq!(figures().await, (3, vec![(3, 5, 2, 10, false)]));
    freeze(&log, &[confirming(3, 2)]).await;
    assert_eq!(figures().await, (4, vec![(4, 5, 3, 10, false)]));
    freeze(&log, &[confirming(4, 2)]).await;
    assert_eq!(figures().await, (5, vec![(5, 5, 4, 10, false)]));
    let last = Entry { last: true, ..confirming(6, 5) };
    freeze(&log, &[Entry { producer: Uuid::from_u128(u128::MAX), ..entry(1) }, last]).await;
    for _ in 0..2 {
        assert_eq!(figures().await, (7, vec![(6, 6, 5, 12, true), (1, 1, 0, 2, false)]));
    }
}

/// A store of one process need not keep it.
pub async fn what_processes_have_in_hand_is_told_until_they_withdraw(log: Store) {
    let touched = |last| [("c".to_owned(), last)].into_iter().collect();
    let one = Hand { process: Uuid::from_u128(1), report: 4, turn: 9, touched: touched(7) };
    log.report(&one).await.expect("an answer");
    let kept = log.hands().await.expect("an answer");
    if kept.is_empty() {
        return;
    }
    let two = Hand { process: Uuid::from_u128(2), ..one.clone() };
    let one = Hand { report: 5, ..one };
    log.report(&one).await.expect("an answer");
    log.report(&two).await.expect("an answer");
    let mut all = log.hands().await.expect("an answer");
    all.sort_by_key(|hand| hand.process);
    assert_eq!(all, [one.clone(), two.clone()]);
    log.withdraw(one.process).await.expect("an answer");
    assert_eq!(log.hands().await.expect("an answer"), std::slice::from_ref(&two));
    assert!(two.is_free_of("c", 8) && !two.is_free_of("c", 7) && two.is_free_of("d", 0));
}
