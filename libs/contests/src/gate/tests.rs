use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("small")
}

fn window(from: Option<i64>, to: Option<i64>) -> Window {
    Window { from: from.map(at), to: to.map(at) }
}

fn states(gate: &Gate, window: Window) -> [State; 4] {
    [5, 15, 25, 35].map(|second| gate.state(&window, at(second)))
}

#[test]
fn a_window_opens_and_closes_by_itself() {
    use State::{Closed, Open, Upcoming};
    let gate = Gate::default();
    assert_eq!(states(&gate, window(Some(10), Some(30))), [Upcoming, Open, Open, Closed]);
    assert_eq!(states(&gate, window(None, None)), [Open; 4]);
    assert_eq!(gate.state(&window(None, Some(30)), at(30)), Closed);
    assert_eq!(gate.next_change(&window(Some(10), Some(30)), at(10)), Some(at(30)));
}

#[test]
fn the_latest_word_decides() {
    use State::{Closed, Open, Upcoming};
    let mut gate = Gate::default();
    gate.command(Step { open: false, at: at(20) }, at(1)).expect("one");
    assert_eq!(states(&gate, window(None, None)), [Open, Open, Closed, Closed]);
    gate.command(Step { open: true, at: at(10) }, at(2)).expect("one");
    assert_eq!(states(&gate, window(None, None)), [Upcoming, Open, Open, Open]);
    gate.command(Step { open: true, at: at(31) }, at(3)).expect("two");
    assert_eq!(states(&gate, window(Some(10), Some(30))), [Upcoming, Open, Open, Open]);
}

#[test]
fn what_is_behind_is_forgotten_and_the_future_is_bounded() {
    let mut gate = Gate::default();
    for second in 1..100 {
        gate.command(Step { open: second % 2 == 0, at: at(second) }, at(second)).expect("one is in force");
    }
    assert_eq!(gate.steps, [Step { open: false, at: at(99) }]);
    let mut full = Ok(());
    for second in 200..220 {
        full = full.and(gate.command(Step { open: true, at: at(second) }, at(100)));
    }
    assert_eq!(full, Err(TooMany));
}

#[test]
fn it_is_closed_since_the_first_word_that_closed_it() {
    let mut gate = Gate::default();
    assert_eq!(gate.closed_since(&window(None, None), at(5)), None);
    assert_eq!(gate.closed_since(&window(Some(10), None), at(5)), None);
    assert_eq!(gate.closed_since(&window(Some(10), Some(30)), at(35)), Some(at(30)));
    gate.command(Step { open: false, at: at(20) }, at(1)).expect("one");
    assert_eq!(gate.closed_since(&window(Some(10), Some(30)), at(35)), Some(at(20)));
    assert_eq!(gate.closed_since(&window(Some(10), Some(30)), at(15)), None);
}

#[test]
fn what_is_withdrawn_never_opens_and_what_is_closed_stays_closed() {
    use State::{Closed, Withdrawn};
    let gate = Gate { withdrawn: Some(at(1)), ..Gate::default() };
    assert_eq!(states(&gate, window(Some(10), Some(30))), [Withdrawn, Withdrawn, Withdrawn, Closed]);
    assert_eq!(gate.next_change(&window(Some(10), Some(30)), at(5)), Some(at(30)));
    assert_eq!(gate.next_change(&window(Some(10), None), at(5)), None);
}
