//! SIGKILL at random moments, seeded: `TESTKIT_SEED` repeats a run.

use std::{collections::BTreeSet, time::Duration};

use client::Client;
use domain::Health;
use futures::future::join_all;
use rand::{SeedableRng as _, rngs::StdRng};
use testkit::until;
use tokio::time::sleep;

use super::ledger::Ledger;
use crate::{
    killed::{READY, Up},
    plan::{Objects, Plan, Wanted, seeded},
};

/// Tasks that run while it is killed.
const TASKS: usize = 100;
/// Between two POSTs: all of them take about as long as all kills.
const EVERY: Duration = Duration::from_millis(200);
/// How often it is killed.
const KILLS: usize = 20;
/// How long everything may take to end after the last kill: a delay of 15 s, two more for the look after the end of
/// what came again, and a debug build's work.
const SETTLES: Duration = Duration::from_secs(75);

#[tokio::test(flavor = "multi_thread")]
async fn every_task_ends_as_asked_though_the_process_is_killed_20_times() {
    let mut random = seeded();
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let up = Up::start(&data, &[]);
    up.ready().await;
    up.process.kill9();
    let ledger = Ledger::begin(&data);
    up.process.restart();

    let client = Client::new(&up.url, None).expect("a URL").patient(Duration::from_secs(60));
    let plans = Plan::draw_all(TASKS, 10, &mut random);
    let paced = plans.iter().zip(0..).map(async |(plan, number)| {
        sleep(EVERY * number).await;
        plan.run(&client).await
    });
    let kills = up.kill_at_random(KILLS, StdRng::from_rng(&mut random));
    let (wanted, ()) = tokio::join!(join_all(paced), kills);

    let checked = check(&client, &ledger, &wanted).await;
    checked.unwrap_or_else(|e| panic!("{e}\n{}", up.process.tail()));
    up.process.terminate();
    assert_eq!(up.process.ended(READY).await, Ok(Some(0)));
}

/// Whether all has come as asked.
async fn check(client: &Client, ledger: &Ledger, wanted: &[Wanted]) -> Result<(), String> {
    let ended = until("every task as asked", SETTLES, || all_ended(client, wanted)).await;
    ended
        .map_err(|error| format!("{error}\nqueued: {}\n{}", ledger.messages().join(", "), ledger.jobs().join("\n")))?;
    until("exactly the objects asked for", SETTLES, async || exact(ledger, wanted)).await?;
    let empty = |found: Vec<String>| if found.is_empty() { Ok(()) } else { Err(found.join("\n")) };
    until("empty queues", SETTLES, async || empty(ledger.messages())).await?;
    empty(ran_wrongly(ledger, wanted))
}

/// The `kind: Job`s that ran twice, and those of the tasks that are left that never ran.
fn ran_wrongly(ledger: &Ledger, wanted: &[Wanted]) -> Vec<String> {
    let runs = ledger.runs();
    let twice = runs.iter().filter(|(_, runs)| **runs > 1).map(|(job, _)| format!("{job} ran twice"));
    let jobs = wanted.iter().flat_map(|one| one.objects.keys()).filter_map(|name| name.strip_prefix("Job/"));
    let never = jobs.filter(|job| !runs.contains_key(*job)).map(|job| format!("{job} never ran"));
    twice.chain(never).collect()
}

async fn all_ended(client: &Client, wanted: &[Wanted]) -> Result<(), String> {
    let wrong = join_all(wanted.iter().map(|one| differs(client, one))).await;
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("{} tasks: {}", wrong.len(), wrong.join("\n"))) }
}

/// What the server says of a task, where that is not what was asked.
async fn differs(client: &Client, one: &Wanted) -> Option<String> {
    let status = match client.status(&one.id).await {
        Ok(status) => status,
        Err(error) => return Some(format!("{}: {error}", one.name)),
    };
    let objects: BTreeSet<_> = status.objects.iter().map(|o| o.object.to_string()).collect();
    let right = (status.state, status.desired_revision, status.health) == (one.state, one.revision, Health::Healthy)
        && objects.iter().eq(one.objects.keys())
        && status.objects.iter().all(|o| o.health == Health::Healthy);
    (!right).then(|| format!("{}: {status:?}", one.name))
}

/// Whether the cluster holds just what was asked for, and one parent a task.
fn exact(ledger: &Ledger, wanted: &[Wanted]) -> Result<(), String> {
    let left: Vec<_> = wanted.iter().filter(|one| !one.objects.is_empty()).collect();
    let parents = left.iter().filter_map(|one| Some((one.parent()?, String::new())));
    let expected: Objects = left.iter().flat_map(|one| one.objects.clone()).chain(parents).collect();
    let found = ledger.objects(&left.iter().map(|one| one.id.as_str()).collect());
    let without = |a: &Objects, b: &Objects| -> Vec<_> {
        a.iter().filter(|(name, value)| b.get(*name) != Some(value)).map(|(n, v)| format!("{n} {v}")).collect()
    };
    let (extra, missing) = (without(&found, &expected), without(&expected, &found));
    let right = extra.is_empty() && missing.is_empty();
    if right { Ok(()) } else { Err(format!("left over: {extra:?}; missing: {missing:?}")) }
}
