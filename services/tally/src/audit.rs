//! The audit: one snapshot of the ledger, and whether the queues are empty.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use contests::{Audit, audit::Circumstances};
use jiff::Timestamp;
use messaging::topology::GROUPS;
use parking_lot::Mutex;

use crate::Tally;

/// Between two looks at the queues that make one sight; one that is missed begins anew.
const LOOKED_EVERY: Duration = Duration::from_secs(30);
/// How old an audit may be that is only shown beside something else.
const FRESH: Duration = Duration::from_secs(1);

/// What is kept.
pub struct Audits {
    /// For how long the queues must have been seen empty until no batch can be on its way.
    empty_for: Duration,
    /// Since when the queues were empty whenever they were looked at, and the last look.
    empty: Mutex<Option<(Instant, Instant)>>,
    recent: Mutex<HashMap<String, (Instant, bool)>>,
}

impl Audits {
    /// Nothing is known yet.
    pub fn new(empty_for: Duration) -> Self {
        Self { empty_for, empty: Mutex::default(), recent: Mutex::default() }
    }
}

impl Tally {
    /// A contest's audit, as of now.
    pub async fn audit(&self, contest: &str) -> Result<Audit, ballots::Error> {
        let snapshot = self.ballots().snapshot(contest).await?;
        let circumstances = Circumstances { now: Timestamp::now(), queues_empty: self.queues_empty() };
        let audit = Audit::of(contest, &snapshot.producers, snapshot.totals, circumstances);
        self.0.audits.recent.lock().insert(contest.to_owned(), (Instant::now(), audit.settled));
        metrics::gauge!("tally_settled", "contest" => contest.to_owned()).set(if audit.settled { 1.0 } else { 0.0 });
        Ok(audit)
    }

    /// Whether a contest was settled within the last second.
    pub(crate) async fn settled(&self, contest: &str) -> Result<bool, ballots::Error> {
        let recent = self.0.audits.recent.lock().get(contest).copied();
        match recent {
            Some((at, settled)) if at.elapsed() < FRESH => Ok(settled),
            _ => Ok(self.audit(contest).await?.settled),
        }
    }

    fn queues_empty(&self) -> bool {
        let empty = *self.0.audits.empty.lock();
        empty.is_some_and(|(since, last)| since.elapsed() >= self.0.audits.empty_for && last.elapsed() < LOOKED_EVERY)
    }

    /// Looks whether the queues are empty. One that does not answer is not.
    pub(crate) async fn look_at_queues(&self) {
        let mut waiting = false;
        for group in GROUPS {
            let depth = self.0.context.bus.depth(group.name).await;
            waiting |= !depth.is_ok_and(|depth| depth.ready == 0 && depth.unacknowledged == 0);
        }
        let mut empty = self.0.audits.empty.lock();
        let now = Instant::now();
        *empty = match *empty {
            _ if waiting => None,
            Some((since, last)) if last.elapsed() < LOOKED_EVERY => Some((since, now)),
            _ => Some((now, now)),
        };
    }
}
