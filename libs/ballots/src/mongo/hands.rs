//! What processes say of their hands.
//!
//! It is said anew all the time and worth nothing once it is old: the primary's word is enough.

use futures::TryStreamExt;
use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
    options::{Acknowledgment, CollectionOptions, ReadConcern, WriteConcern},
};
use uuid::Uuid;

use super::{Store, binary, corrupt, ledger, whole};
use crate::{Error, Hand};

fn hands(store: &Store) -> Collection<Document> {
    let noted = WriteConcern::builder().w(Acknowledgment::Nodes(1)).build();
    let options = CollectionOptions::builder().write_concern(noted).read_concern(ReadConcern::local()).build();
    store.database.collection_with_options("hands", options)
}

fn id(process: Uuid) -> Document {
    doc! { "_id": Bson::from(binary(process)) }
}

pub(super) async fn report(store: &Store, hand: &Hand) -> Result<(), Error> {
    let touched: Document = hand.touched.iter().map(|(name, last)| (name.clone(), Bson::from(whole(*last)))).collect();
    let said = doc! { "report": whole(hand.report), "turn": whole(hand.turn), "touched": touched };
    hands(store).replace_one(id(hand.process), said).upsert(true).await?;
    Ok(())
}

pub(super) async fn all(store: &Store) -> Result<Vec<Hand>, Error> {
    let mut found = hands(store).find(doc! {}).await?;
    let mut all = Vec::new();
    while let Some(row) = found.try_next().await? {
        let touched = row.get_document("touched").map_err(|_| corrupt("touched"))?;
        all.push(Hand {
            process: ledger::id(&row, "_id")?,
            report: ledger::number(&row, "report")?,
            turn: ledger::number(&row, "turn")?,
            touched: touched
                .keys()
                .map(|name| Ok((name.clone(), ledger::number(touched, name)?)))
                .collect::<Result<_, Error>>()?,
        });
    }
    Ok(all)
}

pub(super) async fn withdraw(store: &Store, process: Uuid) -> Result<(), Error> {
    hands(store).delete_one(id(process)).await?;
    Ok(())
}
