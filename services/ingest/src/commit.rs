//! Group commit: requests that wait become one batch, published once, confirmed once, all answered.
//!
//! While the broker works on a lane's batches, the next one gathers: batches grow instead of queues, and under light
//! load nothing waits. A batch is published until it is confirmed, under the same id and number, for as long as the
//! process lives; whoever waits longer than [`OVERDUE`] is told that the outcome is unknown.

mod flow;
mod gathered;
mod lane;
mod meters;
mod publish;
mod series;
mod silent;
mod ticket;

use std::{sync::Arc, time::Duration};

use messaging::Bus;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use flow::{Arriving, Flow};
pub use lane::Lane;
pub use meters::Meters;
pub use series::Series;
pub use ticket::{Outcome, Ticket};

use silent::Silent;

/// How long a batch may be on its way before whoever waits for it is told that the outcome is unknown.
pub const OVERDUE: Duration = Duration::from_secs(1);

/// How batches are made.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// A lane's batches on their way at a time.
    pub in_flight: usize,
    /// Queues of the group votes.
    pub votes_queues: usize,
    /// Queues of each other group.
    pub other_queues: usize,
    /// Slots of counters that batches are spread over.
    pub slots: u16,
}

/// What all lanes share.
pub struct Commit {
    bus: Arc<dyn Bus>,
    /// This process, in every batch.
    producer: Uuid,
    sizes: Sizes,
    /// What is admitted and not done.
    pub flow: Arc<Flow>,
    /// What is measured.
    pub meters: Meters,
    silent: Arc<Silent>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Commit {
    /// Commits over a bus.
    pub fn new(bus: Arc<dyn Bus>, sizes: Sizes) -> Self {
        let (tasks, stop, producer) = (TaskTracker::new(), CancellationToken::new(), Uuid::now_v7());
        let (flow, meters, silent) = Default::default();
        Self { bus, producer, sizes, flow, meters, silent, tasks, stop }
    }

    /// Tells the lanes to end once nothing waits in them, and waits for that.
    pub async fn drain(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Commit {
    /// Runs work that a drain waits for.
    pub fn track(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }
}
