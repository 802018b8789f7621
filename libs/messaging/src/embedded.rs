//! The bus inside one process: durable in the embedded database, fast in memory.
//!
//! A publish inserts one row a bound queue in a group commit and is confirmed by it; then the message waits in memory
//! for its consumer. An acknowledgement deletes the row in a later commit that nobody awaits: after a crash a message
//! may come again, as from any broker.

mod consumer;
mod line;
mod settler;
mod store;
mod timers;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ::embedded::Database;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::line::{Line, Lines};
use self::settler::Settler;
use self::store::Row;
use self::timers::Timers;
use crate::topology::{self, CONSUMABLE, DEAD_LETTER_QUEUE, QUEUES, Queue, Step};
use crate::work::{Counters, record_publish};
use crate::{BrokerError, Bus, DeadLetter, Depth, Handler, Message, PublishError, Route};

/// Bytes of ballots that wait in a group, in memory as well as on disk, before further ones are refused.
const GROUP_BYTES: usize = 256 << 20;

/// The bus inside one process.
pub struct EmbeddedBus {
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What the bus and its tasks share.
struct Shared {
    database: Database,
    lines: Lines,
    timers: Timers,
    settler: Settler,
    next: AtomicI64,
}

impl EmbeddedBus {
    /// Opens the bus: what waited when the process ended waits again, and delays go on.
    pub async fn open(database: Database) -> Result<Self, ::embedded::Error> {
        database.create(store::SCHEMA).await?;
        let rows = database.write(store::recover).await?;
        let next = database.read(store::highest)? + 1;
        let (settler, settling) = Settler::new(database.clone());
        let (lines, timers) = (Lines::default(), Timers::default());
        let shared = Arc::new(Shared { database, lines, timers, settler, next: AtomicI64::new(next) });
        shared.admit(rows);
        let bus = Self { shared, stop: CancellationToken::new(), tasks: TaskTracker::new() };
        bus.tasks.spawn(settling.run(bus.stop.clone()));
        let (shared, stop) = (bus.shared.clone(), bus.stop.clone());
        bus.tasks.spawn(async move { stop.run_until_cancelled(timers::run(&shared)).await });
        Ok(bus)
    }

    /// Ends its tasks, with every acknowledgement written. Consumers are ended by their own tokens first.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn confirmed(&self, route: &Route, message: Message) -> Result<(), PublishError> {
        crate::message::check_size(&message)?;
        if let Route::Dead(queue, reason) = route {
            return self.buried(queue, message, reason.clone()).await;
        }
        if let Route::Ballots { group, index, .. } = route {
            crate::message::check_member(group, *index)?;
            if self.shared.line(group).bytes() > GROUP_BYTES {
                return Err(PublishError::Refused("the queue is full".to_owned()));
            }
        }
        let rows = self.shared.rows(route, message);
        if rows.is_empty() {
            return Err(PublishError::Refused("no queue is bound".to_owned()));
        }
        // A task of its own: a caller that stops waiting must not keep a stored message from its consumer.
        let stored = self.tasks.spawn(store_and_admit(self.shared.clone(), rows));
        stored.await.unwrap_or_else(|e| Err(PublishError::Refused(e.to_string())))
    }
}

impl EmbeddedBus {
    async fn buried(&self, queue: &'static Queue, message: Message, reason: String) -> Result<(), PublishError> {
        let written = self.shared.database.write(move |tx| store::insert_dead(tx, queue, &message, &reason)).await;
        written.map_err(|e| PublishError::Refused(e.to_string()))
    }
}

