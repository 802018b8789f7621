//! Temporary folders that go even when the test process is killed.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::reaper;

/// A temporary folder; removed when dropped and when the test process dies. With `TESTKIT_KEEP`
/// set it stays, for a look at the logs.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    removed_on_drop: Option<TempDir>,
}

impl Folder {
    /// A new one; its name tells what it is for.
    ///
    /// # Panics
    /// Where the folder of temporary files cannot be written to.
    pub fn new(purpose: &str) -> Self {
        let made = tempfile::Builder::new().prefix(&format!("marea-test-{purpose}-")).tempdir();
        let made = made.expect("the folder of temporary files is writable (set TMPDIR)");
        if std::env::var_os("TESTKIT_KEEP").is_some() {
            return Self { path: made.keep(), removed_on_drop: None };
        }
        reaper::remove_at_end(made.path());
        Self { path: made.path().to_owned(), removed_on_drop: Some(made) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into it, and gives its path.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, content).expect("a folder of our own is writable");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.removed_on_drop.take().is_some() {
            reaper::forget_folder(&self.path);
        }
    }
}
