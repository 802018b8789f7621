//! The places of a tally's keys: one document each, by the place's number, and no key has two.

use futures::TryStreamExt;
use mongodb::bson::{Binary, Bson, Document, doc, spec::BinarySubtype};

use super::{CHUNK, Store, corrupt, insert::duplicates};
use crate::{Error, KeyDigest};

/// Numbers of places sort as text does.
fn id(contest: &str, tally: &str, place: usize) -> String {
    format!("{contest}/{tally}/{place:08}")
}

/// The key, of its contest and tally.
fn key(contest: &str, tally: &str, digest: KeyDigest) -> Document {
    let bytes = Binary { subtype: BinarySubtype::Generic, bytes: digest.0.to_vec() };
    doc! { "tally": format!("{contest}/{tally}"), "digest": bytes }
}

pub(super) async fn take(
    store: &Store,
    contest: &str,
    tally: &str,
    from: usize,
    keys: &[KeyDigest],
) -> Result<Vec<KeyDigest>, Error> {
    let row = |(place, digest): (usize, &KeyDigest)| {
        doc! { "_id": id(contest, tally, place), "key": key(contest, tally, *digest) }
    };
    let rows: Vec<Document> = (from..).zip(keys).map(row).collect();
    for chunk in rows.chunks(CHUNK) {
        // In order: the first that is refused ends it, so that no place is left free between two.
        if let Err(error) = store.keys.insert_many(chunk).ordered(true).await {
            duplicates(error)?;
            return held(store, contest, tally, from).await;
        }
    }
    // All of them are new, and whatever follows them is asked for with the next ones.
    Ok(keys.to_vec())
}

/// The keys of the places from `from` on.
async fn held(store: &Store, contest: &str, tally: &str, from: usize) -> Result<Vec<KeyDigest>, Error> {
    // What follows the digits.
    let all = doc! { "$gte": id(contest, tally, from), "$lt": format!("{contest}/{tally}/:") };
    let mut rows = store.keys.find(doc! { "_id": all }).sort(doc! { "_id": 1 }).await?;
    let mut held = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let digest = row.get_document("key").ok().and_then(|key| key.get("digest"));
        let Some(Bson::Binary(digest)) = digest else { return Err(corrupt("key")) };
        held.push(KeyDigest(digest.bytes.as_slice().try_into().map_err(|_| corrupt("key"))?));
    }
    Ok(held)
}
