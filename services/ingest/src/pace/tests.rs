use super::*;

#[test]
fn a_trickle_moves_nothing_and_a_window_full_begins_the_next() {
    let mut pace = Pace::begin();
    let first = pace.until();
    pace.took(BYTES - 1);
    assert_eq!(pace.until(), first);
    pace.took(1);
    assert!(pace.until() > first);
    let second = pace.until();
    pace.took(BYTES - 1);
    assert_eq!(pace.until(), second);
}
