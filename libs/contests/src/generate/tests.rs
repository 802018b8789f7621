use std::collections::BTreeMap;

use super::*;
use crate::samples;

#[test]
fn the_same_seed_gives_the_same_lines_for_ever() {
    let bands = samples::bands();
    let lines = |seed| Generator::new(&bands, seed, 100).take(50).collect::<Vec<_>>();
    assert_eq!(lines(7), lines(7));
    assert_ne!(lines(7), lines(8));
    let first = String::from_utf8(Generator::new(&bands, 1, 0).next().expect("endless").json()).expect("text");
    assert_eq!(first, r#"{"album":"Sí","name":"Malacates Trébol Shop","rank":5,"year":2009}"#);
}

#[test]
fn whole_lines_are_taken_and_spoiled_ones_refused() {
    let limited = Definition::parse(&format!("{}\nvoters: {{max_ballots: 1}}\n", samples::BANDS)).expect("sound");
    for definition in [samples::bands(), samples::olympics(), limited] {
        for line in Generator::new(&definition, 3, 300).take(2_000) {
            let (json, whole) = (line.json(), matches!(line, Line::Ballot(_)));
            let taken = definition.ballot(&json, None).is_ok_and(|outcome| outcome.is_ok());
            assert_eq!(taken, whole, "{}", String::from_utf8_lossy(&json));
        }
    }
}

#[test]
fn popular_values_are_far_more_popular() {
    let bands = samples::bands();
    let mut votes: BTreeMap<String, u32> = BTreeMap::new();
    for line in Generator::new(&bands, 5, 0).take(10_000) {
        let Line::Ballot(ballot) = line else { panic!("none is spoiled") };
        *votes.entry(ballot["name"].to_string()).or_default() += 1;
    }
    assert_eq!(votes.len(), BANDS.len());
    assert!(votes.values().max() > votes.values().min().map(|least| least * 5).as_ref());
}

#[test]
fn csv_is_quoted_where_it_must_be() {
    assert_eq!(csv(["a", "b,c", "d\"e", " f"]), "a,\"b,c\",\"d\"\"e\",\" f\"");
    let bands = samples::bands();
    let line = Generator::new(&bands, 1, 0).next().expect("endless");
    assert_eq!(line.csv(&columns(&bands)), "Malacates Trébol Shop,Sí,2009,5".as_bytes());
}
