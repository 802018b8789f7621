//! From a batch and its verdicts to the ledger's entry.

use std::{borrow::Cow, collections::HashMap};

use super::{Entry, Increment, SEPARATOR, Verdict};
use crate::{
    ballot::Value,
    batch::Batch,
    definition::{Condition, Definition, Tally, Wanted},
};

/// Verdicts and ballots are not of one batch, or the batch is not of the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch needs one verdict a ballot, and the definition that it was checked by")]
pub struct Unfit;

impl Entry {
    /// The entry of a batch: `verdicts` by the ballots' positions. Ballots that count have passed
    /// [`Definition::check`]; a batch whose ballots are all dead needs no fitting definition.
    ///
    /// # Errors
    /// Where there is not one verdict a ballot, or the batch is of another contest, revision or fields.
    pub fn fold(definition: &Definition, batch: &Batch<'_>, verdicts: &[Verdict]) -> Result<Self, Unfit> {
        if verdicts.len() != batch.casts.len() || !definition.is_of(&batch.header) {
            return Err(Unfit);
        }
        let counted = || {
            let pairs = batch.casts.iter().zip(verdicts);
            pairs.filter(|(_, v)| **v == Verdict::Counted).map(|(cast, _)| batch.values(cast))
        };
        let mut increments: Vec<_> = definition.tallies.iter().flat_map(|t| tally(t, counted())).collect();
        increments.sort();
        Ok(Self { increments, ..Self::uncounted(batch, verdicts) })
    }

    /// The entry of a batch of which no ballot counts, for example because nobody knows its contest.
    pub fn dead(batch: &Batch<'_>) -> Self {
        Self::uncounted(batch, &vec![Verdict::Dead; batch.casts.len()])
    }

    fn uncounted(batch: &Batch<'_>, verdicts: &[Verdict]) -> Self {
        let header = &batch.header;
        let of = |wanted: Verdict| verdicts.iter().filter(|v| **v == wanted).count() as u64;
        let conflicting = of(Verdict::Conflicting);
        Self {
            batch: header.batch,
            contest: header.contest.clone(),
            revision: header.revision,
            slot: header.slot,
            producer: header.producer,
            number: header.number,
            cumulative: header.cumulative,
            confirmed: header.confirmed,
            last: header.last,
            time: header.time,
            ballots: verdicts.len() as u64,
            counted: of(Verdict::Counted),
            duplicate: of(Verdict::Duplicate) + conflicting,
            conflicting,
            over_limit: of(Verdict::OverLimit),
            dead: of(Verdict::Dead),
            increments: vec![],
        }
    }
}

/// What one tally gains, by key.
fn tally<'b>(tally: &Tally, ballots: impl Iterator<Item = &'b [Value<'b>]>) -> Vec<Increment> {
    let mut amounts: HashMap<Cow<'b, str>, i64> = HashMap::new();
    for values in ballots.filter(|values| tally.conditions.iter().all(|c| meets(c, values))) {
        *amounts.entry(key(tally, values)).or_default() += amount(tally, values);
    }
    let increment =
        |(key, amount): (Cow<'_, str>, i64)| Increment { tally: tally.name.clone(), key: key.into_owned(), amount };
    amounts.into_iter().map(increment).collect()
}

fn meets(condition: &Condition, values: &[Value<'_>]) -> bool {
    match (&condition.value, values.get(condition.field)) {
        (Wanted::Text(wanted), Some(Value::Text(text))) => wanted == text,
        (Wanted::Integer(wanted), Some(Value::Integer(number))) => wanted == number,
        _ => false,
    }
}

fn amount(tally: &Tally, values: &[Value<'_>]) -> i64 {
    match tally.sum.map(|field| values.get(field)) {
        None => 1,
        Some(Some(Value::Integer(number))) => *number,
        Some(_) => 0,
    }
}

/// The key of one ballot; of one text field it is borrowed.
fn key<'b>(tally: &Tally, values: &'b [Value<'b>]) -> Cow<'b, str> {
    if let [field] = tally.by.as_slice()
        && let Some(Value::Text(text)) = values.get(*field)
    {
        return Cow::Borrowed(text);
    }
    let mut key = String::with_capacity(64);
    for (i, field) in tally.by.iter().enumerate() {
        if i > 0 {
            key.push(SEPARATOR);
        }
        match values.get(*field) {
            Some(Value::Text(text)) => key.push_str(text),
            Some(Value::Integer(number)) => key.push_str(&number.to_string()),
            Some(Value::Missing) | None => {}
        }
    }
    Cow::Owned(key)
}
