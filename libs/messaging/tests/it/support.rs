//! Handlers, messages and waiting.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use messaging::rabbitmq::{Config, RabbitMq};
use messaging::topology::{DEAD_LETTER_QUEUE, GROUPS, QUEUES, Queue, Step, delay_queue, suspects_queue};
use messaging::{Bus, Delivery, Handler, JobError, Message};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// More than anything takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a handler answers to the n-th delivery of a message, counted from 1.
type Answer = Box<dyn Fn(&str, usize) -> Result<(), JobError> + Send + Sync>;

/// Notes what it is given, and answers as told.
pub(crate) struct Scripted {
    seen: Mutex<HashMap<String, usize>>,
    last: Mutex<Option<Delivery>>,
    answer: Answer,
    takes: Duration,
    never: Option<&'static str>,
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let id = delivery.message.id.clone();
        let times = {
            let mut seen = self.seen.lock();
            let times = seen.entry(id.clone()).or_default();
            *times += 1;
            *times
        };
        *self.last.lock() = Some(delivery);
        if self.never == Some(id.as_str()) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.takes).await;
        (self.answer)(&id, times)
    }
}

impl Scripted {
    pub(crate) fn new(answer: impl Fn(&str, usize) -> Result<(), JobError> + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, answer)
    }

    pub(crate) fn slow(
        takes: Duration,
        answer: impl Fn(&str, usize) -> Result<(), JobError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (seen, last) = (Mutex::default(), Mutex::default());
        Arc::new(Self { seen, last, answer: Box::new(answer), takes, never: None })
    }

    /// Never ends with that message, and takes every other.
    pub(crate) fn deadly(poison: &'static str) -> Arc<Self> {
        let mut handler = Self::glad();
        Arc::get_mut(&mut handler).expect("the only handle").never = Some(poison);
        handler
    }

    /// Takes everything.
    pub(crate) fn glad() -> Arc<Self> {
        Self::new(|_, _| Ok(()))
    }

    pub(crate) fn times(&self, id: &str) -> usize {
        self.seen.lock().get(id).copied().unwrap_or(0)
    }

    pub(crate) fn distinct(&self) -> usize {
        self.seen.lock().len()
    }

    pub(crate) fn last(&self) -> Option<Delivery> {
        self.last.lock().clone()
    }

    pub(crate) async fn saw(&self, id: &str, times: usize) {
        eventually(&format!("{times} deliveries of {id}"), async || self.times(id) >= times).await;
    }

    /// Awaits so many messages: on a slow disk they may take minutes, each but [`PATIENCE`].
    pub(crate) async fn saw_all(&self, count: usize) {
        let mut seen = self.distinct();
        while seen < count {
            eventually(&format!("the next of {count} messages after {seen}"), async || self.distinct() > seen).await;
            seen = self.distinct();
        }
    }
}

/// A consumer at work.
pub(crate) struct Consumer {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Consumer {
    pub(crate) fn start(bus: &Arc<dyn Bus>, queue: &'static Queue, handler: Arc<dyn Handler>) -> Self {
        let (shutdown, bus) = (CancellationToken::new(), bus.clone());
        let token = shutdown.clone();
        let task = tokio::spawn(async move { bus.consume(queue, handler, token).await });
        Self { shutdown, task }
    }

    /// Tells it to stop, and waits until it has drained.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it drains in time").unwrap();
    }

    /// Ends it at once, its handlers too, as SIGKILL would: nothing is drained or settled.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

pub(crate) fn message(id: impl Into<String>) -> Message {
    let headers = BTreeMap::from([("traceparent".to_owned(), "00-1-2-01".to_owned())]);
    Message { id: id.into(), kind: "dev.marea.test.v1".to_owned(), body: "{\"a\":1}".into(), headers }
}

/// A bus that is connected: on a busy machine that takes longer than a start waits for it.
pub(crate) async fn connected(config: Config) -> Arc<dyn Bus> {
    let bus: Arc<dyn Bus> = Arc::new(RabbitMq::connect(config).await.unwrap());
    eventually("the first connection", async || bus.ready().await.is_ok()).await;
    bus
}

/// Awaits a condition.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain for {what}");
}

/// Awaits that no queue holds anything, delays and dead letters included.
pub(crate) async fn nothing_is_left(bus: &Arc<dyn Bus>) {
    let delays = QUEUES.into_iter().flat_map(|q| Step::ALL.map(|step| delay_queue(step, q.name)));
    let queues = QUEUES.into_iter().flat_map(|q| [q.name.to_owned(), suspects_queue(q.name)]);
    let names: Vec<String> = queues.chain(delays).collect();
    let groups = GROUPS.into_iter().map(|group| group.name.to_owned());
    for name in names.into_iter().chain(groups).chain([DEAD_LETTER_QUEUE.to_owned()]) {
        eventually(&format!("{name} to be empty"), async || {
            bus.depth(&name).await.is_ok_and(|depth| depth.ready + depth.unacknowledged == 0)
        })
        .await;
    }
}
