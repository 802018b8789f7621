//! How many counters a tally has: ballots of keys that come after it has as many as it may have add to its others.
//!
//! Keys have places in the log's store, given in order and never freed, so that all processes agree on who has one. What
//! an entry adds to the others is frozen with it: a rebuild gives the same.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ballots::{Error, KeyDigest};
use contests::{Definition, Entry, definition};
use parking_lot::Mutex;

use crate::Tally;

/// The tallies of which something is known, by contest and name.
#[derive(Default)]
pub struct Keys(Mutex<HashMap<(String, String), Shared>>);

type Shared = Arc<tokio::sync::Mutex<Places>>;

/// The keys that have the first places of a tally.
#[derive(Default)]
struct Places {
    held: HashSet<KeyDigest>,
    /// Whether it was said that there is none left.
    told: bool,
}

impl Tally {
    /// Adds what an entry counts under keys that have no place, and get none, to the others of their tallies.
    pub(crate) async fn limit_keys(&self, definition: &Definition, entry: &mut Entry) -> Result<(), Error> {
        for tally in definition.tallies.iter().filter(|tally| definition.can_overflow(tally)) {
            let key = (definition.name.clone(), tally.name.clone());
            let places = self.0.keys.0.lock().entry(key).or_default().clone();
            let mut places = places.lock().await;
            let own = entry.increments.iter().filter(|increment| increment.tally == tally.name);
            let keys: Vec<KeyDigest> = own.map(|increment| KeyDigest::of(&increment.key)).collect();
            self.give_places(definition, tally, &keys, &mut places).await?;
            let mut have = keys.iter().map(|key| places.held.contains(key));
            entry.fold_others(&tally.name, |_| have.next().unwrap_or_default());
        }
        Ok(())
    }

    async fn give_places(
        &self,
        definition: &Definition,
        tally: &definition::Tally,
        keys: &[KeyDigest],
        places: &mut Places,
    ) -> Result<(), Error> {
        let mut new = keys.to_vec();
        loop {
            new.retain(|key| !places.held.contains(key));
            if new.is_empty() {
                return Ok(());
            }
            let (next, free) = (places.held.len(), tally.max_keys.saturating_sub(places.held.len()));
            if free == 0 {
                tell(definition, tally, places);
                return Ok(());
            }
            let wanted = &new[..new.len().min(free)];
            places.held.extend(self.ballots().places(&definition.name, &tally.name, next, wanted).await?);
            if places.held.len() == next {
                return Err(Error("the place of a key is taken and not to be read yet".to_owned()));
            }
        }
    }
}

/// Once: many ballots may follow.
fn tell(definition: &Definition, tally: &definition::Tally, places: &mut Places) {
    if !std::mem::replace(&mut places.told, true) {
        let (contest, keys) = (&definition.name, tally.max_keys);
        let why = "a tally has as many keys as it may have; what comes under others is added up as its others";
        tracing::warn!(contest, contest.tally = tally.name, contest.keys = keys, "{why}");
    }
}
