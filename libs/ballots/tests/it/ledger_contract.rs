//! What every store does with the ledger.

use std::sync::Arc;

use ballots::{BallotLog, Hand};
use contests::{
    Entry,
    Verdict::{Conflicting, Counted, Dead, Duplicate, OverLimit},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::batches::{Made, contest};

type Store = Arc<dyn BallotLog>;

const LIMIT: usize = 100;

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
    let page = log.entries("c", None, 3).await.expect("an answer");
    let rest = log.entries("c", Some(page[2].entry.batch), 3).await.expect("an answer");
    let all: Vec<Entry> = page.into_iter().chain(rest).map(|held| held.entry).collect();
    assert_eq!(all, entries);
    assert!(log.entries("other", None, LIMIT).await.expect("an answer").is_empty());
}

pub async fn marks_only_rise(log: Store) {
    let entries: Vec<Entry> = (1..=4).map(entry).collect();
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.batch).collect();
    freeze(&log, &entries).await;
    log.mark("c", 2, &ids[..2]).await.expect("an answer");
    log.mark("c", 1, &ids[..3]).await.expect("an answer");
    for (mark, expected) in [(0, &entries[3..]), (1, &entries[2..3]), (2, &entries[..2])] {
        assert_eq!(log.marked("c", mark, soon(), None, LIMIT).await.expect("an answer"), expected);
    }
    assert_eq!(log.marked("c", 2, soon(), Some(ids[0]), LIMIT).await.expect("an answer"), entries[1..2]);
    let long_ago = Timestamp::now() - SignedDuration::from_secs(60);
    assert!(log.marked("c", 0, long_ago, None, LIMIT).await.expect("an answer").is_empty());
    assert_eq!(log.backlog("c", 2).await.expect("an answer"), 2);
    assert_eq!(log.freeze(&entries[..1]).await.expect("an answer")[0].mark, 2);
}

pub async fn what_was_marked_long_enough_is_settled(log: Store) {
    let entries: Vec<Entry> = (1..=3).map(entry).collect();
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.batch).collect();
    freeze(&log, &entries).await;
    log.mark("c", 1, &ids[..2]).await.expect("an answer");
    let mut settled = log.settled("c", 1, soon(), &ids).await.expect("an answer");
    settled.sort_unstable();
    assert_eq!(settled, ids[..2]);
    let now = Timestamp::now() - SignedDuration::from_secs(60);
    assert!(log.settled("c", 1, now, &ids).await.expect("an answer").is_empty());
    assert!(log.settled("c", 2, soon(), &ids).await.expect("an answer").is_empty());
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
