//! Standings: counters, ranked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    definition::{Kind, Revision},
    gate::State,
};

mod rank;
#[cfg(test)]
mod tests;

pub use rank::{Situation, View};

/// What the ledger's entries come to, of one slot or of several. Equal sets of entries give equal counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sums over the entries.
    pub totals: Totals,
    /// Each counter by its name ([`crate::Increment::counter`]).
    pub counters: BTreeMap<String, i64>,
}

/// Sums over the ledger's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Entries.
    pub batches: u64,
    /// Ballots that count.
    pub counted: u64,
    /// Ballots with an id that counted before, conflicting ones included.
    pub duplicate: u64,
    /// The duplicates that say something else than the first.
    pub conflicting: u64,
    /// Ballots above their voters' limit.
    pub over_limit: u64,
    /// Ballots that did not fit the definition.
    pub dead: u64,
}

/// The standings of one contest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standings {
    /// The contest's name.
    pub contest: String,
    /// Its title.
    pub title: String,
    /// Votes or scores.
    pub kind: Kind,
    /// The definition's revision.
    pub revision: Revision,
    /// Whether ballots are taken.
    pub state: State,
    /// Whether nothing will change any more: closed, and settled some seconds after.
    pub r#final: bool,
    /// Whether every ballot that was accepted until a few seconds ago is counted in.
    pub settled: bool,
    /// Grows with every batch that was applied.
    pub version: u64,
    /// Sums over all ballots.
    pub totals: Totals,
    /// The tally to show first.
    pub board: String,
    /// The tallies by name.
    pub tallies: BTreeMap<String, Ranking>,
}

/// One tally, ranked: greatest first; equal values share a rank (1, 2, 2, 4) and stand by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ranking {
    /// The fields whose values make a row's key.
    pub by: Vec<String>,
    /// The field that is summed; none: ballots are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// What the ballots come to whose keys came after the tally had as many as it may have; none: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<i64>,
    /// How many rows there are, of which `rows` may be the first.
    pub size: usize,
    /// The rows, by rank.
    pub rows: Vec<Row>,
}

/// One row of a ranking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Row {
    /// The values of the tally's `by` fields; a missing value is empty.
    pub key: Vec<String>,
    /// The count or the sum.
    pub value: i64,
    /// From 1; equal values share a rank.
    pub rank: u64,
}
