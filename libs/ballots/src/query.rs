//! Questions to the log.

use contests::{Batch, Value, Verdict, batch::Cast, definition::Wanted};
use jiff::Timestamp;
use uuid::Uuid;

/// Which rows of the log are asked for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Fields and what they must hold.
    pub fields: Vec<(String, Wanted)>,
    /// Its id.
    pub id: Option<String>,
    /// Its voter.
    pub voter: Option<String>,
    /// Cast then or later.
    pub since: Option<Timestamp>,
    /// Cast before.
    pub until: Option<Timestamp>,
    /// Only those that count, or only those above their voters' limit.
    pub counted: Option<bool>,
    /// Where to go on: [`Page::next`] of the page before.
    pub cursor: Option<String>,
    /// Rows of a page at most.
    pub limit: usize,
}

/// One page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The rows, newest first; fewer than asked for, even none, where the store has looked at its bound of rows.
    pub rows: Vec<Row>,
    /// The next page's `cursor`; `None`: this is the last one.
    pub next: Option<String>,
}

/// One ballot in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Who sent it: a token's tenant, or empty.
    pub caller: String,
    /// Who voted.
    pub voter: Option<String>,
    /// When it was cast: when its batch was cut.
    pub time: Timestamp,
    /// Its batch.
    pub batch: Uuid,
    /// Whether it counts; else it is above its voter's limit.
    pub counted: bool,
    /// Its fields that are not missing, in the definition's order.
    pub values: Vec<(String, Value<'static>)>,
}

impl Row {
    /// The row of one ballot of a batch.
    pub(crate) fn of(batch: &Batch<'_>, cast: &Cast<'_>, verdict: Verdict) -> Self {
        let named = batch.header.fields.iter().zip(batch.values(cast));
        let values = named.filter(|(_, value)| **value != Value::Missing);
        Self {
            id: cast.id.to_string(),
            caller: cast.caller.to_owned(),
            voter: cast.voter.map(str::to_owned),
            time: batch.header.time,
            batch: batch.header.batch,
            counted: verdict == Verdict::Counted,
            values: values.map(|(field, value)| (field.name.clone(), owned(value))).collect(),
        }
    }
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Missing => Value::Missing,
        Value::Text(text) => Value::Text(text.clone().into_owned().into()),
        Value::Integer(number) => Value::Integer(*number),
    }
}

fn is(wanted: &Wanted, value: &Value<'_>) -> bool {
    match (wanted, value) {
        (Wanted::Text(wanted), Value::Text(text)) => wanted == text,
        (Wanted::Integer(wanted), Value::Integer(number)) => wanted == number,
        _ => false,
    }
}

impl Query {
    /// Whether a ballot is asked for, its time aside.
    pub(crate) fn wants(&self, batch: &Batch<'_>, cast: &Cast<'_>, verdict: Verdict) -> bool {
        let at = |name: &str| batch.header.fields.iter().position(|field| field.name == name);
        let holds = |(name, wanted): &(String, Wanted)| {
            at(name).and_then(|at| batch.values(cast).get(at)).is_some_and(|value| is(wanted, value))
        };
        self.counted.is_none_or(|counted| counted == (verdict == Verdict::Counted))
            && self.voter.as_deref().is_none_or(|voter| cast.voter == Some(voter))
            && self.id.as_deref().is_none_or(|id| cast.id.to_string() == id)
            && self.fields.iter().all(holds)
    }
}
