use super::*;
use crate::{ledger::SEPARATOR, samples};

fn counts(values: &[(&str, i64)]) -> Counts {
    let counter = |name: &str| name.replace('/', &SEPARATOR.to_string());
    Counts { counters: values.iter().map(|(name, v)| (counter(name), *v)).collect(), ..Counts::default() }
}

const OPEN: Situation = Situation { state: State::Open, settled: true, version: 7 };

fn ranks(ranking: &Ranking) -> Vec<(u64, String, i64)> {
    ranking.rows.iter().map(|r| (r.rank, r.key.join("/"), r.value)).collect()
}

#[test]
fn equal_values_share_a_rank_and_stand_by_key() {
    let counts = counts(&[("bands/C", 2), ("bands/A", 5), ("bands/D", 1), ("bands/B", 2), ("albums/Z/z", 9)]);
    let standings = Standings::rank(&samples::bands(), &counts, OPEN, View::default());
    let expected = [(1, "A", 5), (2, "B", 2), (2, "C", 2), (4, "D", 1)].map(|(r, k, v)| (r, k.to_owned(), v));
    assert_eq!(ranks(&standings.tallies["bands"]), expected);
    assert_eq!(ranks(&standings.tallies["albums"]), [(1, "Z/z".to_owned(), 9)]);
    assert_eq!(standings.tallies["rank_sum"].sum.as_deref(), Some("rank"));
}

#[test]
fn others_are_no_row() {
    let counts = counts(&[("bands/A", 5), ("bands/\u{1e}", 9), ("albums/Z/z", 9)]);
    let standings = Standings::rank(&samples::bands(), &counts, OPEN, View::default());
    let (bands, albums) = (&standings.tallies["bands"], &standings.tallies["albums"]);
    assert_eq!((ranks(bands), bands.size, bands.others), (vec![(1, "A".to_owned(), 5)], 1, Some(9)));
    assert_eq!(albums.others, None);
}

#[test]
fn a_view_chooses_tally_and_rows_and_tells_how_many_there_are() {
    let counts = counts(&[("bands/A", 5), ("bands/B", 2), ("albums/Z/z", 9)]);
    let view = View { tally: Some("bands"), top: Some(1) };
    let standings = Standings::rank(&samples::bands(), &counts, OPEN, view);
    assert_eq!(standings.tallies.keys().collect::<Vec<_>>(), ["bands"]);
    assert_eq!((standings.tallies["bands"].rows.len(), standings.tallies["bands"].size), (1, 2));
}

#[test]
fn final_needs_closed_and_settled() {
    let of = |state, settled| {
        let situation = Situation { state, settled, version: 1 };
        Standings::rank(&samples::bands(), &Counts::default(), situation, View::default()).r#final
    };
    assert_eq!([of(State::Closed, true), of(State::Closed, false), of(State::Open, true)], [true, false, false]);
}

#[test]
fn slots_add_up() {
    let mut sum = counts(&[("bands/A", 5)]);
    sum.merge(&counts(&[("bands/A", 2), ("bands/B", 1)]));
    assert_eq!(sum, counts(&[("bands/A", 7), ("bands/B", 1)]));
}
