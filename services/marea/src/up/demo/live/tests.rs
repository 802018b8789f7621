use std::collections::BTreeMap;

use contests::{
    Kind,
    gate::State,
    standings::{Ranking, Totals},
};

use super::*;

fn row(key: &str, value: i64, rank: u64) -> Row {
    Row { key: vec![key.to_owned()], value, rank }
}

fn standings(tally: &str, rows: Vec<Row>, counted: u64) -> Standings {
    let ranking = Ranking { by: vec!["name".to_owned()], sum: None, others: None, size: rows.len(), rows };
    Standings {
        contest: "bands".to_owned(),
        title: String::new(),
        kind: Kind::Votes,
        revision: contests::samples::bands().revision(),
        state: State::Open,
        r#final: false,
        settled: true,
        version: 1,
        totals: Totals { counted, ..Totals::default() },
        board: tally.to_owned(),
        tallies: BTreeMap::from([(tally.to_owned(), ranking)]),
    }
}

#[test]
fn a_line_tells_rows_sum_and_the_rate_of_the_last_seconds() {
    let [mut bands, mut olympics] = boards();
    let now = Instant::now();
    bands.line(&standings("bands", vec![], 0), now, 120);
    let rows = || vec![row("Alux Nahual", 40, 1), row("Mal\x1bacates", 7, 2)];
    let line = bands.line(&standings("bands", rows(), 400), now + Duration::from_secs(4), 120);
    assert_eq!(line, format!("{:<96}400 votes, 100/s", "bands     1 Alux Nahual 40   2 Mal\u{fffd}acates 7"));
    let three = || {
        vec![
            row("Bohemia Suburbana", 40_149, 1),
            row("Viento en Contra", 30_069, 2),
            row("Malacates Trébol Shop", 20_051, 3),
        ]
    };
    let wide = bands.line(&standings("bands", three(), 90_269), now + Duration::from_secs(4), 150);
    assert!(wide.contains("3 Malacates Trébol Shop 20051   ") && wide.chars().count() < 150, "{wide}");
    let [mut bands, _] = boards();
    bands.line(&standings("bands", vec![], 0), now, 46);
    let narrow = bands.line(&standings("bands", rows(), 400), now + Duration::from_secs(4), 46);
    assert_eq!(narrow, "bands     1 Alux Nahual 40   400 votes, 100/s");
    // Twenty seconds later, without one more.
    let line = bands.line(&standings("bands", rows(), 400), now + Duration::from_secs(24), 120);
    assert!(line.ends_with("400 votes, 0/s"), "{line}");
    let line = olympics.line(&standings("faculties", vec![row("agronomy", 3, 1)], 3), now, 120);
    assert!(line.starts_with("olympics  agronomy 3 medals "), "{line}");
}

#[test]
fn a_redraw_moves_by_the_rows_that_a_narrow_terminal_shows() {
    let text = redraw(&["abcdef".to_owned()], &["0123456789".to_owned(), "next".to_owned()], 5);
    assert_eq!(text, "\x1b[4A\rabcd\x1b[K\n\x1b[3B\r");
}
