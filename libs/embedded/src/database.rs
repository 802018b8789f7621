//! The handle that the parts share.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::Error;
use crate::lock::Lock;
use crate::readers::{Readers, prepare_often};
use crate::writer::{self, Job, Keep, Write};

#[cfg(test)]
mod tests;

/// The database's file in the data folder.
const FILE: &str = "marea.db";

/// An open database. Cheap to clone; closed and unlocked when the last clone is dropped.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    // Declared in the order in which they must end: readers, then the writer, then the lock, then the folder.
    readers: Readers,
    writer: Option<Writer>,
    _lock: Lock,
    temporary: Option<TempDir>,
}

type Writer = (mpsc::Sender<Box<dyn Write>>, JoinHandle<()>);

impl Database {
    /// Opens `marea.db` in the folder, both made where absent. [`Error::InUse`] where another process has it.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        // FULL: in WAL mode the only level at which a commit survives power loss.
        Self::open_with(folder, "FULL", None)
    }

    /// A database in a temporary folder, removed when it is closed; nothing is synced.
    pub fn ephemeral() -> Result<Self, Error> {
        let temporary = tempfile::Builder::new()
            .prefix("marea-")
            .tempdir()
            .map_err(|source| Error::Folder { path: std::env::temp_dir(), source: Arc::new(source) })?;
        let folder = temporary.path().to_owned();
        Self::open_with(&folder, "OFF", Some(temporary))
    }

    fn open_with(folder: &Path, synchronous: &str, temporary: Option<TempDir>) -> Result<Self, Error> {
        let lock = Lock::take(folder)?;
        let path = folder.join(FILE);
        let connection = open_writer(&path, synchronous)?;
        let (sender, receiver) = mpsc::channel(writer::WAITING);
        let thread = std::thread::Builder::new()
            .name("embedded-writer".to_owned())
            .spawn(move || writer::run(connection, receiver))
            .map_err(|source| Error::Folder { path, source: Arc::new(source) })?;
        Ok(Self(Arc::new(Inner {
            readers: Readers::new(&folder.join(FILE)),
            writer: Some((sender, thread)),
            _lock: lock,
            temporary,
        })))
    }

    /// Removes the folder of an ephemeral database although handles are left; for the end of a process that abandons
    /// the tasks which have them.
    pub fn discard(&self) {
        if let Some(temporary) = &self.0.temporary
            && let Err(error) = std::fs::remove_dir_all(temporary.path())
        {
            tracing::warn!(%error, folder = %temporary.path().display(), "what was to be kept nowhere is left");
        }
    }

    /// Makes a part's tables; the statements say `IF NOT EXISTS`.
    pub async fn create(&self, schema: &'static str) -> Result<(), Error> {
        self.write(move |transaction| transaction.execute_batch(schema)).await
    }

    /// Writes in a group commit; answers once the commit is durable. All of the closure's changes are kept, or,
    /// where it returns an error or panics, none. It is run even when the returned future is dropped half-way.
    ///
    /// The closure runs on the writer's thread, in which every writer waits: prepare data before, and use
    /// `prepare_cached`.
    pub async fn write<T, F>(&self, write: F) -> Result<T, Error>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.queue(write, Keep::AllOrNothing).await
    }

    /// As [`Database::write`], for a closure that changes something by one statement at most, and by that at its end.
    /// SQLite keeps all of a statement or nothing, so that it needs no savepoint, which costs as much as a small
    /// write. What fails or panics after its statement is kept nevertheless.
    pub async fn write_one<T, F>(&self, write: F) -> Result<T, Error>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.queue(write, Keep::OneStatement).await
    }

    async fn queue<T, F>(&self, write: F, keep: Keep) -> Result<T, Error>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = Job::new(write, keep);
        let (sender, _) = self.0.writer.as_ref().expect("the writer ends with the last handle");
        sender.send(Box::new(job)).await.map_err(|_closed| Error::Closed)?;
        answer.await.map_err(|_closed| Error::Closed)?
    }

    /// Reads at once, on the caller's thread: for look-ups of microseconds. It sees every answered write.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        self.0.readers.run(read).map_err(Error::from)
    }

    /// Reads on a thread that may block: for scans of many rows.
    pub async fn scan<T, F>(&self, read: F) -> Result<T, Error>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.read(read)).await.unwrap_or(Err(Error::Panicked))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

impl Drop for Inner {
    /// Waits for the writes that were queued, so that the folder can be opened again at once.
    fn drop(&mut self) {
        let Some((sender, thread)) = self.writer.take() else { return };
        drop(sender);
        // A closure may hold the last handle: the writer cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            let _panicked = thread.join();
        }
    }
}

fn open_writer(path: &Path, synchronous: &str) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    prepare_often(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    // macOS: fsync alone leaves the data in the drive's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // Pages of 4 KiB: a checkpoint every 16 MiB keeps its share of a busy writer's time small.
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    // A WAL that once grew large behind a long reader gives its space back.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}
