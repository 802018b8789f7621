//! The journal of a cast, beside its file: how far it came.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Done, failure::Failure};

/// How far a cast came. Written after each answer; what was sent and not written down yet is sent again under the same
/// ids.
#[derive(Debug, Serialize, Deserialize)]
pub struct Journal {
    digest: String,
    contest: String,
    server: String,
    /// Records that are done with.
    pub next: u64,
    /// Ballots that were accepted.
    pub accepted: u64,
    /// Ballots that were not good.
    pub rejected: u64,
    #[serde(skip)]
    path: PathBuf,
}

impl Journal {
    /// The journal of an interrupted cast, or a new one.
    pub fn open(file: &Path, digest: &str, contest: &str, server: &str) -> Result<Self, Failure> {
        let mut path = file.as_os_str().to_owned();
        path.push(".marea-cast");
        let path = PathBuf::from(path);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (digest, contest, server) = (digest.to_owned(), contest.to_owned(), server.to_owned());
                return Ok(Self { digest, contest, server, next: 0, accepted: 0, rejected: 0, path });
            }
            Err(error) => return Err(Failure::usage(format!("cannot read {}: {error}", path.display()))),
        };
        let found: Option<Self> = serde_json::from_slice(&text).ok();
        match found {
            Some(journal) if journal.digest == digest && journal.contest == contest && journal.server == server => {
                Ok(Self { path, ..journal })
            }
            Some(journal) if journal.digest == digest => {
                Err(other(&path, &format!("went to {} at {}", journal.contest, journal.server)))
            }
            Some(_) => Err(other(&path, "was of other content: the file changed since")),
            None => Err(other(&path, "cannot be read")),
        }
    }

    /// Writes it down, whole or not at all.
    pub fn save(&self) -> Done {
        let text = serde_json::to_vec(self).expect("a journal is JSON");
        let next = self.path.with_extension("marea-cast-new");
        fs::write(&next, text).and_then(|()| fs::rename(&next, &self.path)).map_err(|e| self.unwritable(&e))
    }

    /// Takes it away at the end.
    pub fn remove(&self) -> Done {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unwritable(&error)),
            _ => Ok(()),
        }
    }

    fn unwritable(&self, error: &io::Error) -> Failure {
        Failure::failed(format!("cannot write {}: {error}", self.path.display()))
    }
}

fn other(path: &Path, what: &str) -> Failure {
    let path = path.display();
    Failure::usage(format!("the interrupted cast of {path} {what}"))
        .hint(format_args!("finish that one as it was, or remove {path} to cast the file anew"))
}
