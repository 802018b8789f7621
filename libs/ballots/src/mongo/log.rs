//! The log's rows.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contests::{Value, definition::Wanted};
use futures::TryStreamExt;
use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use sha2::{Digest, Sha256};

use super::{DEADLINE, Store, corrupt, date, ledger};
use crate::{Error, Logged, Page, Query, Row};

/// Rows of a page, one more, and where the next begins.
pub(super) async fn query(store: &Store, contest: &str, query: &Query) -> Result<Page, Error> {
    let after = match query.cursor.as_deref().and_then(Place::read) {
        Some(place) => Some(after(store, contest, &place).await?),
        // A cursor that is none begins anew.
        None => None,
    };
    let order = doc! { "contest": 1, "time": -1, "_id": -1 };
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let keys = match &query.id {
        Some(id) => Some(keys(store, contest, id).await?),
        None => None,
    };
    // What nobody waits for any more the server need not look for: a filter that fits nothing reads a contest's whole log.
    let mut found = store
        .ballots
        .find(wanted(contest, query, keys, after))
        .sort(order)
        .limit(limit.saturating_add(1))
        .max_time(DEADLINE)
        .await?;
    let mut page = Page::default();
    let mut last = None;
    while let Some(document) = found.try_next().await? {
        if page.rows.len() == query.limit {
            page.next = last;
            break;
        }
        last = Some(Place::of(&document)?.written());
        page.rows.push(row(&document)?);
    }
    Ok(page)
}

/// The `_id`s that a contest's ballots of this id may have, one for each caller that it has rows of. These are looked for
/// from one to the next in the index of `_id`, by which the rows are found, too: the log has no index of ids.
async fn keys(store: &Store, contest: &str, id: &str) -> Result<Vec<String>, Error> {
    // What follows a slash: neither a contest's name nor a caller's holds one.
    let (mut from, end, mut keys) = (format!("{contest}/"), format!("{contest}0"), Vec::new());
    loop {
        let next = store.ballots.find_one(doc! { "_id": { "$gte": &from, "$lt": &end } }).sort(doc! { "_id": 1 });
        let Some(row) = next.projection(doc! { "caller": 1 }).max_time(DEADLINE).await? else { return Ok(keys) };
        let caller = row.get_str("caller").map_err(|_| corrupt("caller"))?;
        keys.push(format!("{contest}/{caller}/{id}"));
        from = format!("{contest}/{caller}0");
    }
}

fn wanted(contest: &str, query: &Query, keys: Option<Vec<String>>, after: Option<Document>) -> Document {
    let mut all = vec![doc! { "contest": contest }];
    for (name, value) in &query.fields {
        let value: Bson = match value {
            Wanted::Text(text) => text.as_str().into(),
            Wanted::Integer(number) => (*number).into(),
        };
        all.push(doc! { format!("fields.{name}"): { "$eq": value } });
    }
    all.extend(keys.map(|keys| doc! { "_id": { "$in": keys } }));
    all.extend(query.voter.as_ref().map(|voter| doc! { "voter": { "$eq": voter } }));
    all.extend(query.since.map(|since| doc! { "time": { "$gte": date(since) } }));
    all.extend(query.until.map(|until| doc! { "time": { "$lt": date(until) } }));
    all.extend(query.counted.map(|counted| match counted {
        true => doc! { "over_limit": { "$exists": false } },
        false => doc! { "over_limit": true },
    }));
    all.extend(after);
    doc! { "$and": all }
}

/// A row's place in the log, as whoever may read the log may know it: a row's `_id` has its caller's tenant in it.
struct Place {
    milliseconds: i64,
    id: String,
    /// Of its `_id`: callers may have used one id at one time.
    digest: [u8; 8],
}

fn digest(id: &str) -> [u8; 8] {
    let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    *hash.first_chunk().expect("SHA-256 has 32 bytes")
}

impl Place {
    fn of(row: &Document) -> Result<Self, Error> {
        let text = |field| row.get_str(field).map_err(|_| corrupt(field));
        let milliseconds = ledger::time(row, "time")?.as_millisecond();
        Ok(Self { milliseconds, id: text("id")?.to_owned(), digest: digest(text("_id")?) })
    }

    fn written(&self) -> String {
        let bytes = [&self.milliseconds.to_be_bytes()[..], &self.digest, self.id.as_bytes()].concat();
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(cursor: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (milliseconds, rest) = bytes.split_first_chunk()?;
        let (digest, id) = rest.split_first_chunk()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some(Self { milliseconds: i64::from_be_bytes(*milliseconds), id, digest: *digest })
    }
}

/// What comes after a row; where it was dropped meanwhile, what was cast before it.
async fn after(store: &Store, contest: &str, place: &Place) -> Result<Document, Error> {
    let time = Timestamp::from_millisecond(place.milliseconds).map_or(date(Timestamp::MAX), date);
    let same = doc! { "contest": contest, "time": time, "id": { "$eq": &place.id } };
    let mut found = store.ballots.find(same).await?;
    while let Some(row) = found.try_next().await? {
        let id = row.get_str("_id").map_err(|_| corrupt("_id"))?;
        if digest(id) == place.digest {
            return Ok(
                doc! { "time": { "$lte": time }, "$or": [{ "time": { "$lt": time } }, { "_id": { "$lt": id } }] },
            );
        }
    }
    Ok(doc! { "time": { "$lt": time } })
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
