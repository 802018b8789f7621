//! Whether a contest takes ballots: its window, and what people commanded since.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::definition::Window;

#[cfg(test)]
mod tests;

/// The most commands that a gate keeps to come.
const MAX_STEPS: usize = 16;

/// Whether ballots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
// A task has a `State` too, and the document of both lines one name for each.
#[schema(as = ContestState)]
pub enum State {
    /// Not yet, but they will be.
    Upcoming,
    /// Yes.
    Open,
    /// No.
    Closed,
    /// No, and no window or command would open it: its file is gone.
    Withdrawn,
}

/// One command: to open or to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Whether ballots are taken from then on.
    pub open: bool,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What people commanded, by time. Stored at `_contests/<name>/gate`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// The commands in force and to come, by time.
    pub steps: Vec<Step>,
    /// Since when no file of the contest is there, so that nobody takes ballots for it. Stored beside the commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub withdrawn: Option<Timestamp>,
}

impl Gate {
    /// Adds a command. Those at or after its time are void: the newest word counts. What lies behind and is no longer
    /// in force is forgotten.
    ///
    /// # Errors
    /// Where more than 16 commands are to come.
    pub fn command(&mut self, step: Step, now: Timestamp) -> Result<(), TooMany> {
        let mut steps: Vec<Step> = self.steps.iter().copied().filter(|s| s.at < step.at).collect();
        steps.push(step);
        steps.sort_by_key(|s| s.at);
        let in_force = steps.iter().rposition(|s| s.at <= now).unwrap_or_default();
        steps.drain(..in_force);
        if steps.len() > MAX_STEPS {
            return Err(TooMany);
        }
        self.steps = steps;
        Ok(())
    }

    /// Whether ballots are taken at `now`: the latest of the window's two ends and the commands decides; of two at the
    /// same time, the command. What is withdrawn would never open; what is closed is closed.
    pub fn state(&self, window: &Window, now: Timestamp) -> State {
        let steps = self.all(window);
        let decides = steps.iter().rev().find(|s| s.at <= now);
        match decides.map_or(window.from.is_none() && !self.opens_first(&steps), |s| s.open) {
            false if !steps.iter().any(|s| s.open && s.at > now) => State::Closed,
            _ if self.withdrawn.is_some() => State::Withdrawn,
            true => State::Open,
            false => State::Upcoming,
        }
    }

    /// When [`Gate::state`] may change next; none: never by itself.
    pub fn next_change(&self, window: &Window, now: Timestamp) -> Option<Timestamp> {
        let may = |step: &&Step| step.at > now && !(step.open && self.withdrawn.is_some());
        self.all(window).iter().find(may).map(|step| step.at)
    }

    /// Since when it is closed; `None`: it is not.
    pub fn closed_since(&self, window: &Window, now: Timestamp) -> Option<Timestamp> {
        if self.state(window, now) != State::Closed {
            return None;
        }
        let steps = self.all(window);
        let closing = steps.iter().rev().skip_while(|s| s.at > now).take_while(|s| !s.open);
        Some(closing.last().map_or(Timestamp::MIN, |s| s.at))
    }

    /// Whether nothing will open the contest again, unless somebody commands it.
    pub fn is_over(&self, window: &Window, now: Timestamp) -> bool {
        self.state(window, now) == State::Closed
    }

    /// A contest without a window whose first command is to open in the future waits for it.
    fn opens_first(&self, steps: &[Step]) -> bool {
        steps.first().is_some_and(|s| s.open)
    }

    fn all(&self, window: &Window) -> Vec<Step> {
        let ends = [(window.from, true), (window.to, false)];
        let ends = ends.into_iter().filter_map(|(at, open)| at.map(|at| Step { open, at }));
        let mut steps: Vec<Step> = ends.chain(self.steps.iter().copied()).collect();
        steps.sort_by_key(|s| s.at);
        steps
    }
}

/// Too many commands to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a contest keeps at most {MAX_STEPS} changes to come; withdraw some by one with an earlier time")]
pub struct TooMany;
