//! Which of a voter's places a ballot claims.

use contests::Definition;
use jiff::Timestamp;

/// The limit that a contest sets its voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// How many ballots of a voter count in a period.
    pub(crate) max: u32,
    /// The period in which the batch was cut: whole multiples of the contest's `every` since 1970, by ingest's clock.
    pub(crate) period: i64,
    /// When the period ends, in milliseconds since 1970; none: never.
    pub(crate) ends: Option<i64>,
}

impl Limit {
    /// The limit for a batch that was cut at that time; `None`: any number counts.
    pub(crate) fn of(definition: &Definition, cut: Timestamp) -> Option<Self> {
        let max = definition.voters.max_ballots?;
        let every = definition.voters.every.and_then(|every| i64::try_from(every.as_millis()).ok());
        let Some(every) = every.filter(|every| *every > 0) else { return Some(Self { max, period: 0, ends: None }) };
        let period = cut.as_millisecond().div_euclid(every);
        Some(Self { max, period, ends: period.checked_add(1).and_then(|next| next.checked_mul(every)) })
    }
}
