use std::time::Duration;

use domain::{TaskId, TaskKey};
use tokio::time::Instant;

use super::{GATHER, Looked, MAX_PAUSE, PAUSE, Schedule};

fn key() -> TaskKey {
    TaskKey { tenant: "local".parse().unwrap(), id: TaskId::new() }
}

#[test]
fn changes_that_come_together_are_one_look() {
    let (mut schedule, key, now) = (Schedule::default(), key(), Instant::now());
    schedule.add(key.clone(), now);
    schedule.add(key.clone(), now + GATHER / 2);
    assert_eq!(schedule.take(now), None);
    assert_eq!(schedule.next(), Some(now + GATHER));
    assert_eq!(schedule.take(now + GATHER), Some(key));
    assert_eq!(schedule.next(), None);
}

#[test]
fn a_task_that_changes_while_it_is_looked_at_is_due_once_it_has_rested() {
    let (mut schedule, key, now) = (Schedule::default(), key(), Instant::now());
    schedule.add(key.clone(), now);
    assert_eq!(schedule.take(now + GATHER), Some(key.clone()));
    schedule.add(key.clone(), now + 2 * GATHER);
    let later = now + Duration::from_secs(1);
    assert_eq!((schedule.next(), schedule.take(later)), (None, None));
    schedule.ended(key.clone(), Looked::Told(PAUSE), later);
    assert_eq!(schedule.next(), Some(later + PAUSE));
    assert_eq!(schedule.take(later + PAUSE), Some(key));
}

#[test]
fn a_task_rests_before_it_is_looked_at_again() {
    let (mut schedule, key, now) = (Schedule::default(), key(), Instant::now());
    schedule.add(key.clone(), now);
    schedule.take(now + GATHER);
    schedule.ended(key.clone(), Looked::Told(PAUSE), now + GATHER);
    schedule.add(key, now + 2 * GATHER);
    assert_eq!(schedule.next(), Some(now + GATHER + PAUSE));
}

#[test]
fn who_waits_longest_is_next_whatever_its_name() {
    let (mut schedule, now) = (Schedule::default(), Instant::now());
    let of = |tenant: &str| TaskKey { tenant: tenant.parse().unwrap(), ..key() };
    let (first, second) = (of("zoo"), of("alpha"));
    schedule.add(first.clone(), now);
    schedule.add(second.clone(), now + Duration::from_millis(1));
    let later = now + Duration::from_secs(1);
    assert_eq!([schedule.take(later), schedule.take(later)], [Some(first), Some(second)]);
}

#[test]
fn a_look_in_vain_is_followed_by_another_later_and_later_until_all_is_told() {
    let (mut schedule, key, mut now) = (Schedule::default(), key(), Instant::now());
    schedule.add(key.clone(), now);
    let mut pauses = vec![];
    for _ in 0..8 {
        now = schedule.next().unwrap();
        schedule.take(now).unwrap();
        schedule.ended(key.clone(), Looked::InVain, now);
        pauses.push((schedule.next().unwrap() - now).as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, MAX_PAUSE.as_secs(), MAX_PAUSE.as_secs()]);
    // An event is not kept waiting by that.
    schedule.add(key.clone(), now + PAUSE);
    assert_eq!(schedule.next(), Some(now + PAUSE + GATHER));
    schedule.take(now + PAUSE + GATHER).unwrap();
    schedule.ended(key, Looked::Told(PAUSE), now + 2 * PAUSE);
    assert_eq!(schedule.next(), None);
}
