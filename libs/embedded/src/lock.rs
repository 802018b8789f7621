//! One process a data folder: a lock file that the system releases when its holder dies.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::Error;

#[cfg(test)]
mod tests;

/// The lock file's name.
const NAME: &str = "marea.lock";

/// Holds the data folder until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Lock {
    /// Makes the folder where it is absent, and locks it.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Folder { path: folder.to_owned(), source: Arc::new(source) };
        // What is kept holds Secrets: it is nobody else's to read.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let mut file = open(folder).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { pid: holder(&mut file) }),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        sign(&mut file).map_err(failed)?;
        // The folder's own entry must outlive a power loss too; not every file system can sync a folder.
        let _unsupported = File::open(folder.parent().unwrap_or(folder)).and_then(|parent| parent.sync_all());
        Ok(Self(file))
    }
}

fn open(folder: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(NAME))
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> u32 {
    let mut pid = String::new();
    file.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok()).unwrap_or(0)
}
