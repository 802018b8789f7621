use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::{
    Batch, Definition,
    batch::{Header, Segment},
    samples,
};

fn body(definition: &Definition, lines: &[&str]) -> Vec<u8> {
    let mut segment = Segment::default();
    for (i, line) in lines.iter().enumerate() {
        let ballot = definition.ballot(line.as_bytes(), None).expect("JSON").expect("a sound ballot");
        segment.push(u32::try_from(i).expect("few"), &ballot);
    }
    let mut segments = Vec::new();
    let ballots = segment.ballots();
    segment.finish(&mut segments, "", Uuid::nil());
    Header {
        batch: Uuid::from_u128(1),
        contest: definition.name.clone(),
        kind: definition.kind,
        revision: definition.revision(),
        words: vec![],
        slot: 3,
        producer: Uuid::from_u128(2),
        number: 1,
        ballots,
        cumulative: ballots.into(),
        confirmed: 0,
        last: false,
        time: jiff::Timestamp::UNIX_EPOCH,
        fields: definition.field_heads(),
    }
    .encode(&segments)
}

const VOTES: [&str; 4] = [
    r#"{"name":"A","album":"x","year":2000,"rank":5}"#,
    r#"{"name":"A","album":"y","year":2000,"rank":3}"#,
    r#"{"name":"B","album":"x","year":2000,"rank":5}"#,
    r#"{"name":"B","album":"x","year":2000,"rank":5}"#,
];

#[test]
fn only_counted_ballots_add_and_every_verdict_is_summed() {
    let bands = samples::bands();
    let body = body(&bands, &VOTES);
    let batch = Batch::decode(&body).expect("sound");
    let verdicts = [Verdict::Counted, Verdict::Counted, Verdict::Counted, Verdict::Conflicting];
    let entry = Entry::fold(&bands, &batch, &verdicts).expect("fits");
    assert_eq!((entry.ballots, entry.counted, entry.duplicate, entry.conflicting), (4, 3, 1, 1));
    assert_eq!((entry.received(), entry.over_limit, entry.dead, entry.slot), (4, 0, 0, 3));
    let amounts: BTreeMap<_, _> =
        entry.increments.iter().map(|i| (i.counter().replace(SEPARATOR, "/"), i.amount)).collect();
    let expected = [
        ("albums/A/x", 1),
        ("albums/A/y", 1),
        ("albums/B/x", 1),
        ("bands/A", 2),
        ("bands/B", 1),
        ("rank_counts/A/3", 1),
        ("rank_counts/A/5", 1),
        ("rank_counts/B/5", 1),
        ("rank_sum/A", 8),
        ("rank_sum/B", 5),
    ];
    assert_eq!(amounts, expected.map(|(k, v)| (k.to_owned(), v)).into());
}

#[test]
fn conditions_choose_the_ballots_of_a_tally() {
    let olympics = samples::olympics();
    let score = |outcome: &str| {
        format!(r#"{{"student":"S","age":20,"faculty":"agronomy","discipline":"boxing","outcome":"{outcome}"}}"#)
    };
    let body = body(&olympics, &[&score("winner"), &score("loser")]);
    let batch = Batch::decode(&body).expect("sound");
    let entry = Entry::fold(&olympics, &batch, &[Verdict::Counted; 2]).expect("fits");
    let tallies: Vec<_> = entry.increments.iter().map(|i| (i.tally.as_str(), i.amount)).collect();
    assert_eq!(tallies, [("faculties", 1), ("losers", 1), ("medals", 1), ("participants", 2)]);
}

#[test]
fn an_entry_needs_its_own_definition_and_a_verdict_a_ballot() {
    let bands = samples::bands();
    let body = body(&bands, &VOTES);
    let batch = Batch::decode(&body).expect("sound");
    assert_eq!(Entry::fold(&bands, &batch, &[]), Err(Unfit));
    assert_eq!(Entry::fold(&samples::olympics(), &batch, &[Verdict::Counted; 4]), Err(Unfit));
    assert_eq!((Entry::dead(&batch).dead, Entry::dead(&batch).received()), (4, 0));
}

#[test]
fn entries_survive_json() {
    let bands = samples::bands();
    let body = body(&bands, &VOTES);
    let entry = Entry::fold(&bands, &Batch::decode(&body).expect("sound"), &[Verdict::Counted; 4]).expect("fits");
    let json = serde_json::to_string(&entry).expect("plain");
    assert_eq!(serde_json::from_str::<Entry>(&json).expect("the same"), entry);
}

#[test]
fn what_has_no_place_adds_to_the_others_of_its_tally() {
    let definition = samples::bands();
    let bytes = body(&definition, &VOTES);
    let batch = Batch::decode(&bytes).expect("a batch");
    let before = Entry::fold(&definition, &batch, &[Verdict::Counted; 4]).expect("fits");
    let mut entry = before.clone();
    entry.fold_others("rank_sum", |key| key == "A");
    let of = |entry: &Entry, tally: &str| -> BTreeMap<String, i64> {
        let own = entry.increments.iter().filter(|i| i.tally == tally);
        own.map(|i| (i.key.clone(), i.amount)).collect()
    };
    assert_eq!(of(&entry, "rank_sum"), BTreeMap::from([("A".to_owned(), 8), (OTHERS.to_owned(), 10)]));
    assert_eq!(of(&entry, "bands"), of(&before, "bands"));
    assert!(entry.increments.is_sorted());
    let mut same = before.clone();
    same.fold_others("bands", |_| true);
    assert_eq!(same, before);
}
