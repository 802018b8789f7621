//! The key that outcomes are drawn with: made once and kept, so that a ballot sent again draws the same for ever.

use bootstrap::Secret;
use embedded::{Database, rusqlite};

const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS draw_key (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), key TEXT NOT NULL);";

/// The data folder's key; `fresh` where it has none.
pub async fn kept(database: &Database, fresh: Secret) -> Result<Secret, embedded::Error> {
    database.create(SCHEMA).await?;
    let key = database.write(move |transaction| keep(transaction, fresh.expose())).await?;
    Ok(key.into())
}

fn keep(transaction: &rusqlite::Transaction<'_>, fresh: &str) -> rusqlite::Result<String> {
    transaction.execute("INSERT OR IGNORE INTO draw_key (only_row, key) VALUES (1, ?1)", [fresh])?;
    transaction.query_row("SELECT key FROM draw_key", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_key_is_kept() {
        let database = Database::ephemeral().expect("a database");
        for fresh in ["first", "second"] {
            let key = kept(&database, fresh.to_owned().into()).await.expect("kept");
            assert_eq!(key.expose(), "first");
        }
    }
}
