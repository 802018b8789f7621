use super::*;

fn numbers(series: &Series, ballots: u32) -> (u64, u64, u64) {
    let Numbered { number, cumulative, confirmed } = series.next(ballots);
    (number, cumulative, confirmed)
}

#[test]
fn numbers_have_no_gap_and_confirmed_is_what_all_before_are() {
    let series = Series::default();
    assert!(!series.began());
    assert_eq!(numbers(&series, 10), (1, 10, 0));
    assert_eq!(numbers(&series, 5), (2, 15, 0));
    series.confirm(2);
    assert_eq!(numbers(&series, 1), (3, 16, 0));
    series.confirm(1);
    assert_eq!(numbers(&series, 1), (4, 17, 2));
    assert_eq!(series.unconfirmed(), 2);
}

#[test]
fn a_beat_is_owed_once_the_last_ballots_are_confirmed_and_only_once() {
    let series = Series::default();
    assert!(!series.is_owed_a_beat(Duration::ZERO));
    series.next(10);
    assert!(!series.is_owed_a_beat(Duration::ZERO));
    series.confirm(1);
    assert!(series.is_owed_a_beat(Duration::ZERO));
    assert!(!series.is_owed_a_beat(Duration::from_secs(60)));
    series.next(0);
    assert!(!series.is_owed_a_beat(Duration::ZERO));
    series.confirm(2);
    assert!(!series.is_owed_a_beat(Duration::ZERO));
}
