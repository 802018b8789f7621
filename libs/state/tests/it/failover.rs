//! A Redis Cluster that loses masters, for good and for a while.

use std::time::{Duration, Instant};

use domain::State;
use futures::future::join_all;
use state::{
    States,
    redis::{ConnectError, RedisStates},
};
use testkit::{RedisCluster, until};

use crate::facts::{Task, tenant};

/// Fail-over takes the node time-out of 2 s, an election, and the client's next look at the cluster.
const RECOVERED: Duration = Duration::from_secs(60);
/// What an operation may take at most: its deadline, and a busy machine's slack.
const ANSWERED: Duration = Duration::from_secs(8);

fn hash(task: &Task) -> String {
    format!("marea:{{{}}}", task.key.id)
}

/// Tasks of one tenant whose hashes are on a node.
async fn tasks_on(cluster: &RedisCluster, node: usize, count: usize) -> Vec<Task> {
    let (tenant, mut tasks) = (tenant(), vec![]);
    while tasks.len() < count {
        let task = Task::of(&tenant, "demo");
        if cluster.master_of(&hash(&task)).await == Ok(node) {
            tasks.push(task);
        }
    }
    tasks
}

/// Adds until it is done: as a consumer does, whose message comes again.
async fn add_at_last(states: &RedisStates, tasks: &[Task]) {
    let facts: Vec<_> = tasks.iter().flat_map(|t| [t.submitted(), t.started()]).collect();
    until("the facts are added", RECOVERED, || states.add(&facts)).await.expect("the facts are added");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_masters_death_everything_works_and_lost_facts_are_added_again() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let states = RedisStates::connect(&cluster.url()).await.expect("the cluster answers");
    let master = cluster.master_of(&hash(&Task::new())).await.expect("a master");
    let tasks = tasks_on(&cluster, master, 5).await;
    // The replica is paused: what is written now is acknowledged and lost with the master.
    let kept = &tasks[..2];
    add_at_last(&states, kept).await;
    let replica = cluster.replica_of(master).await.expect("a replica");
    cluster.pause(replica);
    let late = &tasks[2..];
    add_at_last(&states, late).await;
    let lease = states.acquire(&late[0].key, "a", Duration::from_secs(600)).await.expect("an answer").expect("free");
    cluster.kill(master);
    cluster.resume(replica);

    let began = Instant::now();
    let during = states.get(&tasks[0].key).await;
    assert!(began.elapsed() < ANSWERED, "{during:?} after {:?}", began.elapsed());
    add_at_last(&states, &tasks).await;
    for task in &tasks {
        let status = until("the task is read", RECOVERED, || states.get(&task.key)).await.expect("an answer");
        assert_eq!(status.expect("the task").state, State::ApplyingInCluster);
    }
    let listed = states.list(&tasks[0].key.tenant, None, None, 99).await.expect("an answer");
    assert_eq!(listed.tasks.len(), tasks.len());
    if let Some(next) = states.acquire(&late[0].key, "b", Duration::from_secs(9)).await.expect("an answer") {
        // The lease was lost with its master; its epoch grows all the same.
        assert!(next.epoch > lease.epoch);
    }
    until("the cluster is ready", RECOVERED, || states.ready()).await.expect("ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_cluster_is_unavailable_in_time_and_works_again() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let states = RedisStates::connect(&cluster.url()).await.expect("the cluster answers");
    let tasks: Vec<_> = (0..20).map(|n| Task::of(&tenant(), &format!("task-{n}"))).collect();
    add_at_last(&states, &tasks).await;
    for node in 0..6 {
        cluster.pause(node);
    }
    let began = Instant::now();
    let facts: Vec<_> = tasks.iter().map(Task::applied).collect();
    let (read, added, ready) = tokio::join!(states.get(&tasks[0].key), states.add(&facts), states.ready());
    assert!(read.is_err() && added.is_err() && ready.is_err(), "{read:?} {added:?} {ready:?}");
    assert!(began.elapsed() < ANSWERED, "{:?}", began.elapsed());
    for node in 0..6 {
        cluster.resume(node);
    }
    cluster.await_ok().await;
    until("the facts are added", RECOVERED, || states.add(&facts)).await.expect("the facts are added");
    let statuses = join_all(tasks.iter().map(|t| states.get(&t.key))).await;
    assert!(statuses.into_iter().all(|s| s.expect("an answer").expect("the task").state == State::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_forgot_the_scripts_is_sent_them() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let states = RedisStates::connect(&cluster.url()).await.expect("the cluster answers");
    for node in 0..6 {
        cluster.ask(node, &["SCRIPT", "FLUSH"]).await.expect("an answer");
    }
    let tasks: Vec<_> = (0..20).map(|n| Task::of(&tenant(), &format!("task-{n}"))).collect();
    let facts: Vec<_> = tasks.iter().map(Task::submitted).collect();
    states.add(&facts).await.expect("an answer");
    assert!(states.acquire(&tasks[0].key, "a", Duration::from_secs(9)).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_evicts_is_refused() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let master = cluster.master_of("x").await.expect("a master");
    cluster.ask(master, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await.expect("an answer");
    let refused = RedisStates::connect(&cluster.url()).await.err().expect("an error");
    assert!(matches!(&refused, ConnectError::Evicts { policy, .. } if policy == "allkeys-lru"), "{refused}");
    assert!(refused.to_string().contains("set it to `noeviction`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_a_wrong_url_are_told_apart() {
    let port = testkit::free_port();
    let error = RedisStates::connect(&format!("redis-cluster://127.0.0.1:{port}")).await.err().expect("an error");
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error}");
    let error = RedisStates::connect("http://:s3cret@nowhere").await.err().expect("an error");
    assert!(matches!(&error, ConnectError::Url(_)) && !error.to_string().contains("s3cret"), "{error}");
}
