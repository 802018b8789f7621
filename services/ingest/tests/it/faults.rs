//! Brokers that are paused and killed: what is acknowledged is in the queue, and silence is told at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use messaging::{
    Bus,
    rabbitmq::{Config, RabbitMq},
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Harness, PATIENCE, With, code, vote};

/// Voters that cast one vote after another.
const VOTERS: usize = 32;

async fn harness(broker: &testkit::RabbitMq) -> Arc<Harness> {
    let urls = (0..broker.nodes()).map(|node| broker.url(node)).collect();
    let bus: Arc<dyn Bus> = Arc::new(RabbitMq::connect(Config { urls, ..Config::new("") }).await.unwrap());
    Arc::new(Harness::new(bus, With::default()).await)
}

/// What voters were told.
#[derive(Default)]
struct Told {
    accepted: Mutex<Vec<String>>,
    unknown: Mutex<Vec<String>>,
    not_accepted: AtomicUsize,
    over: AtomicBool,
}

async fn voter(harness: Arc<Harness>, told: Arc<Told>) {
    while !told.over.load(Ordering::SeqCst) {
        let (status, answer) = harness.cast("/votes", &vote("x")).await;
        let id = || answer["ids"][0].as_str().unwrap().to_owned();
        match (status, code(&answer)) {
            (202, _) => told.accepted.lock().push(id()),
            (503, "outcome-unknown") => told.unknown.lock().push(id()),
            (503, "not-accepted") => {
                told.not_accepted.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => panic!("{other:?} {answer}"),
        }
    }
}

async fn until_more(told: &Told) {
    let before = told.accepted.lock().len();
    let more = testkit::until("votes to be accepted", PATIENCE, async || {
        let now = told.accepted.lock().len();
        if now > before + 100 { Ok(()) } else { Err(format!("{before}, then {now}")) }
    });
    more.await.unwrap();
}

/// Votes while `disturb` runs; then everything acknowledged is in the queue, once.
async fn nothing_acknowledged_is_missing(harness: Arc<Harness>, disturb: impl AsyncFnOnce(&Told)) -> Arc<Told> {
    let told = Arc::new(Told::default());
    let voters: Vec<_> = (0..VOTERS).map(|_| tokio::spawn(voter(harness.clone(), told.clone()))).collect();
    until_more(&told).await;
    disturb(&told).await;
    until_more(&told).await;
    told.over.store(true, Ordering::SeqCst);
    join_all(voters).await.into_iter().for_each(Result::unwrap);
    let accepted = told.accepted.lock().clone();
    harness.noted.all(&accepted).await;
    // A batch is published until it is confirmed: what was unknown comes as well.
    let unknown = told.unknown.lock().clone();
    harness.noted.all(&unknown).await;
    told
}

async fn until_told_no(told: &Told) {
    let no = testkit::until("requests not to be accepted", PATIENCE, async || {
        if told.not_accepted.load(Ordering::SeqCst) > 0 { Ok(()) } else { Err("none yet") }
    });
    no.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_broker_is_told_at_once_and_nothing_is_lost() {
    let Some(broker) = testkit::RabbitMq::start(1).await else { return };
    let harness = harness(&broker).await;
    let told = nothing_acknowledged_is_missing(harness, async |told| {
        broker.pause(0);
        until_told_no(told).await;
        let accepted = told.accepted.lock().len();
        assert!(!told.unknown.lock().is_empty());
        // Longer than a silent connection lives.
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!(told.accepted.lock().len(), accepted, "nothing is accepted in silence");
        broker.resume(0);
    })
    .await;
    // Only what was under way when the silence began, and what was tried between its ends.
    assert!(told.unknown.lock().len() < 20 * VOTERS, "{}", told.unknown.lock().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_and_a_lost_quorum_lose_nothing() {
    let Some(broker) = testkit::RabbitMq::start(3).await else { return };
    let harness = harness(&broker).await;
    nothing_acknowledged_is_missing(harness, async |told| {
        broker.kill(0);
        until_more(told).await;
        broker.restart(0);
        broker.recover().await;
        until_more(told).await;
        for node in [1, 2] {
            broker.pause(node);
        }
        until_told_no(told).await;
        for node in [1, 2] {
            broker.resume(node);
        }
    })
    .await;
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Answers by status.
#[derive(Default)]
struct Answers {
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

/// Casts votes on one connection until told.
async fn client(address: String, over: Arc<AtomicBool>, answers: Arc<Answers>) {
    let Ok(mut stream) = TcpStream::connect(&address).await else { return };
    let body = vote("x").to_string();
    let head = "POST /votes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut answer = vec![0; 2048];
    while !over.load(Ordering::SeqCst) {
        if stream.write_all(request.as_bytes()).await.is_err() {
            return;
        }
        let Ok(read @ 1..) = stream.read(&mut answer).await else { return };
        let text = String::from_utf8_lossy(&answer[..read]);
        if text.starts_with("HTTP/1.1 202") {
            answers.accepted.fetch_add(1, Ordering::SeqCst);
        } else {
            assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1"), "{text}");
            answers.refused.fetch_add(1, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A broker goes away under the load of 10,000 clients, and comes back.
async fn ten_thousand_clients(goes: fn(&testkit::RabbitMq), comes: fn(&testkit::RabbitMq)) {
    let Some(broker) = testkit::RabbitMq::start(1).await else { return };
    let Some(redis) = testkit::RedisCluster::shared().await else { return };
    let blobs = tempfile::tempdir().unwrap();
    let (amqp, blobs_url) = (broker.url(0), format!("file://{}", blobs.path().display()));
    let redis = redis.url();
    let variables = [
        ("MAREA_AMQP", amqp.as_str()),
        ("MAREA_REDIS", redis.as_str()),
        ("MAREA_BLOBS", blobs_url.as_str()),
        ("MAREA_ACCESS", "local"),
        ("MAREA_SAMPLES", "true"),
        ("MAREA_DRAW_KEY", "key"),
    ];
    let service = testkit::Service::start("ingest", &variables).await;
    let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Answers::default()));
    let address = service.url().trim_start_matches("http://").to_owned();
    let clients: Vec<_> =
        (0..10_000).map(|_| tokio::spawn(client(address.clone(), over.clone(), answers.clone()))).collect();
    let until = async |what: &'static str, counter: &AtomicUsize, more: usize| {
        let least = counter.load(Ordering::SeqCst) + more;
        testkit::until(what, PATIENCE, async || {
            let now = counter.load(Ordering::SeqCst);
            if now >= least { Ok(()) } else { Err(format!("{now} of {least}")) }
        })
        .await
        .unwrap();
    };
    until("votes to be taken", &answers.accepted, 10_000).await;
    goes(&broker);
    until("refusals", &answers.refused, 15_000).await;
    let pid = service.process().pid().unwrap();
    let (before, accepted) = (resident(pid), answers.accepted.load(Ordering::SeqCst));
    until("refusals", &answers.refused, 30_000).await;
    let after = resident(pid);
    println!("resident with 10,000 clients: {before} KiB, later {after} KiB");
    assert!(after < before + 64 * 1024, "memory grew from {before} to {after} KiB");
    assert_eq!(answers.accepted.load(Ordering::SeqCst), accepted, "nothing is accepted without a broker");
    comes(&broker);
    until("votes to be taken again", &answers.accepted, 10_000).await;
    over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_clients_of_a_silent_broker_are_told_and_memory_is_bounded() {
    ten_thousand_clients(|broker| broker.pause(0), |broker| broker.resume(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_clients_of_a_stopped_broker_are_told_and_memory_is_bounded() {
    ten_thousand_clients(|broker| broker.kill(0), |broker| broker.restart(0)).await;
}
