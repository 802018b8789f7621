//! What the sweep removes, and above all what it leaves.

use std::sync::Arc;

use blobs::{
    Blobs, Records,
    records::{Idempotent, NameClaim, SweepReport},
};
use domain::{
    Action, Command, Rendered, TaskId,
    record::{Ending, Report},
};
use jiff::{SignedDuration, Timestamp};

use crate::records_contract::{command, key, name, outcome, tenant};

type Store = Arc<dyn Blobs>;

async fn sweep_in_days(records: &Records, days: i64) -> SweepReport {
    records.sweep(Timestamp::now() + SignedDuration::from_hours(days * 24)).await.expect("a sweep")
}

pub async fn a_task_that_was_never_run_is_swept_after_seven_days(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    records.claim_name(&tenant(), &name("demo"), id).await.expect("a claim");
    records.create_command(&command(id, 1)).await.expect("a create");
    let cancel = Command { action: Action::RollBack, ..command(id, 2) };
    records.create_command(&cancel).await.expect("a create");
    let waits = SweepReport { unheard: vec![(key(id), vec![1, 2])], ..SweepReport::default() };
    assert_eq!(sweep_in_days(&records, 6).await, waits);
    let swept = sweep_in_days(&records, 8).await;
    assert_eq!(swept, SweepReport { tasks: vec![key(id)], names: 1, ..SweepReport::default() });
    assert_eq!(records.highest(&key(id)).await.expect("a list"), None);
    let again = records.claim_name(&tenant(), &name("demo"), TaskId::new()).await.expect("a claim");
    assert_eq!(again, NameClaim::Claimed);
}

pub async fn a_task_that_runs_for_weeks_is_left(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    records.claim_name(&tenant(), &name("demo"), id).await.expect("a claim");
    records.create_command(&command(id, 1)).await.expect("a create");
    records.put_rendered(&key(id), 1, &Rendered::default()).await.expect("a put");
    assert_eq!(sweep_in_days(&records, 15).await, SweepReport::default());
    assert_eq!(records.highest(&key(id)).await.expect("a list"), Some(1));
}

pub async fn what_waits_to_be_heard_of_is_told(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    for n in 1..=5 {
        records.create_command(&command(id, n)).await.expect("a create");
    }
    // 2 was accepted and supersedes 1; 4 was rejected and supersedes nothing.
    records.put_rendered(&key(id), 2, &Rendered::default()).await.expect("a put");
    records.put_report(&key(id), 4, &Report { rejected: true, ..Report::default() }).await.expect("a put");
    records.put_outcome(&key(id), 4, &outcome(Ending::Rejected)).await.expect("a put");
    assert_eq!(records.sweep(Timestamp::now()).await.expect("a sweep").unheard, []);
    let later = records.sweep(Timestamp::now() + SignedDuration::from_mins(11)).await.expect("a sweep");
    assert_eq!(later.unheard, [(key(id), vec![3, 5])]);
    // A roll back that was worked on supersedes all.
    records.create_command(&Command { action: Action::RollBack, ..command(id, 6) }).await.expect("a create");
    records.put_outcome(&key(id), 6, &outcome(Ending::RolledBack)).await.expect("a put");
    assert_eq!(sweep_in_days(&records, 1).await.unheard, []);
}

pub async fn a_last_command_that_was_never_run_is_swept(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    for n in 1..=2 {
        records.create_command(&command(id, n)).await.expect("a create");
    }
    records.put_outcome(&key(id), 1, &outcome(Ending::Applied)).await.expect("a put");
    let swept = sweep_in_days(&records, 8).await;
    assert_eq!(swept, SweepReport { commands: vec![(key(id), 2)], ..SweepReport::default() });
    assert_eq!(records.highest(&key(id)).await.expect("a list"), Some(1));
}

pub async fn a_roll_back_that_waits_is_left(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    records.create_command(&command(id, 1)).await.expect("a create");
    records.put_rendered(&key(id), 1, &Rendered::default()).await.expect("a put");
    let roll_back = Command { action: Action::RollBack, ..command(id, 2) };
    records.create_command(&roll_back).await.expect("a create");
    let waits = SweepReport { unheard: vec![(key(id), vec![2])], ..SweepReport::default() };
    assert_eq!(sweep_in_days(&records, 30).await, waits);
    assert_eq!(records.highest(&key(id)).await.expect("a list"), Some(2));
}

pub async fn idempotency_keys_are_swept_after_a_day(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    let tenant = tenant();
    let ask = |id| records.idempotency(&tenant, "aa", "b0", id, 1);
    assert_eq!(ask(id).await.expect("an answer"), Idempotent::New);
    let hours = |n| Timestamp::now() + SignedDuration::from_hours(n);
    assert_eq!(records.sweep(hours(23)).await.expect("a sweep").idempotency_keys, 0);
    assert_eq!(ask(TaskId::new()).await.expect("an answer"), Idempotent::Same { id, n: 1 });
    assert_eq!(records.sweep(hours(25)).await.expect("a sweep").idempotency_keys, 1);
    assert_eq!(ask(TaskId::new()).await.expect("an answer"), Idempotent::New);
}

pub async fn a_name_without_a_task_is_given_back(store: Store) {
    let (records, [lost, kept]) = (Records::new(store), [TaskId::new(), TaskId::new()]);
    records.claim_name(&tenant(), &name("lost"), lost).await.expect("a claim");
    records.claim_name(&tenant(), &name("kept"), kept).await.expect("a claim");
    records.create_command(&command(kept, 1)).await.expect("a create");
    records.put_rendered(&key(kept), 1, &Rendered::default()).await.expect("a put");
    assert_eq!(sweep_in_days(&records, 6).await.names, 0);
    assert_eq!(sweep_in_days(&records, 8).await.names, 1);
    assert_eq!(sweep_in_days(&records, 8).await.names, 0);
    let other = TaskId::new();
    for (text, claim) in [("lost", NameClaim::Claimed), ("kept", NameClaim::Taken(kept))] {
        assert_eq!(records.claim_name(&tenant(), &name(text), other).await.expect("a claim"), claim);
    }
}
