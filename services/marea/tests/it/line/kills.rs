//! Kills and races, seeded: `TESTKIT_SEED` repeats a run.

mod faults;
mod jobs;

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use testkit::until;

use self::jobs::Jobs;
use super::{platform::Platform, rights::left_over};
use crate::plan::{Plan, seeded};

/// Tasks that run while things are killed.
const TASKS: usize = 200;
/// Between two POSTs: the tasks last as long as a few faults of each kind.
const EVERY: Duration = Duration::from_millis(200);
/// How long the line may take to end what is left, after the last fault: delays of 15 s, redeliveries and a
/// refold after 60 s come one after another at worst.
const SETTLES: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn every_task_ends_as_asked_while_services_broker_and_redis_are_killed_and_paused() {
    let Some(line) = Platform::start(3, None).await else { return };
    let mut random = seeded();
    let plans = Plan::draw_all(TASKS, 20, &mut random);
    let jobs = Jobs::watch(&line.servers.kube.client().await, line.namespace).await;

    let paced = plans.iter().zip(0..).map(async |(plan, number)| {
        tokio::time::sleep(EVERY * number).await;
        plan.run(&line.client).await
    });
    let work = join_all(paced);
    let wanted = faults::until_done(&line, &mut random, work).await;

    for want in &wanted {
        line.reaches(&want.id, want.revision, &[want.state], SETTLES).await;
    }
    let objects = wanted.iter().flat_map(|want| want.objects.keys().cloned().chain(want.parent()));
    let expected: BTreeSet<String> = objects.collect();
    let client = line.servers.kube.client().await;
    let exact = || async {
        let found = BTreeSet::from_iter(left_over(&client, line.namespace).await);
        let (extra, missing): (Vec<_>, Vec<_>) =
            (found.difference(&expected).collect(), expected.difference(&found).collect());
        (extra.is_empty() && missing.is_empty())
            .then_some(())
            .ok_or(format!("left over: {extra:?}; missing: {missing:?}"))
    };
    until("exactly the objects asked for", Duration::from_secs(30), exact).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(jobs.ran_twice(), Vec::<String>::new());
    let empty = || async { (line.queued().await == 0).then_some(()).ok_or("messages are left queued") };
    until("empty queues", Duration::from_secs(60), empty).await.expect("nothing stays queued");
}
