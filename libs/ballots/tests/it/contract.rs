//! What every store does with ballots.

use std::sync::Arc;

use ballots::{BallotLog, KeyDigest};
use contests::Verdict::{Conflicting, Counted, Dead, Duplicate, OverLimit};
use futures::future::{join, join_all};
use uuid::Uuid;

use crate::batches::{Made, contest, insert};

type Store = Arc<dyn BallotLog>;

pub async fn the_first_of_an_id_counts(log: Store) {
    let contest = contest("");
    let first = Made::new(&contest).ballot("a", "x", None).ballot("b", "x", None);
    let second = Made::new(&contest).ballot("b", "x", None).ballot("c", "x", None);
    assert_eq!(first.insert(&*log).await, [Counted, Counted]);
    assert_eq!(second.insert(&*log).await, [Duplicate, Counted]);
}

pub async fn the_same_id_twice_in_a_batch_counts_once(log: Store) {
    let made = Made::new(&contest("")).ballot("a", "x", None).ballot("a", "x", None).ballot("a", "y", None);
    assert_eq!(made.insert(&*log).await, [Counted, Duplicate, Conflicting]);
    assert_eq!(made.insert(&*log).await, [Counted, Duplicate, Conflicting]);
}

pub async fn another_content_of_an_id_conflicts(log: Store) {
    let contest = contest("");
    assert_eq!(Made::new(&contest).ballot("a", "x", None).insert(&*log).await, [Counted]);
    assert_eq!(Made::new(&contest).ballot("a", "y", None).insert(&*log).await, [Conflicting]);
    assert_eq!(Made::new(&contest).ballot("a", "x", Some("v")).insert(&*log).await, [Conflicting]);
    assert_eq!(Made::new(&contest).ballot("a", "x", None).insert(&*log).await, [Duplicate]);
}

pub async fn an_id_belongs_to_its_caller_and_contest(log: Store) {
    let contest = contest("");
    let made = Made::new(&contest).cast("one", Uuid::nil(), Some("a"), "x", None);
    let made = made.cast("two", Uuid::nil(), Some("a"), "x", None).ballot("a", "x", None);
    assert_eq!(made.insert(&*log).await, [Counted, Counted, Counted]);
    let mut other = Made::new(&contest).ballot("a", "x", None);
    other.header.contest = "d".to_owned();
    assert_eq!(other.insert(&*log).await, [Counted]);
}

pub async fn an_id_that_marea_gave_is_the_same_as_text(log: Store) {
    let (contest, request) = (contest(""), Uuid::now_v7());
    let given = Made::new(&contest).cast("", request, None, "x", None);
    assert_eq!(given.insert(&*log).await, [Counted]);
    assert_eq!(Made::new(&contest).ballot(&request.to_string(), "x", None).insert(&*log).await, [Duplicate]);
    let indexed = Made::new(&contest).ballot(&format!("{request}.0"), "x", None);
    assert_eq!(indexed.insert(&*log).await, [Counted]);
    // Another spelling is another id.
    let upper = Made::new(&contest).ballot(&request.to_string().to_uppercase(), "x", None);
    assert_eq!(upper.insert(&*log).await, [Counted]);
}

pub async fn a_batch_that_comes_again_has_its_verdicts(log: Store) {
    let contest = contest("voters: {max_ballots: 1}\n");
    let before = Made::new(&contest).ballot("a", "x", Some("v"));
    before.insert(&*log).await;
    let made = Made::new(&contest).ballot("a", "x", Some("v")).ballot("b", "x", Some("v")).ballot("c", "x", Some("w"));
    for _ in 0..3 {
        assert_eq!(made.insert(&*log).await, [Duplicate, OverLimit, Counted]);
    }
    assert_eq!(before.insert(&*log).await, [Counted]);
}

pub async fn a_batch_handled_twice_at_once_counts_once(log: Store) {
    let contest = contest("voters: {max_ballots: 2}\n");
    let mut made = Made::new(&contest);
    for n in 0..60 {
        made = made.ballot(&n.to_string(), "x", Some(&format!("v{}", n % 20)));
    }
    let all = join_all((0..4).map(|_| made.insert(&*log))).await;
    assert_eq!(all[0].iter().filter(|v| **v == Counted).count(), 40);
    assert!(all.iter().all(|verdicts| *verdicts == all[0]), "{all:?}");
}

pub async fn what_does_not_fit_is_not_logged(log: Store) {
    let contest = contest("");
    let mut made = Made::new(&contest).ballot("a", "x", None).ballot("b", "x", None).ballot("c", "x", None);
    made.dead = vec![1];
    assert_eq!(made.insert(&*log).await, [Counted, Dead, Counted]);
    assert_eq!(Made::new(&contest).ballot("b", "x", None).insert(&*log).await, [Counted]);
    assert_eq!(log.logged("c").await.expect("an answer").counted, 3);
}

pub async fn a_voter_has_as_many_places_as_the_contest_gives(log: Store) {
    let contest = contest("voters: {max_ballots: 2}\n");
    let made = Made::new(&contest).ballot("a", "x", Some("v")).ballot("b", "x", Some("v")).ballot("c", "x", Some("v"));
    assert_eq!(made.insert(&*log).await, [Counted, Counted, OverLimit]);
    // A retry of what was over the limit is a duplicate of it.
    let retry = Made::new(&contest).ballot("c", "x", Some("v")).ballot("d", "x", None);
    assert_eq!(retry.insert(&*log).await, [Duplicate, Counted]);
    let logged = log.logged("c").await.expect("an answer");
    assert_eq!((logged.counted, logged.over_limit), (3, 1));
}

