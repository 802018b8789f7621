//! Exchanges, queues, bindings and their limits: constants, in this one place. A broker that
//! holds something else under these names is a clear error at start.
//!
//! The delivery limit is no queue argument, because an argument can never be changed later, but a policy of the
//! operator's, a net far above what a message needs (without one RabbitMQ 4 drops it at its 21st delivery):
//! `rabbitmqctl set_policy marea '^marea\.' '{"delivery-limit": 1000}' --apply-to queues`.

use std::sync::Arc;
use std::time::Duration;

/// The topic exchange of facts about tasks.
pub const TASKS_EXCHANGE: &str = "marea.tasks";
/// The topic exchange of ballots. Its routing keys are `<kind>.<contest>[.<value>…].<group>.<index>`, so that an
/// operator can tap `scores.olympics.#`.
pub const BALLOTS_EXCHANGE: &str = "marea.ballots";
/// Where consumers publish what they give up.
pub const DEAD_LETTER_QUEUE: &str = "marea.dead-letter";

/// A durable quorum queue without a length limit: back-pressure is at the edge. Or a group of such queues.
#[derive(Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// The types of facts that it gets from [`TASKS_EXCHANGE`].
    pub facts: &'static [&'static str],
    /// Unacknowledged deliveries a consumer: what one process works on side by side. Of a group: each of its queues.
    pub prefetch: u16,
    /// Whether it stands for a group of queues, `<name>.<index>`: see [`GROUPS`].
    pub grouped: bool,
}

impl Queue {
    /// A queue of one's own.
    const fn single(name: &'static str, facts: &'static [&'static str], prefetch: u16) -> Self {
        Self { name, facts, prefetch, grouped: false }
    }

    /// A group of ballots' queues. One delivery is a batch of up to thousands of ballots, and 256 KiB: all that a
    /// consumer of ten queues can be given is 60 MiB. A round of counting takes several batches, of several queues.
    const fn group(name: &'static str) -> Self {
        Self { name, facts: &[], prefetch: 24, grouped: true }
    }

    /// The name of a group's queue of that index.
    pub fn member(&self, index: usize) -> String {
        format!("{}.{index}", self.name)
    }

    /// The name of the queue to which a message for this queue is sent by name: of a group its queue 0.
    pub fn address(&self) -> String {
        if self.grouped { self.member(0) } else { self.name.to_owned() }
    }

    /// A group's last word, `votes` of `marea.ballots.votes`: the one before the index in its routing keys.
    pub fn word(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

/// To be validated.
pub static YAML_MANAGER: Queue = Queue::single("marea.yaml-manager", &["task.submitted"], 32);

/// To be applied, checked or rolled back. `task.check` comes here as a command.
pub static CLUSTER_APPLIER: Queue = Queue::single(
    "marea.cluster-applier",
    &["task.validated", "task.rollback_requested"],
    // One delivery is one task's step of several API calls; 64 keep an API server busy.
    64,
);

/// To be folded into states.
pub static STATUS_WORKER: Queue = Queue::single(
    "marea.status-worker",
    &[
        "task.submitted",
        "task.validated",
        "task.rejected",
        "task.apply_started",
        "task.progress",
        "task.applied",
        "task.failed",
        "task.reverted",
        "task.rollback_requested",
        "task.rollback_blocked",
        "task.rolled_back",
    ],
    // Folding is one script call: more in flight fill batches.
    256,
);

/// Every queue of the task line that has a consumer.
pub static QUEUES: [&Queue; 3] = [&YAML_MANAGER, &CLUSTER_APPLIER, &STATUS_WORKER];

/// Ballots of contests of the kind votes.
pub static VOTES: Queue = Queue::group("marea.ballots.votes");
/// Ballots of contests of the kind scores that have no route of their own.
pub static SCORES: Queue = Queue::group("marea.ballots.scores");
/// Scores of winners.
pub static WINNERS: Queue = Queue::group("marea.ballots.winners");
/// Scores of losers.
pub static LOSERS: Queue = Queue::group("marea.ballots.losers");

/// The groups of ballots' queues. A group's queues are `<name>.0`, `<name>.1`, …: as many as publishers use, declared
/// when first used, found by consumers. Each is bound to [`BALLOTS_EXCHANGE`] with `#.<word>.<index>`, so that exactly
/// one gets each batch. A group has one set of delay queues and one of suspects, which lead to its queue 0.
///
/// An operator removes queues from the highest index down, once they are empty: they are found from 0 up to the first
/// that is missing.
pub static GROUPS: [&Queue; 4] = [&VOTES, &SCORES, &WINNERS, &LOSERS];

/// Queues in a group at most.
pub const GROUP_QUEUES: usize = 32;

/// Everything that can be consumed.
pub static CONSUMABLE: [&Queue; 7] =
    [&YAML_MANAGER, &CLUSTER_APPLIER, &STATUS_WORKER, &VOTES, &SCORES, &WINNERS, &LOSERS];

/// The steps of delay. Each is a quorum queue `<queue>.delay.<milliseconds>` with a message TTL,
/// which dead-letters at-least-once into its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named after its delay")]
pub enum Step {
    Ms250,
    S1,
    S5,
    S15,
}

impl Step {
    /// Every step, shortest first.
    pub const ALL: [Step; 4] = [Step::Ms250, Step::S1, Step::S5, Step::S15];

    /// The delay.
    pub const fn delay(self) -> Duration {
        Duration::from_millis(match self {
            Self::Ms250 => 250,
            Self::S1 => 1_000,
            Self::S5 => 5_000,
            Self::S15 => 15_000,
        })
    }
}

/// The name of the queue in which messages for that queue wait out a step of delay.
pub fn delay_queue(step: Step, queue: &str) -> String {
    format!("{queue}.delay.{}", step.delay().as_millis())
}

/// The name of the queue in which messages for that queue that may crash their consumer wait to be handled alone.
pub fn suspects_queue(queue: &str) -> String {
    format!("{queue}.suspects")
}

/// The queue, or group, with a consumer that has this name.
pub fn queue(name: &str) -> Option<&'static Queue> {
    CONSUMABLE.into_iter().find(|queue| queue.name == name)
}

/// The group that a contest's route names by its word: `votes`, `scores`, `winners` or `losers`.
pub fn group(word: &str) -> Option<&'static Queue> {
    GROUPS.into_iter().find(|group| group.word() == word)
}

/// The names on a broker, behind a prefix where several installations share one virtual host.
#[derive(Debug, Clone, Default)]
pub struct Names {
    prefix: Arc<str>,
}

impl Names {
    /// Names behind a prefix, which may be empty.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The exchange of facts.
    pub fn exchange(&self) -> String {
        self.on_broker(TASKS_EXCHANGE)
    }

