//! The log's rows.

use contests::{Value, definition::Wanted};
use futures::TryStreamExt;
use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use super::{Store, corrupt, date, ledger};
use crate::{Error, Logged, Page, Query, Row};

/// Rows of a page, one more, and where the next begins: `<milliseconds>/<_id>`.
pub(super) async fn query(store: &Store, contest: &str, query: &Query) -> Result<Page, Error> {
    let order = doc! { "contest": 1, "time": -1, "_id": -1 };
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let mut found = store.ballots.find(wanted(contest, query)).sort(order).limit(limit.saturating_add(1)).await?;
    let mut page = Page::default();
    let mut last = None;
    while let Some(document) = found.try_next().await? {
        if page.rows.len() == query.limit {
            page.next = last;
            break;
        }
        let id = document.get_str("_id").map_err(|_| corrupt("_id"))?;
        last = Some(format!("{}/{id}", ledger::time(&document, "time")?.as_millisecond()));
        page.rows.push(row(&document)?);
    }
    Ok(page)
}

fn wanted(contest: &str, query: &Query) -> Document {
    let mut all = vec![doc! { "contest": contest }];
    for (name, value) in &query.fields {
        let value: Bson = match value {
            Wanted::Text(text) => text.as_str().into(),
            Wanted::Integer(number) => (*number).into(),
        };
        all.push(doc! { format!("fields.{name}"): { "$eq": value } });
    }
    all.extend(query.id.as_ref().map(|id| doc! { "id": { "$eq": id } }));
    all.extend(query.voter.as_ref().map(|voter| doc! { "voter": { "$eq": voter } }));
    all.extend(query.since.map(|since| doc! { "time": { "$gte": date(since) } }));
    all.extend(query.until.map(|until| doc! { "time": { "$lt": date(until) } }));
    all.extend(query.counted.map(|counted| match counted {
        true => doc! { "over_limit": { "$exists": false } },
        false => doc! { "over_limit": true },
    }));
    all.extend(query.cursor.as_deref().and_then(after));
    doc! { "$and": all }
}

/// What comes after a page; a cursor that is none begins anew.
fn after(cursor: &str) -> Option<Document> {
    let (time, id) = cursor.split_once('/')?;
    let time = date(Timestamp::from_millisecond(time.parse().ok()?).ok()?);
    Some(doc! { "time": { "$lte": time }, "$or": [{ "time": { "$lt": time } }, { "_id": { "$lt": id } }] })
}

fn row(document: &Document) -> Result<Row, Error> {
    let text = |field| document.get_str(field).map(str::to_owned).map_err(|_| corrupt(field));
    let fields = document.get_document("fields").map_err(|_| corrupt("fields"))?;
    let values = fields.iter().filter_map(|(name, value)| {
        let value = match value {
            Bson::String(text) => Value::Text(text.clone().into()),
            Bson::Int64(number) => Value::Integer(*number),
            Bson::Int32(number) => Value::Integer(i64::from(*number)),
            _ => return None,
        };
        Some((name.clone(), value))
    });
    Ok(Row {
        id: text("id")?,
        caller: text("caller")?,
        voter: document.get_str("voter").ok().map(str::to_owned),
        time: ledger::time(document, "time")?,
        batch: ledger::id(document, "batch")?,
        counted: !document.contains_key("over_limit"),
        values: values.collect(),
    })
}

pub(super) async fn logged(store: &Store, contest: &str) -> Result<Logged, Error> {
    let over_limit = store.ballots.count_documents(doc! { "contest": contest, "over_limit": true }).await?;
    let all = store.ballots.count_documents(doc! { "contest": contest }).await?;
    Ok(Logged { counted: all.saturating_sub(over_limit), over_limit })
}
