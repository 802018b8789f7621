//! Records of contests: definitions, created once a revision; which one is current; the gate.

use bytes::Bytes;
use contests::{Definition, Gate, Revision};

use super::{Records, path};
use crate::Error;

fn record(name: &str, part: &str) -> String {
    format!("{}{name}/{part}", path::CONTESTS)
}

impl Records {
    /// Stores a definition under its revision, and as the current one of its contest. Storing the same one again is
    /// no change.
    pub async fn put_definition(&self, definition: &Definition) -> Result<(), Error> {
        let (name, revision) = (definition.name.as_str(), definition.revision());
        let body = Bytes::copy_from_slice(definition.canonical_json().as_bytes());
        // Where there is one it is the same: the revision is a hash of the content.
        self.blobs.create(&record(name, &revision.to_string()), body).await?;
        if self.current_revision(name).await? == Some(revision) {
            return Ok(());
        }
        self.put(&record(name, CURRENT), &revision).await
    }

    /// The definition of a contest at a revision.
    pub async fn definition(&self, name: &str, revision: Revision) -> Result<Option<Definition>, Error> {
        let key = record(checked(name)?, &revision.to_string());
        let Some(body) = self.blobs.get(&key).await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&body);
        let definition = Definition::parse(&text)
            .map_err(|_| Error::Corrupt { key, reason: "not a definition that this version reads".to_owned() })?;
        Ok(Some(definition))
    }

    /// The revision of a contest that was stored last.
    pub async fn current_revision(&self, name: &str) -> Result<Option<Revision>, Error> {
        self.read(&record(checked(name)?, CURRENT)).await
    }

    /// The names of all contests that have a current revision.
    pub async fn contest_names(&self) -> Result<Vec<String>, Error> {
        let entries = self.blobs.list(path::CONTESTS, None, usize::MAX).await?;
        let name =
            |key: &str| Some(key.strip_prefix(path::CONTESTS)?.strip_suffix(CURRENT)?.strip_suffix('/')?.to_owned());
        Ok(entries.iter().filter_map(|entry| name(&entry.key)).collect())
    }

    /// What people commanded of a contest's gate; nothing at first.
    pub async fn gate(&self, name: &str) -> Result<Gate, Error> {
        Ok(self.read(&record(checked(name)?, GATE)).await?.unwrap_or_default())
    }

    /// Writes a contest's gate, over the one that is there.
    pub async fn put_gate(&self, name: &str, gate: &Gate) -> Result<(), Error> {
        self.put(&record(checked(name)?, GATE), gate).await
    }
}

const CURRENT: &str = "current";
const GATE: &str = "gate";

/// A name that may come from anybody makes no strange key.
fn checked(name: &str) -> Result<&str, Error> {
    if contests::definition::is_name(name) {
        return Ok(name);
    }
    Err(Error::Corrupt { key: path::CONTESTS.to_owned(), reason: "not the name of a contest".to_owned() })
}
