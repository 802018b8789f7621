//! Blobs in one table of the embedded database.

use async_trait::async_trait;
use bytes::Bytes;
use embedded::Database;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{Blobs, Entry, Error};

/// `body` stands last, so that lists do not read it.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS blobs (
        key TEXT NOT NULL PRIMARY KEY,
        modified INTEGER NOT NULL,
        body BLOB NOT NULL
    );";

/// `RETURNING` would be an answer too, but a count costs no second step.
const CREATE: &str = "INSERT INTO blobs (key, modified, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
const PUT: &str = "INSERT INTO blobs (key, modified, body) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET modified = excluded.modified, body = excluded.body";
const GET: &str = "SELECT body FROM blobs WHERE key = ?1";
const LIST: &str = "SELECT key, modified FROM blobs WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3";
const DELETE: &str = "DELETE FROM blobs WHERE key = ?1";
const READ_ALL: &str =
    "SELECT key, body FROM blobs WHERE key > ?1 AND key < ?2 AND substr(key, -length(?3)) = ?3 ORDER BY key";

/// Entries that a list reads on the caller's thread: a task's records are fewer, and to read them takes less than to
/// hand them to another thread.
const AT_ONCE: usize = 64;

/// Blobs of a data folder.
#[derive(Debug, Clone)]
pub struct EmbeddedBlobs(Database);

impl From<embedded::Error> for Error {
    fn from(error: embedded::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl EmbeddedBlobs {
    /// Makes the table where it is absent.
    pub async fn open(database: Database) -> Result<Self, Error> {
        database.create(SCHEMA).await?;
        Ok(Self(database))
    }

    async fn insert(&self, statement: &'static str, key: &str, body: Bytes) -> Result<bool, Error> {
        let (key, modified) = (key.to_owned(), Timestamp::now().as_millisecond());
        let inserted =
            self.0.write_one(move |tx| tx.prepare_cached(statement)?.execute(params![key, modified, &*body]));
        Ok(inserted.await? == 1)
    }
}

/// The first key that no longer begins with `prefix`: `0` follows `/`, and every key sorts before `~`.
fn end(prefix: &str) -> String {
    prefix.strip_suffix('/').map_or_else(|| "~".to_owned(), |stem| format!("{stem}0"))
}

fn entries(db: &Connection, from: &str, end: &str, limit: usize) -> rusqlite::Result<Vec<Entry>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let entry = |row: &Row<'_>| {
        let modified = Timestamp::from_millisecond(row.get(1)?).unwrap_or_default();
        Ok(Entry { key: row.get(0)?, modified })
    };
    db.prepare_cached(LIST)?.query_map(params![from, end, limit], entry)?.collect()
}

#[async_trait]
impl Blobs for EmbeddedBlobs {
    async fn create(&self, key: &str, body: Bytes) -> Result<bool, Error> {
        self.insert(CREATE, key, body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Error> {
        self.insert(PUT, key, body).await.map(drop)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let body =
            self.0.read(|db| db.prepare_cached(GET)?.query_row([key], |row| row.get::<_, Vec<u8>>(0)).optional())?;
        Ok(body.map(Bytes::from))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        let from = after.filter(|a| *a > prefix).unwrap_or(prefix);
        let end = end(prefix);
        let few = self.0.read(|db| entries(db, from, &end, limit.min(AT_ONCE)))?;
        if few.len() < AT_ONCE || few.len() == limit {
            return Ok(few);
        }
        let from = from.to_owned();
        Ok(self.0.scan(move |db| entries(db, &from, &end, limit)).await?)
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.0.write_one(move |tx| tx.prepare_cached(DELETE)?.execute([key])).await?;
        Ok(())
    }

    async fn read_all(&self, prefix: &str, name: &str) -> Result<Vec<(String, Bytes)>, Error> {
        let suffix = format!("/{name}");
        let rows = self.0.read(|db| {
            let row = |row: &Row<'_>| Ok((row.get(0)?, Bytes::from(row.get::<_, Vec<u8>>(1)?)));
            db.prepare_cached(READ_ALL)?.query_map(params![prefix, end(prefix), suffix], row)?.collect()
        });
        Ok(rows?)
    }
}