pub async fn an_over_limit_voter_on_many_connections_gets_no_place_more(log: Store) {
    let contest = contest("voters: {max_ballots: 3}\n");
    let batches: Vec<Made> = (0..8)
        .map(|n| Made::new(&contest).ballot(&n.to_string(), "x", Some("v")).ballot(&format!("w{n}"), "x", Some("w")))
        .collect();
    let verdicts = join_all(batches.iter().map(|made| made.insert(&*log))).await.concat();
    assert_eq!(verdicts.iter().filter(|v| **v == Counted).count(), 6, "{verdicts:?}");
    let again = join_all(batches.iter().map(|made| made.insert(&*log))).await.concat();
    assert_eq!(again, verdicts);
}

pub async fn batches_handled_twice_at_once_in_other_orders_agree_on_who_is_above_the_limit(log: Store) {
    let contest = contest("voters: {max_ballots: 3}\n");
    for round in 0..10 {
        let voter = format!("v{round}");
        let made = |name: &str| {
            let ids = (0..4).map(|n| format!("{round}{name}{n}"));
            ids.fold(Made::new(&contest), |made, id| made.ballot(&id, "x", Some(&voter)))
        };
        let (one, two) = (made("a"), made("b"));
        let (forth, back) = join(insert(&*log, &[&one, &two]), insert(&*log, &[&two, &one])).await;
        assert!(forth.iter().eq(back.iter().rev()), "{forth:?}, {back:?}");
        assert_eq!(forth.concat().iter().filter(|v| **v == Counted).count(), 3, "{forth:?}");
    }
    let logged = log.logged(&contest.name).await.expect("an answer");
    assert_eq!((logged.counted, logged.over_limit), (30, 50));
}

pub async fn a_voter_has_new_places_in_the_next_period(log: Store) {
    let contest = contest("voters: {max_ballots: 1, every: 24h}\n");
    let day = 86_400_000;
    let start = 20_000 * day;
    let early = Made::new(&contest).ballot("a", "x", Some("v")).at(start);
    let late = Made::new(&contest).ballot("b", "x", Some("v")).at(start + day - 1);
    let next = Made::new(&contest).ballot("c", "x", Some("v")).at(start + day);
    assert_eq!(early.insert(&*log).await, [Counted]);
    assert_eq!(late.insert(&*log).await, [OverLimit]);
    assert_eq!(next.insert(&*log).await, [Counted]);
}

pub async fn many_batches_at_once(log: Store) {
    let contest = contest("");
    let batch =
        |first: usize| (first..first + 700).fold(Made::new(&contest), |made, n| made.ballot(&n.to_string(), "x", None));
    let (one, two, three) = (batch(0), batch(600), batch(5_000));
    let verdicts = insert(&*log, &[&one, &two, &three]).await;
    let counted: usize = verdicts.iter().flatten().filter(|v| **v == Counted).count();
    assert_eq!(counted, 2_000);
    assert!(verdicts[2].iter().all(|v| *v == Counted));
}

async fn places(log: &Store, tally: &str, from: usize, keys: &[&str]) -> Vec<KeyDigest> {
    log.places("c", tally, from, &digests(keys)).await.expect("an answer")
}

fn digests(keys: &[&str]) -> Vec<KeyDigest> {
    keys.iter().map(|key| KeyDigest::of(key)).collect()
}

pub async fn keys_have_places_in_order_and_one_each(log: Store) {
    assert_eq!(places(&log, "t", 0, &["a", "b"]).await, digests(&["a", "b"]));
    // Whoever does not know them is told instead.
    assert_eq!(places(&log, "t", 0, &["c"]).await, digests(&["a", "b"]));
    assert_eq!(places(&log, "t", 1, &["c"]).await, digests(&["b"]));
    // One that has a place gets no other, and none is left free before what follows.
    assert_eq!(places(&log, "t", 2, &["c", "a", "d"]).await, digests(&["c"]));
    assert_eq!(places(&log, "t", 3, &["d"]).await, digests(&["d"]));
    assert_eq!(places(&log, "t2", 0, &["a"]).await, digests(&["a"]));
    assert_eq!(log.places("c2", "t", 0, &digests(&["b"])).await.expect("an answer"), digests(&["b"]));
}

pub async fn keys_that_are_given_places_at_once_have_one_each(log: Store) {
    let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let one = async |keys: Vec<&str>| {
        let mut known: Vec<KeyDigest> = vec![];
        loop {
            let new: Vec<&str> = keys.iter().copied().filter(|key| !known.contains(&KeyDigest::of(key))).collect();
            if new.is_empty() {
                return known;
            }
            known.extend(places(&log, "t", known.len(), &new).await);
        }
    };
    let (first, second) = join(one(all.clone()), one(all.iter().rev().copied().collect())).await;
    let (longer, shorter) = if first.len() > second.len() { (first, second) } else { (second, first) };
    assert!(longer.starts_with(&shorter), "{longer:?}, {shorter:?}");
    assert_eq!(longer.len(), 40);
}
