//! One cluster: its state behind a lock, its clock, its journal, and what wakes its watchers and controllers.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::{
    Change, Error, Journal, Options,
    api::{self, Call, Moment, Reply},
    clock::Running,
    controllers::Controllers,
    failure::Failure,
    journal,
    store::{Key, Store, Write},
};

/// How many objects the controllers look at before others may have the lock.
const TURN: usize = 64;
/// When a journal that failed is tried again, if no call comes before.
const SAVE_AGAIN: SignedDuration = SignedDuration::from_secs(1);

pub(crate) struct Cluster {
    state: Mutex<State>,
    clock: Running,
    seed: u64,
    journal: Option<Arc<dyn Journal>>,
    /// Held by who writes to the journal.
    saving: tokio::sync::Mutex<()>,
    /// The version that is durable: clients are shown nothing newer, for what they conclude must outlive us.
    durable: watch::Sender<u64>,
    wake: Notify,
}

struct State {
    store: Store,
    controllers: Controllers,
    /// Changes that the journal does not have yet, oldest first.
    unsaved: Vec<Change>,
    /// Whether there is a journal.
    saves: bool,
}

impl Cluster {
    pub(crate) fn new(options: Options) -> Self {
        let restored = options.restored.unwrap_or_default();
        let fresh = restored.objects.is_empty();
        let mut store = Store::new(options.history, restored.version);
        let mut controllers = Controllers::default();
        for (key, object) in restored.objects.iter().filter_map(|o| Some((journal::key(o)?, o))) {
            store.restore(&key, object);
            controllers.mark(&key);
        }
        let cluster = Self {
            durable: watch::Sender::new(store.version()),
            state: Mutex::new(State { store, controllers, unsaved: Vec::new(), saves: options.journal.is_some() }),
            clock: Running::new(options.clock),
            seed: options.seed,
            journal: options.journal,
            saving: tokio::sync::Mutex::default(),
            wake: Notify::new(),
        };
        if fresh {
            cluster.begin();
        }
        cluster
    }

    fn begin(&self) {
        let mut state = self.state.lock();
        for call in crate::controllers::first_objects() {
            state.call(&call, self.moment()).expect("the first namespaces fit an empty store");
        }
        if self.journal.is_none() {
            self.durable.send_replace(state.store.version());
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now(), seed: self.seed }
    }