    /// The exchange of ballots.
    pub fn ballots_exchange(&self) -> String {
        self.on_broker(BALLOTS_EXCHANGE)
    }

    /// What a name of this module is called on the broker.
    pub fn on_broker(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// How long a publish waits for its confirm before it is *unknown*: a quorum of three nodes
/// confirms in milliseconds; a paused node shows only as silence.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a transient failure may last before the consumer cancels its subscription and probes.
pub const OUTAGE: Duration = Duration::from_secs(10);
/// From this delivery on a message is a suspect: handled alone, so that a poison message takes no other with it.
/// Deliveries themselves bury nothing: whoever kills a process counts up everything that it had prefetched.
pub const ALONE_FROM: u32 = 3;
/// Deaths of the process while it handled this message and nothing else, after which the message is given up.
pub const MAX_DEATHS: u32 = 5;
/// How long a message rests after each such death: restarts in quick succession find another one, or none, at work.
pub const AFTER_DEATH: Step = Step::S5;
/// Panics of a handler over one message after which it is given up.
pub const MAX_PANICS: u32 = 3;
/// How long a handler may work on one delivery, its retries in place and its wait for a turn included: with the time
/// to put it aside, no delivery stays unacknowledged over 60 s. What is not done by then is delivered again.
pub const HANDLE_TIMEOUT: Duration = Duration::from_secs(45);
/// The same for a batch of ballots. Whoever cast them is told after 1 s that the outcome is unknown; the batch itself
/// goes to another queue of its group, where it may be taken, while this one is silent.
pub const BALLOTS_CONFIRM_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How often a consumer looks for queues of its group that are new.
pub const DISCOVERY: Duration = Duration::from_secs(5);
/// The messages a process may have published and not yet confirmed: from about 200 on a broker gains nothing.
pub const UNCONFIRMED: usize = 256;
