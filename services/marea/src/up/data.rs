//! The data folder: made, marked, started anew.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use embedded::{Database, Error};

use crate::{cli::Up, failure::Failure};

#[cfg(test)]
mod tests;

/// Says that the folder is ours, and keeps it out of version control.
const MARK: &str = ".gitignore";
/// What the mark holds: a folder with another one is not ours.
const MARKED: &str = "# made by marea up; all of it may be deleted while it does not run\n*\n";
/// What an earlier `up` keeps in its folder.
const OURS: [&str; 5] = ["marea.db", "marea.db-wal", "marea.db-shm", "marea.lock", MARK];

/// Opens the database of the data folder, or one that keeps nothing.
pub fn open(options: &Up, folder: &Path) -> Result<Database, Failure> {
    if options.ephemeral {
        return Database::ephemeral().map_err(failed);
    }
    if options.reset {
        reset(folder)?;
    }
    refuse_foreign(folder)?;
    let database = Database::open(folder).map_err(failed)?;
    fs::write(folder.join(MARK), MARKED).map_err(|e| unusable(folder, &e))?;
    Ok(database)
}

/// A folder with other things in it must not get ours among them.
fn refuse_foreign(folder: &Path) -> Result<(), Failure> {
    let own = OURS.iter().any(|name| folder.join(name).exists());
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(folder, &error)),
    };
    match entries.next() {
        Some(_) if !own => Err(Failure::usage(format!("{} holds other files", folder.display()))
            .hint("choose an empty or a new folder: --data DIR")),
        _ => Ok(()),
    }
}

/// Deletes what an earlier `up` made, and nothing else. Opening first makes sure that nobody uses it.
fn reset(folder: &Path) -> Result<(), Failure> {
    if !folder.exists() {
        return Ok(());
    }
    let marked = fs::read_to_string(folder.join(MARK)).is_ok_and(|text| text == MARKED);
    let empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if !marked && !empty {
        return Err(Failure::usage(format!("{} was not made by `up`; nothing was deleted", folder.display()))
            .hint("choose another folder: --data DIR"));
    }
    drop(Database::open(folder).map_err(failed)?);
    OURS.iter().try_for_each(|name| remove(&folder.join(name))).map_err(|e| unusable(folder, &e))
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unusable(folder: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("the data folder {} cannot be used: {error}", folder.display()))
}

fn failed(error: Error) -> Failure {
    match error {
        Error::InUse { pid } => Failure::failed(format!("the data folder is in use by process {pid}"))
            .hint("stop it, or take another folder: --data DIR"),
        error => Failure::failed(error),
    }
}
