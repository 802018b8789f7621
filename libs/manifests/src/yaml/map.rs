//! A map that is being read: keys are unique, merge keys put their entries in place.

use std::collections::HashMap;

use domain::Problem;

use crate::node::{Data, Entry, Mark, Node};

/// Above this many entries a map's keys are looked up in a table.
const FEW: usize = 16;

/// A map that is not closed yet.
#[derive(Default)]
pub struct OpenMap {
    /// What it holds so far.
    pub entries: Vec<Entry>,
    /// For each entry, whether it came by a merge key: a later key may replace it.
    merged: Vec<bool>,
    places: HashMap<String, usize>,
    /// The key whose value comes next.
    pub key: Option<Key>,
}

/// A key, as it was read.
pub enum Key {
    /// Any text.
    Text(String, Mark),
    /// `<<`.
    Merge(Mark),
    /// A key that was refused; its value is dropped.
    Refused,
}

impl OpenMap {
    fn place_of(&mut self, key: &str) -> Option<usize> {
        if self.entries.len() <= FEW {
            return self.entries.iter().position(|e| e.key == key);
        }
        for (i, entry) in self.entries.iter().enumerate().skip(self.places.len()) {
            self.places.insert(entry.key.clone(), i);
        }
        self.places.get(key).copied()
    }

    /// The value of the pending key has come.
    pub fn value(&mut self, node: Node) -> Option<(Mark, Problem)> {
        match self.key.take()? {
            Key::Refused => None,
            Key::Merge(at) => self.merge(node, at),
            Key::Text(key, at) => self.insert(key, at, node),
        }
    }

    fn insert(&mut self, key: String, at: Mark, value: Node) -> Option<(Mark, Problem)> {
        let Some(i) = self.place_of(&key) else {
            self.entries.push(Entry { key, at, value });
            self.merged.push(false);
            return None;
        };
        if std::mem::replace(&mut self.merged[i], false) {
            self.entries[i] = Entry { key, at, value };
            return None;
        }
        let first = self.entries[i].at;
        let message = format!("the key `{key}` stands twice, first at {}:{}; keep one", first.line, first.column);
        Some((at, Problem::error("duplicate_key", message)))
    }

    /// As goyaml merges: keys that stand before `<<` are overwritten, those after it win.
    fn merge(&mut self, node: Node, at: Mark) -> Option<(Mark, Problem)> {
        let maps = match node.data {
            Data::Map(_) => vec![node],
            Data::List(items) => items,
            _ => vec![Node { data: Data::Null, at: node.at }],
        };
        if maps.iter().any(|m| !matches!(m.data, Data::Map(_))) {
            let message = "the merge key `<<` takes a map, or a list of maps";
            return Some((at, Problem::error("merge_key", message)));
        }
        let mut overwritten = false;
        // Of several the first wins, so it comes last.
        for map in maps.into_iter().rev() {
            let Data::Map(entries) = map.data else { continue };
            entries.into_iter().for_each(|entry| overwritten |= self.merge_one(entry));
        }
        let message =
            "`<<` overwrites keys that stand before it, as it does for kubectl; move it to the front of its map";
        overwritten.then(|| (at, Problem::warning("merge_overwrites", message)))
    }

    /// Whether a key that was written out is overwritten.
    fn merge_one(&mut self, entry: Entry) -> bool {
        match self.place_of(&entry.key) {
            Some(i) => {
                self.entries[i].value = entry.value;
                !self.merged[i]
            }
            None => {
                self.entries.push(entry);
                self.merged.push(true);
                false
            }
        }
    }
}
