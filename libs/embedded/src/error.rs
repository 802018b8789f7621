//! What can go wrong.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the database did not do as told.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Another process has the data folder open.
    #[error("the data folder is in use by process {pid}; stop it, or choose another folder")]
    InUse {
        /// The process; 0 where it could not be told.
        pid: u32,
    },
    /// The data folder cannot be made, opened or locked.
    #[error("the data folder {} cannot be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// SQLite refused a statement; nothing of its closure was kept.
    #[error("the embedded database failed: {0}")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// The commit failed; nothing of its whole batch was kept.
    #[error("the embedded database could not commit: {0}")]
    Commit(#[source] Arc<rusqlite::Error>),
    /// The closure panicked; nothing of it was kept.
    #[error("a write to the embedded database panicked")]
    Panicked,
    /// The writer is gone.
    #[error("the embedded database is closed")]
    Closed,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}
