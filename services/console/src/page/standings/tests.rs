use super::*;

#[test]
fn bars_are_parts_of_the_longest_and_never_overflow() {
    assert_eq!(share(0, 0), "0.00%");
    assert_eq!(share(1, 3), "33.33%");
    assert_eq!(share(u64::MAX, u64::MAX), "100.00%");
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1_000, 1_234_567, -1_000].map(number), ["0", "999", "1,000", "1,234,567", "−1,000"]);
}

#[test]
fn who_shares_the_lead_is_said_to() {
    let row = |name: &str, rank| Row { key: vec![name.to_owned(), String::new()], value: 3, rank };
    let rows = vec![row("a", 1), row("b", 1), row("c", 3)];
    let ranking = Ranking { by: vec!["x".into(), "y".into()], sum: None, others: None, size: 3, rows };
    assert_eq!(label(&ranking.rows[0]), "a · none");
    assert!(bars(&ranking).into_string().contains("<rect width=\"100.00%\""));
    let definition = contests::samples::bands();
    let situation = contests::standings::Situation { state: State::Open, settled: true, version: 1 };
    let mut standings = Standings::rank(
        &definition,
        &contests::standings::Counts::default(),
        situation,
        contests::standings::View::default(),
    );
    assert_eq!(leader(&standings), None);
    standings.tallies.insert(standings.board.clone(), ranking);
    assert_eq!(leader(&standings).as_deref(), Some("a · none (tied)"));
}
