//! The audit: from one snapshot of the ledger, where every accepted ballot is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::standings::Totals;

#[cfg(test)]
mod tests;

/// How long a producer is silent before it counts as gone, in seconds: a living one sends a beat a second after its
/// last ballot, and publishes for as long as it lives.
const SILENCE: i64 = 30;

/// What the ledger holds of one producer and contest, from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The process of ingest.
    pub producer: Uuid,
    /// How many entries there are.
    pub entries: u64,
    /// The highest number.
    pub highest: u64,
    /// The highest `confirmed`.
    pub confirmed: u64,
    /// How many entries have a number of at most the highest `confirmed`.
    pub entries_confirmed: u64,
    /// The highest `cumulative`.
    pub cumulative: u64,
    /// The sum of `ballots`.
    pub ballots: u64,
    /// Whether the entry of the highest number is `last`.
    pub last: bool,
    /// Whether the entry of the highest number is a beat: without ballots, and all before it confirmed.
    pub beat: bool,
    /// When the newest entry was cut.
    pub newest: Timestamp,
}

/// What the audit knows besides the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// When the snapshot was taken.
    pub now: Timestamp,
    /// Whether, at a moment before the snapshot, the contest had no ballot in any queue, delayed ones included, nor in
    /// the hands of any consumer. Without that nothing is known of what a producer sent after its newest entry.
    pub queues_empty: bool,
}

/// Where every accepted ballot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// The contest's name.
    pub contest: String,
    /// Ballots that ingest took.
    pub accepted: u64,
    /// Ballots in the log: counted + duplicate + over limit, always.
    pub received: u64,
    /// What became of them.
    #[serde(flatten)]
    pub totals: Totals,
    /// Ballots that ingest took and the ledger does not hold yet.
    pub in_flight: Interval,
    /// Ballots of batches that were confirmed and are in no queue and not in the ledger: 0 unless a queue lost some.
    pub lost: u64,
    /// Ballots of batches that a dead producer never had confirmed: answered as unknown, never as accepted.
    pub abandoned: u64,
    /// Whether nothing is in flight: all that was accepted before the audit was asked for is in `accepted`.
    pub settled: bool,
    /// Each producer's part.
    pub producers: Vec<Producer>,
}

/// A number that is only known to lie between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Interval {
    /// At least.
    pub at_least: u64,
    /// At most; none: not known.
    pub at_most: Option<u64>,
}

/// One producer's part of an [`Audit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Producer {
    /// The process of ingest.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Its batches in the ledger.
    pub batches: u64,
    /// Batches with a lower number than its highest that the ledger does not hold.
    pub missing: u64,
    /// Its ballots that were accepted.
    pub accepted: u64,
    /// Whether nothing of it is in flight.
    pub settled: bool,
    /// When its newest batch was cut.
    #[schema(value_type = String, format = DateTime)]
    pub newest: Timestamp,
}

impl Audit {
    /// The audit of one contest. `totals` and `summaries` are of one snapshot of the ledger.
    pub fn of(contest: &str, summaries: &[Summary], totals: Totals, circumstances: Circumstances) -> Self {
        let parts: Vec<Part> = summaries.iter().map(|s| Part::of(s, circumstances)).collect();
        let sum = |of: fn(&Part) -> u64| parts.iter().map(of).sum::<u64>();
        let (at_least, lost) = (sum(|p| p.in_flight), sum(|p| p.lost));
        Self {
            contest: contest.to_owned(),
            accepted: sum(|p| p.producer.accepted),
            received: totals.received(),
            totals,
            in_flight: Interval {
                at_least,
                at_most: (circumstances.queues_empty && parts.iter().all(|p| p.bounded)).then_some(at_least),
            },
            lost,
            abandoned: sum(|p| p.abandoned),
            settled: circumstances.queues_empty && parts.iter().all(|p| p.producer.settled),
            producers: parts.into_iter().map(|p| p.producer).collect(),
        }
    }
}

/// One producer's part, and where its missing ballots are.
struct Part {
    producer: Producer,
    in_flight: u64,
    lost: u64,
    abandoned: u64,
    /// Whether nothing above the highest number can be under way.
    bounded: bool,
}

impl Part {
    fn of(summary: &Summary, circumstances: Circumstances) -> Self {
        let missing = summary.highest.saturating_sub(summary.entries);
        let confirmed_missing = summary.confirmed.saturating_sub(summary.entries_confirmed);
        let gap = summary.cumulative.saturating_sub(summary.ballots);
        let silent = circumstances.now.duration_since(summary.newest).as_secs() >= SILENCE;
        let gone = silent && circumstances.queues_empty;
        // What a gone producer never had confirmed was never accepted; what was confirmed is lost.
        let (abandoned, lost) = match (gone, confirmed_missing) {
            (true, 0) => (gap, 0),
            (true, _) => (0, gap),
            (false, _) => (0, 0),
        };
        // A beat says that all before it was confirmed. Whether more came since is the queues' to tell: it may have been
        // accepted long ago, and wait.
        let bounded = gone || (circumstances.queues_empty && (summary.last || summary.beat));
        let settled = bounded && lost == 0 && (missing == 0 || gone);
        let producer = Producer {
            id: summary.producer,
            batches: summary.entries,
            missing,
            accepted: summary.cumulative.saturating_sub(abandoned),
            settled,
            newest: summary.newest,
        };
        Self { producer, in_flight: gap - abandoned - lost, lost, abandoned, bounded }
    }
}
