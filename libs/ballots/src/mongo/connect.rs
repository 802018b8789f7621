//! How MongoDB is reached, and the indexes that must be there.

use std::{sync::Arc, sync::atomic::AtomicBool, time::Duration};

use mongodb::{
    Client, Database, IndexModel,
    bson::{Document, doc},
    options::{ClientOptions, IndexOptions, ReadConcern, SelectionCriteria, WriteConcern},
};

use super::{MongoBallots, Store};

/// A server is found within this time or the operation fails: a replica set elects a primary in a few seconds, and
/// whoever waits is tried again.
const SELECTION: Duration = Duration::from_secs(5);
/// A TCP connection and its greeting, in one region.
const CONNECT: Duration = Duration::from_secs(2);
/// The database where the URL names none.
const DATABASE: &str = "marea";

/// Why ballots in MongoDB cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is wrong. It is not repeated: it may hold a password.
    #[error(
        "the MongoDB URL is not valid; expected mongodb://user:password@host:27017,host:27017/database?replicaSet=name"
    )]
    Url,
    /// Nobody answers there.
    #[error("mongodb cannot be reached: {0}")]
    Unreachable(String),
}

impl MongoBallots {
    /// Connects to `mongodb://host,host/database?replicaSet=name` and makes the indexes where they are absent.
    /// Read preference, read and write concerns of the URL do not hold: ours are what exactness rests on.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        // The driver's words may repeat the URL.
        let mut options = ClientOptions::parse(url).await.map_err(|_| ConnectError::Url)?;
        options.app_name = Some("marea".to_owned());
        options.server_selection_timeout = Some(SELECTION);
        options.connect_timeout = Some(CONNECT);
        let journaled = WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true).build();
        options.write_concern = Some(journaled);
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(mongodb::options::ReadPreference::Primary));
        let name = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
        let client = Client::with_options(options).map_err(|_| ConnectError::Url)?;
        let store = Store::of(client.database(&name));
        store.index().await.map_err(|e| ConnectError::Unreachable(e.to_string()))?;
        Ok(Self(Arc::new(store)))
    }
}

impl Store {
    fn of(database: Database) -> Self {
        let collection = |name| database.collection::<Document>(name);
        Self {
            ballots: collection("ballots"),
            claims: collection("claims"),
            keys: collection("keys"),
            ledger: collection("ledger"),
            contests: collection("contests"),
            producers: collection("producers"),
            known: parking_lot::Mutex::default(),
            known_producers: parking_lot::Mutex::default(),
            folded: super::snapshot::Folded::default(),
            down: AtomicBool::new(false),
            database: database.clone(),
        }
    }

    async fn index(&self) -> mongodb::error::Result<()> {
        // Rows go at their `ends`; those that have none are not in it.
        let ending = IndexOptions::builder().expire_after(Duration::ZERO).sparse(true).build();
        let ends = IndexModel::builder().keys(doc! { "ends": 1 }).options(ending).build();
        let plain = |keys| IndexModel::builder().keys(keys).build();
        let newest = plain(doc! { "contest": 1, "time": -1, "_id": -1 });
        self.ballots.create_indexes([newest, ends.clone()]).await?;
        let unique = IndexOptions::builder().unique(true).build();
        let one_place = |keys| IndexModel::builder().keys(keys).options(unique.clone()).build();
        self.claims.create_indexes([plain(doc! { "voter": 1 }), one_place(doc! { "ballot": 1 }), ends]).await?;
        self.keys.create_index(one_place(doc! { "key": 1 })).await?;
        let ledger = [
            plain(doc! { "contest": 1, "_id": 1 }),
            plain(doc! { "contest": 1, "mark": 1, "added": 1 }),
            plain(doc! { "contest": 1, "producer": 1, "number": -1 }),
        ];
        self.ledger.create_indexes(ledger).await?;
        self.producers.create_index(plain(doc! { "contest": 1 })).await?;
        Ok(())
    }
}
