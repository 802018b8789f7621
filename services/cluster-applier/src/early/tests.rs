use std::time::Duration;

use domain::{TaskId, TaskKey};
use tokio::time::Instant;

use super::{GATHER, Schedule};

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
    schedule.ended(key.clone(), later);
    assert_eq!(schedule.next(), Some(later));
    assert_eq!(schedule.take(later), Some(key));
}

#[test]
fn a_task_rests_before_it_is_looked_at_again() {
    let (mut schedule, key, now) = (Schedule::default(), key(), Instant::now());
    schedule.add(key.clone(), now);
    schedule.take(now + GATHER);
    let until = now + Duration::from_secs(1);
    schedule.ended(key.clone(), until);
    schedule.add(key, now + 2 * GATHER);
    assert_eq!(schedule.next(), Some(until));
}
