//! Files that are created whole or not at all, and are there after power loss.
//!
//! object_store syncs the new file's folder twice and each folder above it anew, five syncs for the first record of a
//! task; here it is three, and one that all creates share which wait at that time.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use super::sync::Syncs;

/// Creates files below a root.
pub(super) struct Creator {
    root: PathBuf,
    syncs: Syncs,
    /// Folders that were made and whose entries in their parents may not be synced yet.
    fresh: Mutex<HashSet<PathBuf>>,
}

impl Creator {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, syncs: Syncs::default(), fresh: Mutex::default() }
    }

    /// Whether nothing of what was done is remembered.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.fresh.lock().is_empty() && self.syncs.is_idle()
    }

    /// Writes a file where there is none: `false` where there is one. That one is durable as well on return.
    pub(super) fn create(&self, path: &Path, body: &[u8]) -> io::Result<bool> {
        let (file, staged) = self.stage(path)?;
        let linked = write(file, body).and_then(|()| fs::hard_link(&staged, path));
        fs::remove_file(&staged)?;
        let created = match linked {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        self.sync_above(path)?;
        Ok(created)
    }

    /// A file of nobody else's beside the path. Its `#` keeps it out of lists; one that a crash left is passed over.
    fn stage(&self, path: &Path) -> io::Result<(File, PathBuf)> {
        for number in 1_u64.. {
            let mut staged = path.as_os_str().to_owned();
            staged.push(format!("#{number}"));
            match File::create_new(&staged) {
                Ok(file) => return Ok((file, staged.into())),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == ErrorKind::NotFound && number == 1 => self.make_folder(path.parent())?,
                Err(error) => return Err(error),
            }
        }
        unreachable!("there are more numbers than files")
    }

    fn make_folder(&self, folder: Option<&Path>) -> io::Result<()> {
        let missing = folder.into_iter().flat_map(Path::ancestors).take_while(|folder| !folder.exists());
        let missing: Vec<&Path> = missing.collect();
        for folder in missing.into_iter().rev() {
            // Before it can be seen, so that whoever finds it there knows that it may not be durable.
            self.fresh.lock().insert(folder.to_owned());
            match fs::create_dir(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the entry of a file durable, and those of the folders above it that are new.
    fn sync_above(&self, path: &Path) -> io::Result<()> {
        let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
        for (depth, folder) in folders.enumerate() {
            if depth == 0 {
                self.syncs.sync(folder)?;
            }
            let fresh = self.fresh.lock().contains(folder);
            if let Some(parent) = folder.parent().filter(|_| fresh) {
                self.syncs.sync(parent)?;
                self.fresh.lock().remove(folder);
            }
        }
        Ok(())
    }
}

fn write(mut file: File, body: &[u8]) -> io::Result<()> {
    file.write_all(body)?;
    file.sync_all()
}
