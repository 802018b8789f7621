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
    /// Where the ballots went; empty where the server does not tell it.
    #[serde(default)]
    installation: String,
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
    /// The journal of an interrupted cast, or a new one. What another installation took is no part of this one's.
    pub fn open(file: &Path, digest: &str, contest: &str, installation: &str) -> Result<Self, Failure> {
        let mut path = file.as_os_str().to_owned();
        path.push(".marea-cast");
        let path = PathBuf::from(path);
        let text = match fs::read(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::usage(format!("cannot read {}: {error}", path.display()))),
        };
        let (digest, contest) = (digest.to_owned(), contest.to_owned());
        let new =
            Self { digest, contest, installation: installation.to_owned(), next: 0, accepted: 0, rejected: 0, path };
        let Some(text) = text else { return Ok(new) };
        let found: Self = serde_json::from_slice(&text).map_err(|_| other(&new.path, "cannot be read"))?;
        if found.digest != new.digest {
            return Err(other(&new.path, "was of other content: the file changed since"));
        }
        if found.contest != new.contest {
            return Err(other(&new.path, &format!("went to {}", found.contest)));
        }
        if let Some(why) = found.elsewhere(installation) {
            eprintln!("note: begins anew: {} of its ballots were cast before, {why}", found.accepted);
            return Ok(new);
        }
        Ok(Self { path: new.path, ..found })
    }

    /// Why what was accepted may not be where it is cast now.
    fn elsewhere(&self, now: &str) -> Option<&'static str> {
        match (self.installation.as_str(), now) {
            (_, "") | ("", _) => Some("and it is not known whether this server has them; what it has counts once"),
            (before, now) if before != now => {
                Some("on another server, or on this one before its data was deleted (installation ids differ)")
            }
            _ => None,
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
