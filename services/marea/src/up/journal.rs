//! The sandbox' objects in the embedded database, so that the simulated cluster outlives the process.

use std::sync::Arc;

use async_trait::async_trait;
use embedded::{Database, rusqlite};
use sandbox::{Change, Error, Journal, Restored};
use serde_json::Value;

#[cfg(test)]
mod tests;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS sandbox_objects (key TEXT PRIMARY KEY, object TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sandbox_version (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), version INTEGER NOT NULL);
";

/// Keeps changes of the sandbox in the embedded database.
pub struct EmbeddedJournal(Database);

impl EmbeddedJournal {
    /// The journal, and what an earlier process kept in it.
    pub async fn open(database: Database) -> Result<(Self, Option<Restored>), embedded::Error> {
        database.create(SCHEMA).await?;
        let restored = database.scan(restore).await?;
        Ok((Self(database), restored))
    }
}

fn restore(connection: &rusqlite::Connection) -> rusqlite::Result<Option<Restored>> {
    let version =
        connection.query_row("SELECT max(version) FROM sandbox_version", [], |row| row.get::<_, Option<i64>>(0))?;
    let Some(version) = version else { return Ok(None) };
    let version = version.cast_unsigned();
    let mut select = connection.prepare("SELECT object FROM sandbox_objects")?;
    let rows = select.query_map([], |row| row.get::<_, String>(0))?;
    let objects = rows.map(|row| row.and_then(|text| parse(&text))).collect::<Result<_, _>>()?;
    Ok(Some(Restored { version, objects }))
}

fn parse(text: &str) -> rusqlite::Result<Arc<Value>> {
    let unreadable = |e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e));
    serde_json::from_str(text).map(Arc::new).map_err(unreadable)
}

#[async_trait]
impl Journal for EmbeddedJournal {
    async fn append(&self, changes: &[Change]) -> Result<(), Error> {
        let rows: Vec<_> =
            changes.iter().map(|c| (c.key.clone(), c.object.as_ref().map(|object| object.to_string()))).collect();
        // SQLite's integers are signed; the version never comes near their bound.
        let version = changes.iter().map(|c| c.version).max().unwrap_or(0).cast_signed();
        self.0.write(move |transaction| write(transaction, &rows, version)).await.map_err(|e| Error(e.to_string()))
    }
}

fn write(
    transaction: &rusqlite::Transaction<'_>,
    rows: &[(String, Option<String>)],
    version: i64,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO sandbox_objects (key, object) VALUES (?1, ?2)")?;
    let mut remove = transaction.prepare_cached("DELETE FROM sandbox_objects WHERE key = ?1")?;
    for (key, object) in rows {
        match object {
            Some(object) => put.execute((key, object))?,
            None => remove.execute([key])?,
        };
    }
    let keep = "INSERT INTO sandbox_version (only_row, version) VALUES (1, ?1)
                ON CONFLICT (only_row) DO UPDATE SET version = max(version, excluded.version)";
    transaction.prepare_cached(keep)?.execute([version]).map(drop)
}
