//! A contest as it takes ballots: one revision of its definition, with its lanes.

use std::sync::Arc;

use arc_swap::ArcSwap;
use contests::{Definition, Gate, batch::Header, gate::State};
use jiff::Timestamp;
use messaging::topology;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::commit::{Commit, Lane, Series};

/// One revision of a contest.
pub struct Contest {
    /// What its ballots are checked by.
    pub definition: Definition,
    /// As many as the definition has.
    pub lanes: Vec<Arc<Lane>>,
    gate: ArcSwap<Known>,
    retired: CancellationToken,
}

/// A gate, and what it says until it changes by itself.
struct Known {
    /// The number of its last change.
    number: u32,
    gate: Gate,
    state: State,
    until: Option<Timestamp>,
}

impl Known {
    fn of(number: u32, gate: Gate, definition: &Definition, now: Timestamp) -> Self {
        let (state, until) = (gate.state(&definition.open, now), gate.next_change(&definition.open, now));
        Self { number, gate, state, until }
    }
}

impl Contest {
    /// A contest with lanes of its own; `series` goes on from the last revision. Fails where it names a queue group that does not exist.
    pub fn new(
        definition: Definition,
        (number, gate): (u32, Gate),
        series: &Arc<Series>,
        commit: &Arc<Commit>,
    ) -> Result<Self, String> {
        let retired = CancellationToken::new();
        let lane = |lane: &contests::definition::Lane| {
            let group = topology::group(&lane.group);
            let group = group.ok_or_else(|| format!("there is no queue group `{}`", lane.group))?;
            let header = header(&definition, lane.words.clone());
            Ok(Lane::new(commit, series, &lane.key, group, header, &retired))
        };
        let lanes = definition.lanes.iter().map(lane).collect::<Result<_, String>>()?;
        let gate = ArcSwap::from_pointee(Known::of(number, gate, &definition, Timestamp::now()));
        Ok(Self { definition, lanes, gate, retired })
    }

    /// Whether it takes ballots at this moment, by this process's clock.
    pub fn state(&self) -> State {
        let (known, now) = (self.gate.load(), Timestamp::now());
        if known.until.is_none_or(|until| now < until) {
            return known.state;
        }
        let next = Known::of(known.number, known.gate.clone(), &self.definition, now);
        let state = next.state;
        // A change that was taken meanwhile holds.
        self.gate.compare_and_swap(&known, Arc::new(next));
        state
    }

    /// Takes what people commanded, of the change of that number, unless it knows of a later one.
    pub fn set_gate(&self, number: u32, gate: &Gate) {
        self.gate.rcu(|known| {
            if known.number >= number {
                return known.clone();
            }
            Arc::new(Known::of(number, gate.clone(), &self.definition, Timestamp::now()))
        });
    }

    /// The number of the last change of its gate, and the gate.
    pub fn gate(&self) -> (u32, Gate) {
        let known = self.gate.load();
        (known.number, known.gate.clone())
    }

    /// Ends its lanes once they are empty: another revision takes the ballots.
    pub fn retire(&self) {
        self.retired.cancel();
    }
}

/// What all batches of a lane say alike; the rest is filled in when one is cut.
fn header(definition: &Definition, words: Vec<String>) -> Header {
    Header {
        batch: Uuid::nil(),
        contest: definition.name.clone(),
        kind: definition.kind,
        revision: definition.revision(),
        words,
        slot: 0,
        producer: Uuid::nil(),
        number: 0,
        ballots: 0,
        cumulative: 0,
        confirmed: 0,
        last: false,
        time: Timestamp::UNIX_EPOCH,
        fields: definition.field_heads(),
    }
}
