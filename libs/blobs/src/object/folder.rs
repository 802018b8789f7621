//! What object_store leaves open for a folder: lists in the order of keys that need not walk the
//! whole tree, deletes that survive power loss, and creates that share their syncs of folders.

mod create;
mod sync;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, DirEntry},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;

use self::create::Creator;
use crate::{Entry, Error};

/// The folder of an [`super::ObjectBlobs`].
#[derive(Clone)]
pub(super) struct Folder {
    root: PathBuf,
    deadline: Duration,
    creator: Arc<Creator>,
}

impl Folder {
    pub(super) fn new(root: PathBuf, deadline: Duration) -> Self {
        Self { creator: Arc::new(Creator::new(root.clone())), root, deadline }
    }

    /// Writes a file where there is none.
    pub(super) async fn create(&self, key: &str, body: Bytes) -> Result<bool, Error> {
        let (creator, key) = (self.creator.clone(), key.to_owned());
        self.blocking(move |root| creator.create(&root.join(key), &body)).await
    }

    /// Reads a file.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let key = key.to_owned();
        self.blocking(move |root| read(&root.join(key))).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let root = self.root.clone();
        let task = tokio::task::spawn_blocking(move || work(&root));
        match tokio::time::timeout(self.deadline, task).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => Err(Error::Unavailable(error.to_string())),
            Ok(Err(panicked)) => Err(Error::Unavailable(panicked.to_string())),
            Err(_) => Err(Error::Unavailable("the folder does not answer".to_owned())),
        }
    }

    pub(super) async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        let mut walk = Walk { after: after.unwrap_or("").to_owned(), limit, found: vec![] };
        let prefix = prefix.to_owned();
        self.blocking(move |root| walk.visit(&root.join(&prefix), &prefix).map(|()| walk.found)).await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.blocking(move |root| remove(&root.join(key))).await
    }
}

/// A folder, or what lies below a file, is no blob.
fn read(path: &Path) -> io::Result<Option<Bytes>> {
    match fs::read(path) {
        Ok(body) => Ok(Some(body.into())),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Without the sync a removed file, for example a token, may be back after power loss.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => path.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// A walk in the order of keys.
struct Walk {
    after: String,
    limit: usize,
    found: Vec<Entry>,
}

impl Walk {
    /// `prefix` is empty or ends with `/`, and is the folder's key.
    fn visit(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let mut children = entries.map(|entry| child(&entry?, prefix)).collect::<io::Result<Vec<_>>>()?;
        children.sort_unstable();
        for key in children.into_iter().flatten() {
            if self.found.len() >= self.limit {
                break;
            }
            let name = key.strip_prefix(prefix).unwrap_or(&key);
            let path = folder.join(name);
            if !key.ends_with('/') {
                self.take(&path, key)?;
            } else if key > self.after || self.after.starts_with(&key) {
                self.visit(&path, &key)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &Path, key: String) -> io::Result<()> {
        if key <= self.after {
            return Ok(());
        }
        match fs::metadata(path).and_then(|meta| meta.modified()) {
            Ok(time) => self.found.push(Entry { key, modified: Timestamp::try_from(time).unwrap_or_default() }),
            // Deleted since the folder was read.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// The key of a file, or of a folder with a `/` behind it, so that keys sort as those of whole paths do.
/// `None` for what is no blob: object_store's unfinished writes have a `#` in their names.
fn child(entry: &DirEntry, prefix: &str) -> io::Result<Option<String>> {
    let Ok(name) = entry.file_name().into_string() else { return Ok(None) };
    let slash = if entry.file_type()?.is_dir() { "/" } else { "" };
    Ok((!name.contains('#')).then(|| format!("{prefix}{name}{slash}")))
}