/// Its tasks end when it is dropped.
impl Drop for EmbeddedBus {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn store_and_admit(shared: Arc<Shared>, rows: Vec<Row>) -> Result<(), PublishError> {
    let stored = rows.clone();
    let written = shared.database.write_one(move |tx| store::insert(tx, &stored)).await;
    written.map_err(|e| PublishError::Refused(e.to_string()))?;
    shared.admit(rows);
    Ok(())
}

impl Shared {
    /// One row a queue that the route leads to.
    fn rows(&self, route: &Route, message: Message) -> Vec<Row> {
        let row = |queue: &'static Queue, step: Option<Step>| Row {
            seq: self.next.fetch_add(1, Ordering::Relaxed),
            queue,
            due: step.map(due),
            message: message.clone(),
            counters: Counters::default(),
        };
        match route {
            Route::Fact(kind) => QUEUES.into_iter().filter(|q| q.facts.contains(kind)).map(|q| row(q, None)).collect(),
            Route::Queue(queue) | Route::Ballots { group: queue, .. } => vec![row(queue, None)],
            Route::Delayed(step, queue) => vec![row(queue, Some(*step))],
            Route::Dead(..) => vec![],
        }
    }

    /// Gives stored messages to their queues, or to the timers.
    fn admit(&self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            match row.due {
                Some(due) => self.timers.add(due, row),
                None => self.line(row.queue).push(row),
            }
        }
    }

    fn line(&self, queue: &'static Queue) -> &Line {
        self.lines.of(queue)
    }

    /// Puts a delivery aside: delivered again after the step.
    fn put_aside(&self, mut row: Row, step: Step, counters: Counters) {
        let due = due(step);
        row.counters = counters;
        row.due = Some(due);
        self.settler.later(row.seq, due, counters);
        self.timers.add(due, row);
    }

    fn depth(&self, queue: &str) -> Option<Depth> {
        if let Some(queue) = topology::queue(queue) {
            return Some(self.line(queue).depth());
        }
        if let Some(queue) = CONSUMABLE.into_iter().find(|q| topology::suspects_queue(q.name) == queue) {
            return Some(Depth { ready: self.line(queue).suspects(), ..Depth::default() });
        }
        let delays = CONSUMABLE.into_iter().flat_map(|q| Step::ALL.map(|step| (q, step)));
        let (queue, step) = delays.into_iter().find(|(q, step)| topology::delay_queue(*step, q.name) == queue)?;
        Some(Depth { ready: self.timers.waiting(queue, step), ..Depth::default() })
    }
}

/// The time at which a step of delay that begins now is over.
fn due(step: Step) -> Timestamp {
    Timestamp::now() + step.delay()
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn publish(&self, route: &Route, message: Message) -> Result<(), PublishError> {
        let began = Instant::now();
        let result = self.confirmed(route, message).await;
        record_publish(began, &result);
        result
    }

    async fn consume(&self, queue: &'static Queue, handler: Arc<dyn Handler>, shutdown: CancellationToken) {
        consumer::run(&self.shared, queue, handler, shutdown).await;
    }

    /// What is taken from a queue is told as unacknowledged from then on.
    fn has_read_since(&self, _then: Instant) -> bool {
        true
    }

    async fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        if queue == DEAD_LETTER_QUEUE {
            let ready = self.shared.database.read(store::dead_count).map_err(failed)?;
            return Ok(Depth { ready, ..Depth::default() });
        }
        self.shared.depth(queue).ok_or_else(|| BrokerError(format!("there is no queue `{queue}`")))
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        let write = self.shared.database.write(|_| Ok(()));
        let written = tokio::time::timeout(Duration::from_secs(1), write).await;
        written.map_err(|_| BrokerError("the database did not commit within 1 s".to_owned()))?.map_err(failed)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        self.shared.database.scan(move |c| store::dead(c, limit)).await.map_err(failed)
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        let (id, seq) = (id.to_owned(), self.shared.next.fetch_add(1, Ordering::Relaxed));
        let row = self.shared.database.write(move |tx| store::revive(tx, &id, seq)).await.map_err(failed)?;
        let found = row.is_some();
        self.shared.admit(row);
        Ok(found)
    }

    async fn drop_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        let id = id.to_owned();
        self.shared.database.write(move |tx| store::forget(tx, &id)).await.map_err(failed)
    }
}

fn failed(error: ::embedded::Error) -> BrokerError {
    BrokerError(error.to_string())
}
