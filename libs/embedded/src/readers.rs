//! Pooled read-only connections: in WAL mode readers never wait for the writer.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// Idle connections that are kept: reads run on the runtime's threads, so that more never read at once for long.
const IDLE: usize = 8;
/// Pages that a connection keeps, in KiB: the inner pages of the trees of some 100,000 tasks, so that a look-up reads
/// little but the page that it wants. SQLite's own choice is 2 MiB. Taken only as pages are read.
const PAGES_KIB: i64 = 8 << 10;
/// Statements that a connection keeps prepared.
pub(crate) const STATEMENTS: usize = 128;

/// The pool.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    /// Runs the closure in one read transaction, so that all its statements see one state.
    pub(crate) fn run<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let pooled = self.idle.lock().pop();
        let connection = pooled.map_or_else(|| self.open(), Ok)?;
        // Prepared once a connection: to parse them takes longer than many a look-up. A panic drops the connection.
        execute(&connection, "BEGIN")?;
        let answer = read(&connection);
        execute(&connection, "COMMIT")?;
        self.give_back(connection);
        answer
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        prepare_often(&connection)?;
        // Negative: kibibytes, not pages.
        connection.pragma_update(None, "cache_size", -PAGES_KIB)?;
        Ok(connection)
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Keeps statements prepared. Without the stability guarantee SQLite prepares those with a bound `LIMIT` or range
/// again at each use, for a better plan may fit the values; ours are planned for any.
pub(crate) fn prepare_often(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}
