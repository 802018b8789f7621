//! Records of contests: definitions, created once a revision; which one is current; the gate; whether
//! its file is gone.

use bytes::Bytes;
use contests::{Definition, Gate, Revision};
use jiff::Timestamp;

use super::{Records, path};
use crate::Error;

fn record(name: &str, part: &str) -> String {
    format!("{}{name}/{part}", path::CONTESTS)
}

/// When a contest was changed, by the store's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Since when its current revision follows another one; none: it is the first.
    pub redefined: Option<Timestamp>,
    /// When its gate was commanded last.
    pub commanded: Option<Timestamp>,
}

impl Records {
    /// Stores a definition under its revision, and as the current one of its contest. Storing the same one again is
    /// no change. Refused is one with a tally that counted something else in any revision before: what was counted
    /// stays in its counters for good.
    pub async fn put_definition(&self, definition: &Definition) -> Result<(), Error> {
        let (name, revision) = (definition.name.as_str(), definition.revision());
        if self.definition(name, revision).await?.is_none() {
            self.check_tallies(definition).await?;
        }
        let body = Bytes::copy_from_slice(definition.canonical_json().as_bytes());
        // Where there is one it is the same: the revision is a hash of the content.
        self.blobs.create(&record(name, &revision.to_string()), body).await?;
        if self.current_revision(name).await? == Some(revision) {
            return Ok(());
        }
        self.put(&record(name, CURRENT), &revision).await
    }

    async fn check_tallies(&self, definition: &Definition) -> Result<(), Error> {
        let prefix = record(checked(&definition.name)?, "");
        for entry in self.blobs.list(&prefix, None, usize::MAX).await? {
            let Some(revision) = entry.key.strip_prefix(&prefix).and_then(|part| part.parse().ok()) else { continue };
            let Some(before) = self.definition(&definition.name, revision).await? else { continue };
            if let Some(tally) = definition.redefined(&before) {
                let why = "what it counted there would be added to what it counts now";
                return Err(Error::Refused(format!(
                    "rename the tally `{tally}`: the contest's revision {revision} has another one of that name, and {why}"
                )));
            }
        }
        Ok(())
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

    /// Every revision of a contest that was stored.
    pub async fn revisions(&self, name: &str) -> Result<Vec<Revision>, Error> {
        let prefix = record(checked(name)?, "");
        let entries = self.blobs.list(&prefix, None, usize::MAX).await?;
        Ok(entries.iter().filter_map(|entry| entry.key.strip_prefix(&prefix)?.parse().ok()).collect())
    }

    /// When a contest was changed, by the store's clock.
    pub async fn changes(&self, name: &str) -> Result<Changes, Error> {
        let prefix = record(checked(name)?, "");
        let entries = self.blobs.list(&prefix, None, usize::MAX).await?;
        let parts = || entries.iter().filter_map(|entry| Some((entry.key.strip_prefix(&prefix)?, entry.modified)));
        let revisions = parts().filter(|(part, _)| part.parse::<Revision>().is_ok()).count();
        let current = parts().find(|(part, _)| *part == CURRENT).map(|(_, modified)| modified);
        let commanded = parts().filter(|(part, _)| part.starts_with(CHANGES)).map(|(_, modified)| modified).max();
        Ok(Changes { redefined: current.filter(|_| revisions > 1), commanded })
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
        Ok(self.last_gate(name).await?.1)
    }

    /// A contest's gate where it was changed since its `known`th change, with the number of its last change. Asks for
    /// one record where it was not.
    pub async fn gate_since(&self, name: &str, known: u32) -> Result<Option<(u32, Gate)>, Error> {
        let (mut k, mut last) = (known, None);
        while let Some(gate) = self.read(&change(checked(name)?, k + 1)).await? {
            k += 1;
            last = Some((k, gate));
        }
        Ok(last)
    }

    /// Changes a contest's gate; gives it with the number of this change. Where another change is first, `command` is
    /// asked again on top of that: none is lost. What `command` refuses is given back.
    pub async fn change_gate<E>(
        &self,
        name: &str,
        command: impl Fn(&mut Gate) -> Result<(), E>,
    ) -> Result<Result<(u32, Gate), E>, Error> {
        for _ in 0..TRIES {
            let (k, mut gate) = self.last_gate(name).await?;
            if let Err(refused) = command(&mut gate) {
                return Ok(Err(refused));
            }
            if self.create(&change(name, k + 1), &gate).await? {
                return Ok(Ok((k + 1, gate)));
            }
        }
        Err(Error::Unavailable(format!("others change the gate of `{name}` at this moment; try again")))
    }

    /// Notes that nobody takes ballots for a contest from then on, because its file is gone. The first such note holds.
    pub async fn withdraw(&self, name: &str, since: Timestamp) -> Result<(), Error> {
        self.create(&record(checked(name)?, WITHDRAWN), &since).await.map(drop)
    }

    /// Notes that the file of a contest is there.
    pub async fn restore(&self, name: &str) -> Result<(), Error> {
        self.blobs.delete(&record(checked(name)?, WITHDRAWN)).await
    }

    /// Since when nobody takes ballots for a contest; `None`: its file is there.
    pub async fn withdrawn(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        self.read(&record(checked(name)?, WITHDRAWN)).await
    }

    async fn last_gate(&self, name: &str) -> Result<(u32, Gate), Error> {
        let changes = record(checked(name)?, CHANGES);
        let entries = self.blobs.list(&changes, None, usize::MAX).await?;
        let number = |key: &str| key.strip_prefix(&changes)?.parse().ok();
        let Some(k) = entries.last().and_then(|entry| number(&entry.key)) else { return Ok((0, Gate::default())) };
        Ok((k, self.read(&change(name, k)).await?.unwrap_or_default()))
    }
}

const CURRENT: &str = "current";
const WITHDRAWN: &str = "withdrawn";
const CHANGES: &str = "gates/";
/// Tries to be the next to change a gate before the caller is asked to come again: people change it, not programs.
const TRIES: usize = 32;

/// The record of a gate after its `k`th change. Each is created once, and the highest holds.
fn change(name: &str, k: u32) -> String {
    record(name, &format!("{CHANGES}{k:06}"))
}

/// A name that may come from anybody makes no strange key.
fn checked(name: &str) -> Result<&str, Error> {
    if contests::definition::is_name(name) {
        return Ok(name);
    }
    Err(Error::Corrupt { key: path::CONTESTS.to_owned(), reason: "not the name of a contest".to_owned() })
}
