use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("small")
}

/// Three batches of 10 ballots each, all here and confirmed, the last one a beat.
fn idle() -> Summary {
    Summary {
        producer: Uuid::from_u128(1),
        entries: 4,
        highest: 4,
        confirmed: 3,
        entries_confirmed: 3,
        cumulative: 30,
        ballots: 30,
        last: false,
        beat: true,
        newest: at(100),
    }
}

fn audit(summary: &Summary, now: i64, queues_empty: bool) -> Audit {
    let totals = Totals { batches: summary.entries, counted: summary.ballots, ..Totals::default() };
    Audit::of("c", std::slice::from_ref(summary), totals, Circumstances { now: at(now), queues_empty })
}

#[test]
fn a_producer_that_beats_with_nothing_missing_is_settled() {
    let audit = audit(&idle(), 101, true);
    assert!(audit.settled);
    assert_eq!((audit.accepted, audit.received, audit.in_flight.at_most), (30, 30, Some(0)));
}

/// A thousand votes were accepted after the beat, and nobody takes them from their queue.
#[test]
fn a_beat_does_not_settle_over_queues_that_hold_something() {
    for summary in [idle(), Summary { last: true, beat: false, ..idle() }] {
        let audit = audit(&summary, 101, false);
        assert!(!audit.settled && !audit.producers[0].settled);
        assert_eq!(audit.in_flight, Interval { at_least: 0, at_most: None });
    }
}

#[test]
fn a_producer_that_nobody_knows_yet_is_not_taken_for_settled() {
    let circumstances = Circumstances { now: at(1), queues_empty: false };
    let audit = Audit::of("c", &[], Totals::default(), circumstances);
    assert!(!audit.settled);
    assert_eq!(audit.in_flight.at_most, None);
}

#[test]
fn a_producer_under_load_leaves_an_interval() {
    let audit = audit(&Summary { beat: false, ballots: 20, entries: 3, ..idle() }, 101, false);
    assert!(!audit.settled);
    assert_eq!((audit.accepted, audit.in_flight), (30, Interval { at_least: 10, at_most: None }));
}

#[test]
fn a_killed_producer_settles_when_it_is_silent_and_the_queues_are_empty() {
    let killed = Summary { beat: false, ..idle() };
    assert!(!audit(&killed, 110, true).settled && !audit(&killed, 140, false).settled);
    assert!(audit(&killed, 140, true).settled);
}

#[test]
fn what_a_killed_producer_never_had_confirmed_is_abandoned_and_not_accepted() {
    let killed = Summary { beat: false, entries: 3, ballots: 20, confirmed: 1, entries_confirmed: 1, ..idle() };
    let audit = audit(&killed, 140, true);
    assert!(audit.settled);
    assert_eq!((audit.accepted, audit.abandoned, audit.lost), (20, 10, 0));
}

#[test]
fn a_confirmed_batch_that_is_nowhere_is_lost_and_never_settles() {
    let robbed = Summary { entries: 3, ballots: 20, entries_confirmed: 2, ..idle() };
    let audit = audit(&robbed, 140, true);
    assert!(!audit.settled);
    assert_eq!((audit.lost, audit.abandoned), (10, 0));
}

#[test]
fn nobody_cast_anything() {
    let circumstances = Circumstances { now: at(1), queues_empty: true };
    let audit = Audit::of("c", &[], Totals::default(), circumstances);
    assert!(audit.settled);
    assert_eq!((audit.accepted, audit.in_flight.at_most), (0, Some(0)));
}
