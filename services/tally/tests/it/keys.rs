//! A tally has as many keys as its contest allows, whatever people write.

use contests::{Definition, ledger::OTHERS};
use futures::future::join_all;
use tally::Round;

use crate::{
    harness::{Cast, Harness, LONG},
    on_both,
};

on_both! {
    "":
    what_comes_under_more_keys_than_a_tally_may_have_is_counted_as_its_others,
    replicas_agree_on_the_keys_and_a_rebuild_gives_the_same,
    more_keys_may_be_allowed_later_and_fewer_take_none_away,
}

impl Harness {
    /// The same contest, whose tally of names has so many keys at most.
    async fn with_keys(mut self, most: usize) -> Self {
        let mut value: serde_json::Value = serde_json::from_str(self.contest.canonical_json()).expect("JSON");
        value["tallies"]["names"]["max_keys"] = most.into();
        self.contest = Definition::parse(&value.to_string()).expect("a contest");
        self.context.records.put_definition(&self.contest).await.expect("stored");
        self
    }

    async fn run(&self, round: &Round, casts: &[Cast<'_>]) {
        let done = round.run(&[self.batch(casts)]).await;
        assert!(done[0].is_ok(), "{done:?}");
    }

    /// The counters of a tally by key.
    async fn of(&self, tally: &str) -> Vec<(String, i64)> {
        let prefix = format!("{tally}\u{1f}");
        let counts = self.counts().await.counters;
        counts.into_iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), value))).collect()
    }
}

fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    let mut pairs: Vec<_> = expected.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
    pairs.sort();
    pairs
}

async fn what_comes_under_more_keys_than_a_tally_may_have_is_counted_as_its_others(harness: Harness) {
    let harness = harness.with_keys(2).await;
    let round = harness.round();
    harness.run(&round, &[("1", "a", None), ("2", "b", None), ("3", "c", None), ("4", "c", None)]).await;
    harness.run(&round, &[("5", "d", None), ("6", "a", None), ("6", "e", None)]).await;
    // A new process knows as much.
    harness.run(&harness.replica(), &[("7", "f", None), ("8", "b", None)]).await;
    assert_eq!(harness.of("names").await, pairs(&[("a", 2), ("b", 2), (OTHERS, 4)]));
    // Other tallies of the same field have their own keys.
    assert_eq!(harness.of("sums").await.len(), 5);
    let totals = harness.counts().await.totals;
    assert_eq!((totals.counted, totals.duplicate, totals.received()), (8, 1, 9));
    harness.agree().await;
}

async fn replicas_agree_on_the_keys_and_a_rebuild_gives_the_same(harness: Harness) {
    let harness = harness.with_keys(30).await;
    let replicas = [harness.round(), harness.replica(), harness.replica()];
    let batches: Vec<_> = (0..9)
        .map(|n| {
            let casts: Vec<(String, String)> =
                (0..20).map(|i| (format!("{n}-{i}"), format!("{}", (n * 7 + i * 3) % 60))).collect();
            let casts: Vec<Cast<'_>> = casts.iter().map(|(id, name)| (id.as_str(), name.as_str(), None)).collect();
            harness.batch(&casts)
        })
        .collect();
    // Every batch by all of them.
    let all = batches.iter().flat_map(|batch| replicas.iter().map(move |round| (round, batch)));
    let done = join_all(all.map(|(round, batch)| round.run(std::slice::from_ref(batch)))).await;
    assert!(done.iter().flatten().all(Result::is_ok), "{done:?}");
    let names = harness.of("names").await;
    assert_eq!((names.len(), names.iter().map(|(_, votes)| votes).sum::<i64>()), (31, 180), "{names:?}");
    harness.tally.rebuild(&harness.contest.name).await.expect("rebuilt");
    let same = testkit::until("the same counts", LONG, || async {
        let rebuilt = harness.of("names").await;
        if rebuilt == names { Ok(()) } else { Err(format!("{rebuilt:?} instead of {names:?}")) }
    });
    same.await.expect("a rebuild gives the same");
    harness.agree().await;
}

async fn more_keys_may_be_allowed_later_and_fewer_take_none_away(harness: Harness) {
    let harness = harness.with_keys(1).await;
    let round = harness.round();
    harness.run(&round, &[("1", "a", None), ("2", "b", None)]).await;
    let harness = harness.with_keys(3).await;
    harness.run(&round, &[("3", "b", None), ("4", "c", None), ("5", "d", None)]).await;
    assert_eq!(harness.of("names").await, pairs(&[("a", 1), ("b", 1), ("c", 1), (OTHERS, 2)]));
    let harness = harness.with_keys(2).await;
    harness.run(&round, &[("6", "c", None), ("7", "e", None)]).await;
    assert_eq!(harness.of("names").await, pairs(&[("a", 1), ("b", 1), ("c", 2), (OTHERS, 3)]));
    harness.agree().await;
}
