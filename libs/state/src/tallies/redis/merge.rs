//! Which entries are applied by one call.

use std::collections::{HashMap, hash_map};

use contests::Entry;

use super::{ARGUMENTS, FIELDS, Member, fields};

/// Entries of one slot, and what they add together; or one that is too large for a call, without members and fields.
#[derive(Debug, Default)]
pub struct Group<'a> {
    /// The entries, with their places among all.
    pub entries: Vec<(usize, &'a Entry)>,
    /// What is remembered of each.
    pub members: Vec<Member>,
    /// The sums, by field.
    pub fields: HashMap<String, i64>,
}

impl Group<'_> {
    /// Whether one more entry fits into the same call. The same batch twice does not: its sums would be added twice.
    fn takes(&self, entry: &Entry, fields: &[(String, i64)]) -> bool {
        let more = fields.iter().filter(|(name, _)| !self.fields.contains_key(name)).count();
        let arguments = 2 + self.members.len() + 1 + 2 * (self.fields.len() + more);
        arguments <= ARGUMENTS && self.members.iter().all(|member| member.batch != entry.batch)
    }
}

/// The entries by slot, in as few groups as calls can take.
pub fn groups(entries: &[Entry]) -> Vec<Group<'_>> {
    let mut open: HashMap<(&str, u16), Group<'_>> = HashMap::new();
    let mut closed = vec![];
    for (at, entry) in entries.iter().enumerate() {
        let fields: Vec<(String, i64)> = fields(entry).collect();
        if fields.len() > FIELDS {
            closed.push(Group { entries: vec![(at, entry)], ..Group::default() });
            continue;
        }
        let group = open.entry((&entry.contest, entry.slot)).or_default();
        if !group.takes(entry, &fields) {
            closed.push(std::mem::take(group));
        }
        group.entries.push((at, entry));
        group.members.push(Member { batch: entry.batch, part: 0 });
        for (name, amount) in fields {
            match group.fields.entry(name) {
                hash_map::Entry::Occupied(mut sum) => *sum.get_mut() = sum.get().saturating_add(amount),
                hash_map::Entry::Vacant(none) => drop(none.insert(amount)),
            }
        }
    }
    closed.extend(open.into_values());
    closed
}

#[cfg(test)]
mod tests;
