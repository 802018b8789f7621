//! A log that refuses what a test says.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use ballots::{BallotLog, Error, Hand, Held, Incoming, KeyDigest, Known, Logged, Page, Query, Snapshot};
use contests::{Entry, Verdict};
use futures::stream::BoxStream;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

/// Refuses calls by name and contest, and counts them.
pub struct Flaky {
    inner: Arc<dyn BallotLog>,
    state: Mutex<State>,
    held: watch::Sender<Option<&'static str>>,
}

#[derive(Default)]
struct State {
    refused: Vec<(&'static str, String)>,
    calls: HashMap<&'static str, usize>,
}

impl Flaky {
    pub fn over(inner: Arc<dyn BallotLog>) -> Arc<Self> {
        Arc::new(Self { inner, state: Mutex::default(), held: watch::Sender::default() })
    }

    /// Refuses such calls from now on; an empty contest is any.
    pub fn refuse(&self, call: &'static str, contest: &str) {
        self.state.lock().refused.push((call, contest.to_owned()));
    }

    /// Does not answer such calls from now on.
    pub fn hold(&self, call: &'static str) {
        self.held.send_replace(Some(call));
    }

    /// Refuses and holds nothing any more.
    pub fn mend(&self) {
        self.held.send_replace(None);
        self.state.lock().refused.clear();
    }

    /// How often something was asked.
    pub fn calls(&self, call: &str) -> usize {
        self.state.lock().calls.get(call).copied().unwrap_or(0)
    }

    fn may(&self, call: &'static str, contest: &str) -> Result<(), Error> {
        let mut state = self.state.lock();
        *state.calls.entry(call).or_default() += 1;
        let refused = state.refused.iter().any(|(name, of)| *name == call && (of.is_empty() || of == contest));
        if refused { Err(Error(format!("{call} is refused"))) } else { Ok(()) }
    }
}

#[async_trait]
impl BallotLog for Flaky {
    async fn insert(&self, batches: &[Incoming<'_>]) -> Result<Vec<Vec<Verdict>>, Error> {
        self.may("insert", "")?;
        self.held.subscribe().wait_for(|held| *held != Some("insert")).await.expect("the sender lives");
        self.inner.insert(batches).await
    }

    async fn places(
        &self,
        contest: &str,
        tally: &str,
        from: usize,
        keys: &[KeyDigest],
    ) -> Result<Vec<KeyDigest>, Error> {
        self.may("places", contest)?;
        self.inner.places(contest, tally, from, keys).await
    }

    async fn freeze(&self, entries: &[Entry]) -> Result<Vec<Held>, Error> {
        self.inner.freeze(entries).await
    }

    fn entries<'a>(&'a self, contest: &str, after: Option<Uuid>) -> BoxStream<'a, Result<Held, Error>> {
        self.inner.entries(contest, after)
    }

    async fn entry(&self, contest: &str, batch: Uuid) -> Result<Option<Held>, Error> {
        self.inner.entry(contest, batch).await
    }

    fn marked<'a>(&'a self, contest: &str, mark: u32, before: Timestamp) -> BoxStream<'a, Result<Entry, Error>> {
        self.inner.marked(contest, mark, before)
    }

    async fn mark(&self, contest: &str, generation: u32, batches: &[Uuid]) -> Result<(), Error> {
        self.inner.mark(contest, generation, batches).await
    }

    async fn slots(&self, contest: &str, mark: u32) -> Result<BTreeMap<u16, u64>, Error> {
        self.may("slots", contest)?;
        self.inner.slots(contest, mark).await
    }

    async fn contests(&self) -> Result<Vec<Known>, Error> {
        self.may("contests", "")?;
        self.inner.contests().await
    }

    async fn advance(&self, contest: &str, from: u32) -> Result<bool, Error> {
        self.may("advance", contest)?;
        self.held.subscribe().wait_for(|held| *held != Some("advance")).await.expect("the sender lives");
        self.inner.advance(contest, from).await
    }

    async fn query(&self, contest: &str, query: &Query) -> Result<Page, Error> {
        self.inner.query(contest, query).await
    }

    async fn logged(&self, contest: &str) -> Result<Logged, Error> {
        self.inner.logged(contest).await
    }

    async fn snapshot(&self, contest: &str) -> Result<Snapshot, Error> {
        self.may("snapshot", contest)?;
        self.inner.snapshot(contest).await
    }

    async fn expire(&self, contest: &str, before: Timestamp) -> Result<u64, Error> {
        self.inner.expire(contest, before).await
    }

    async fn report(&self, hand: &Hand) -> Result<(), Error> {
        self.inner.report(hand).await
    }

    async fn hands(&self) -> Result<Vec<Hand>, Error> {
        self.inner.hands().await
    }

    async fn withdraw(&self, process: Uuid) -> Result<(), Error> {
        self.inner.withdraw(process).await
    }

    async fn ready(&self) -> Result<(), Error> {
        self.inner.ready().await
    }
}
