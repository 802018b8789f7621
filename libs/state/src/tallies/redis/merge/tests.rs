use contests::{Increment, definition::Revision};
use jiff::Timestamp;
use uuid::Uuid;

use super::*;

fn entry(slot: u16, keys: std::ops::Range<usize>) -> Entry {
    let increment = |n: usize| Increment { tally: "t".into(), key: n.to_string(), amount: 3 };
    Entry {
        batch: Uuid::now_v7(),
        contest: "c".into(),
        revision: Revision(1),
        slot,
        producer: Uuid::nil(),
        number: 1,
        cumulative: 1,
        confirmed: 0,
        last: false,
        time: Timestamp::UNIX_EPOCH,
        ballots: 1,
        counted: 1,
        duplicate: 0,
        conflicting: 0,
        over_limit: 0,
        dead: 0,
        increments: keys.map(increment).collect(),
    }
}

fn places(groups: &[Group<'_>]) -> Vec<Vec<usize>> {
    let mut places: Vec<Vec<usize>> =
        groups.iter().map(|group| group.entries.iter().map(|(at, _)| *at).collect()).collect();
    places.sort();
    places
}

#[test]
fn entries_of_a_slot_are_one_group_with_the_sums() {
    let entries = [entry(1, 0..5), entry(2, 0..5), entry(1, 3..8)];
    let groups = groups(&entries);
    assert_eq!(places(&groups), [vec![0, 2], vec![1]]);
    let of_one = groups.iter().find(|group| group.entries.len() == 2).expect("a group of two");
    assert_eq!(of_one.fields.get(&entries[0].increments[4].counter()), Some(&6));
    assert_eq!(of_one.fields.get(&entries[0].increments[0].counter()), Some(&3));
}

#[test]
fn a_group_has_no_more_than_a_call_takes() {
    let entries: Vec<Entry> = (0..20).map(|n| entry(1, 100 * n..100 * (n + 1))).chain([entry(1, 0..600)]).collect();
    let groups = groups(&entries);
    assert!(groups.iter().all(|group| 2 + group.members.len() + 2 * group.fields.len() <= ARGUMENTS));
    assert!(places(&groups).contains(&vec![20]));
    assert_eq!(groups.iter().map(|group| group.entries.len()).sum::<usize>(), entries.len());
}

#[test]
fn a_batch_twice_is_in_two_groups() {
    let one = entry(1, 0..2);
    assert_eq!(places(&groups(&[one.clone(), one])), [vec![0], vec![1]]);
}
