//! Whether ledger, log and counters say the same.

use std::collections::BTreeSet;

use contests::standings::{Counts, Totals};
use futures::TryStreamExt;
use serde::Serialize;
use state::tallies::Slot;
use utoipa::ToSchema;

use crate::{Tally, board::Error};

/// Differences that are named.
const NAMED: usize = 100;
/// Tries until counters and ledger are seen at one state, while ballots come.
const TRIES: usize = 5;

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verified {
    /// Whether all agree.
    pub agrees: bool,
    /// Whether ballots came while it was compared, so that a difference may be what was under way.
    pub moving: bool,
    /// What the ledger adds up to.
    pub ledger: Totals,
    /// What the counters say.
    pub counters: Totals,
    /// Rows of the log that count.
    pub logged: u64,
    /// Rows of the log above their voters' limit.
    pub logged_over_limit: u64,
    /// Whether rows of the log are dropped after some time, so that it may hold fewer than were counted.
    pub expires: bool,
    /// The counters that differ, the first hundred.
    pub differences: Vec<Difference>,
}

/// One counter that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// The tally and its key's values.
    pub counter: Vec<String>,
    /// What the ledger adds up to.
    pub ledger: i64,
    /// What the counter says.
    pub counters: i64,
}

impl Tally {
    /// Compares them; several times where ballots come meanwhile.
    pub async fn verify(&self, contest: &str, expires: bool) -> Result<Verified, Error> {
        let mut found = self.compare(contest, expires).await?;
        for _ in 1..TRIES {
            if found.agrees || !found.moving {
                break;
            }
            found = self.compare(contest, expires).await?;
        }
        Ok(found)
    }

    async fn compare(&self, contest: &str, expires: bool) -> Result<Verified, Error> {
        let before = self.counted(contest).await?;
        let ledger = self.folded(contest).await?;
        let logged = self.ballots().logged(contest).await?;
        let after = self.counted(contest).await?;
        let again = self.folded(contest).await?;
        let moving = before != after || ledger.totals != again.totals;
        let in_log = |rows: u64, entries: u64| rows == entries || (expires && rows < entries);
        let log_agrees =
            in_log(logged.counted, again.totals.counted) && in_log(logged.over_limit, again.totals.over_limit);
        Ok(Verified {
            agrees: ledger == after && log_agrees,
            moving,
            ledger: ledger.totals,
            counters: after.totals,
            logged: logged.counted,
            logged_over_limit: logged.over_limit,
            expires,
            differences: differences(&ledger, &after),
        })
    }

    /// What the ledger adds up to.
    async fn folded(&self, contest: &str) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        let mut entries = self.ballots().entries(contest, None);
        while let Some(held) = entries.try_next().await? {
            counts.apply(&held.entry);
        }
        Ok(counts)
    }

    /// What the counters say.
    async fn counted(&self, contest: &str) -> Result<Counts, Error> {
        let known = self.known(contest).await?;
        let mut counts = Counts::default();
        for slot in known.slots {
            let slot = Slot { contest: contest.to_owned(), generation: known.generation, slot };
            counts.merge(&self.tallies().counts(&slot).await?);
        }
        Ok(counts)
    }
}

fn differences(ledger: &Counts, counters: &Counts) -> Vec<Difference> {
    let names: BTreeSet<&String> = ledger.counters.keys().chain(counters.counters.keys()).collect();
    let of = |counts: &Counts, name: &str| counts.counters.get(name).copied().unwrap_or(0);
    let differing = names.into_iter().filter(|name| of(ledger, name) != of(counters, name));
    let difference = |name: &String| Difference {
        counter: name.split(contests::ledger::SEPARATOR).map(str::to_owned).collect(),
        ledger: of(ledger, name),
        counters: of(counters, name),
    };
    differing.take(NAMED).map(difference).collect()
}
