//! Ranking.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Counts, Ranking, Row, Standings, Totals};
use crate::{
    definition::{Definition, Tally},
    gate::State,
    ledger::{Entry, OTHERS, SEPARATOR},
};

impl Totals {
    /// The ballots that reached the log: counted, duplicate, or over their voters' limit.
    pub fn received(&self) -> u64 {
        self.counted + self.duplicate + self.over_limit
    }

    /// Adds one entry.
    pub fn apply(&mut self, entry: &Entry) {
        self.merge(&Self {
            batches: 1,
            counted: entry.counted,
            duplicate: entry.duplicate,
            conflicting: entry.conflicting,
            over_limit: entry.over_limit,
            dead: entry.dead,
        });
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        self.batches += other.batches;
        self.counted += other.counted;
        self.duplicate += other.duplicate;
        self.conflicting += other.conflicting;
        self.over_limit += other.over_limit;
        self.dead += other.dead;
    }
}

impl Counts {
    /// Adds one entry, which must not be in yet.
    pub fn apply(&mut self, entry: &Entry) {
        self.totals.apply(entry);
        for increment in &entry.increments {
            *self.counters.entry(increment.counter()).or_default() += increment.amount;
        }
    }

    /// Adds another slot's counts.
    pub fn merge(&mut self, other: &Self) {
        self.totals.merge(&other.totals);
        for (counter, amount) in &other.counters {
            match self.counters.get_mut(counter) {
                Some(sum) => *sum += amount,
                None => drop(self.counters.insert(counter.clone(), *amount)),
            }
        }
    }
}

/// What standings say besides the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Whether ballots are taken.
    pub state: State,
    /// Whether every accepted ballot is counted in.
    pub settled: bool,
    /// The counters' version.
    pub version: u64,
}

/// Which part of the standings is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View<'a> {
    /// Only this tally; none: all.
    pub tally: Option<&'a str>,
    /// At most so many rows a tally; none: all.
    pub top: Option<usize>,
}

impl Standings {
    /// Ranks the counts of all slots. A tally that the view names and the contest has not leaves `tallies` empty.
    pub fn rank(definition: &Definition, counts: &Counts, situation: Situation, view: View<'_>) -> Self {
        let wanted = definition.tallies.iter().filter(|t| view.tally.is_none_or(|name| name == t.name));
        let ranked = |t: &Tally| (t.name.clone(), ranking(definition, t, &counts.counters, view.top));
        Self {
            contest: definition.name.clone(),
            title: definition.title.clone(),
            kind: definition.kind,
            revision: definition.revision(),
            state: situation.state,
            r#final: situation.state == State::Closed && situation.settled,
            settled: situation.settled,
            version: situation.version,
            totals: counts.totals,
            board: definition.tallies.get(definition.board).map(|t| t.name.clone()).unwrap_or_default(),
            tallies: wanted.map(ranked).collect(),
        }
    }
}

fn ranking(definition: &Definition, tally: &Tally, counters: &BTreeMap<String, i64>, top: Option<usize>) -> Ranking {
    let prefix = format!("{}{SEPARATOR}", tally.name);
    let own = counters.range(prefix.clone()..).map_while(|(name, value)| Some((name.strip_prefix(&prefix)?, *value)));
    let (others, mut sorted): (Vec<_>, Vec<(&str, i64)>) = own.partition(|(key, _)| *key == OTHERS);
    // Stable, and the counters stand by key: equal values keep that order.
    sorted.sort_by_key(|(_, value)| Reverse(*value));
    let size = sorted.len();
    let name = |field: &usize| definition.fields.get(*field).map(|f| f.name.clone()).unwrap_or_default();
    Ranking {
        by: tally.by.iter().map(name).collect(),
        sum: tally.sum.as_ref().map(name),
        others: others.first().map(|(_, value)| *value),
        size,
        rows: rows(&sorted, top.unwrap_or(size)),
    }
}

/// Equal values share a rank, and the next value's rank counts all above it: 1, 2, 2, 4.
fn rows(sorted: &[(&str, i64)], top: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(top.min(sorted.len()));
    for (position, (key, value)) in sorted.iter().take(top).enumerate() {
        let shared = rows.last().filter(|above| above.value == *value).map(|above| above.rank);
        let rank = shared.unwrap_or(position as u64 + 1);
        rows.push(Row { key: key.split(SEPARATOR).map(str::to_owned).collect(), value: *value, rank });
    }
    rows
}