    /// Looks at the store. What is newer than [`Cluster::durable`] must not be shown.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.state.lock().store)
    }

    /// Looks at the whole store, and answers when what was seen is durable.
    pub(crate) async fn look<T>(&self, look: impl FnOnce(&Store) -> T) -> Result<T, Failure> {
        let (seen, version) = self.read(|store| (look(store), store.version()));
        self.settled(version).await.map(|()| seen)
    }

    /// One object as it is, when that is durable: its last change, not everybody's.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Arc<Value>>, Failure> {
        let durable = self.durable();
        let (object, version) = self.read(|store| (store.get(key).cloned(), store.changed_after(key, durable)));
        self.settled(version).await.map(|()| object)
    }

    /// The version that is durable.
    pub(crate) fn durable(&self) -> u64 {
        *self.durable.borrow()
    }

    /// Told of every version that has become durable.
    pub(crate) fn versions(&self) -> watch::Receiver<u64> {
        self.durable.subscribe()
    }

    /// Runs a call; its write, and whatever else its answer tells of, is durable when this returns.
    pub(crate) async fn call(&self, call: &Call) -> Result<Reply, Failure> {
        let (reply, version) = {
            let mut state = self.state.lock();
            (state.call(call, self.moment()), state.store.version())
        };
        if reply.as_ref().is_ok_and(|reply| reply.write.is_some()) {
            self.wake.notify_one();
        }
        self.settled(version).await?;
        reply
    }

    async fn settled(&self, version: u64) -> Result<(), Failure> {
        self.save(version).await.map_err(|e| Failure::internal(e.to_string()))
    }

    /// Waits until everything up to `version` is durable. Who comes first writes for all that wait.
    async fn save(&self, version: u64) -> Result<(), Error> {
        if self.durable() >= version {
            return Ok(());
        }
        let Some(journal) = &self.journal else {
            self.tell(version);
            return Ok(());
        };
        let _turn = self.saving.lock().await;
        if self.durable() >= version {
            return Ok(());
        }
        let (changes, upto) = {
            let state = self.state.lock();
            (state.unsaved.clone(), state.store.version())
        };
        journal.append(&changes).await?;
        // Only now are they dropped: a caller that goes away half-way leaves them to the next.
        self.state.lock().unsaved.drain(..changes.len());
        self.tell(upto);
        Ok(())
    }

    fn tell(&self, version: u64) {
        self.durable.send_if_modified(|durable| {
            let grown = *durable < version;
            *durable = version.max(*durable);
            grown
        });
    }

    /// Lets the controllers work until nothing is left to do now; when something falls due next.
    async fn settle(&self) -> Option<Timestamp> {
        loop {
            let (busy, due) = {
                let mut state = self.state.lock();
                (state.turn(self.moment()), state.controllers.due())
            };
            if !busy {
                let saved = self.save_quietly().await;
                let again = (!saved).then(|| self.now() + SAVE_AGAIN);
                return due.into_iter().chain(again).min();
            }
            tokio::task::yield_now().await;
        }
    }

    /// What controllers wrote may be lost while nobody has seen it: they would write it again.
    async fn save_quietly(&self) -> bool {
        let version = self.state.lock().store.version();
        let saved = self.save(version).await;
        if let Err(error) = &saved {
            tracing::warn!(error = %error, "simulated cluster: its controllers' changes were not stored yet");
        }
        saved.is_ok()
    }

    /// Drives the controllers for ever.
    pub(crate) async fn drive(&self) {
        loop {
            match self.settle().await {
                None => self.wake.notified().await,
                Some(due) => {
                    let wait = Duration::try_from(due.duration_since(self.now())).unwrap_or_default();
                    let _woken = tokio::time::timeout(wait, self.wake.notified()).await;
                }
            }
        }
    }

    /// Moves a manual clock on.
    pub(crate) async fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let end = self.now().checked_add(by).expect("a test's time does not leave the calendar");
        while let Some(due) = self.settle().await.filter(|due| *due <= end) {
            self.clock.set(due.max(self.now()));
        }
        self.clock.set(end);
        self.settle().await;
    }

    pub(crate) fn snapshot(&self) -> Vec<u8> {
        journal::snapshot(&self.state.lock().store, self.seed)
    }
}

impl State {
    fn call(&mut self, call: &Call, moment: Moment) -> Result<Reply, Failure> {
        let reply = api::execute(&self.store, call, moment)?;
        if let Some(write) = &reply.write {
            self.commit(write.clone());
        }
        Ok(reply)
    }

    fn commit(&mut self, write: Write) {
        let (key, object) = (write.key.clone(), write.object.clone());
        self.store.commit(write);
        if let Some(line) = self.store.last() {
            self.controllers.observe(&self.store, line);
        }
        if self.saves {
            self.unsaved.push(Change { key: key.path(), version: self.store.version(), object });
        }
    }

    /// One turn of the controllers: whether there is more to do now.
    fn turn(&mut self, moment: Moment) -> bool {
        for _ in 0..TURN {
            let Some(key) = self.controllers.next(moment.now) else { return false };
            let plan = self.controllers.reconcile(&self.store, &key, moment);
            let mut failed = false;
            for call in &plan.calls {
                if let Err(failure) = self.call(call, moment) {
                    tracing::debug!(reason = failure.message, "simulated cluster: a controller's call was refused");
                    failed = true;
                }
            }
            self.controllers.later(&key, plan.again, failed, moment.now);
        }
        true
    }
}
