//! Syncs of folders, shared by all who ask for one while another is under way.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Condvar, Mutex};

/// Syncs folders. A folder is kept here only while somebody waits for it.
#[derive(Default)]
pub(super) struct Syncs(Mutex<HashMap<PathBuf, Arc<Turns>>>);

/// Syncs of one folder, counted.
#[derive(Default)]
struct Turns {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// The last one that began, and whether it is under way.
    begun: u64,
    running: bool,
    /// The last one that succeeded.
    done: u64,
}

impl Syncs {
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Returns after a sync of the folder that began after this call did.
    pub(super) fn sync(&self, folder: &Path) -> io::Result<()> {
        let turns = self.0.lock().entry(folder.to_owned()).or_default().clone();
        let synced = turns.sync(folder);
        let mut all = self.0.lock();
        drop(turns);
        if all.get(folder).is_some_and(|turns| Arc::strong_count(turns) == 1) {
            all.remove(folder);
        }
        synced
    }
}

impl Turns {
    fn sync(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let mine = state.begun + 1;
        while state.done < mine {
            if state.running {
                self.ended.wait(&mut state);
                continue;
            }
            state.begun += 1;
            state.running = true;
            let turn = state.begun;
            drop(state);
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            state = self.state.lock();
            state.running = false;
            self.ended.notify_all();
            synced?;
            state.done = turn;
        }
        Ok(())
    }
}
