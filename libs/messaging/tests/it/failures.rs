//! Brokers of their own, killed and paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use messaging::rabbitmq::Config;
use messaging::topology::{CONFIRM_TIMEOUT, STATUS_WORKER, YAML_MANAGER};
use messaging::{Bus, PublishError, Route};

use crate::support::{Consumer, Scripted, connected, eventually, message, nothing_is_left};

async fn connect(broker: &testkit::RabbitMq) -> Arc<dyn Bus> {
    let urls = (0..broker.nodes()).map(|node| broker.url(node)).collect();
    connected(Config { urls, ..Config::new("") }).await
}

/// Publishes until told the goal is reached: each message again until it is confirmed.
async fn publish_all(bus: Arc<dyn Bus>, confirmed: Arc<AtomicUsize>, publisher: usize, count: usize) {
    for n in 0..count {
        let id = format!("{publisher}-{n}");
        while bus.publish(&Route::Fact("task.progress"), message(&id)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        confirmed.fetch_add(1, Ordering::SeqCst);
    }
}

/// Publishes and consumes while `disturb` runs once a third is confirmed; everything confirmed arrives.
async fn nothing_confirmed_is_lost(bus: Arc<dyn Bus>, disturb: impl Future<Output = ()>) {
    const PUBLISHERS: usize = 40;
    const EACH: usize = 75;
    let (handler, confirmed) = (Scripted::glad(), Arc::new(AtomicUsize::new(0)));
    let consumer = Consumer::start(&bus, &STATUS_WORKER, handler.clone());
    let publishers = (0..PUBLISHERS).map(|p| tokio::spawn(publish_all(bus.clone(), confirmed.clone(), p, EACH)));
    let publishers: Vec<_> = publishers.collect();
    let third = PUBLISHERS * EACH / 3;
    eventually("a third", async || confirmed.load(Ordering::SeqCst) > third).await;
    disturb.await;
    for publisher in publishers {
        tokio::time::timeout(Duration::from_secs(120), publisher).await.expect("publishing goes on").unwrap();
    }
    handler.saw_all(PUBLISHERS * EACH).await;
    nothing_is_left(&bus).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_confirmed_is_lost_when_the_broker_is_killed() {
    let Some(broker) = testkit::RabbitMq::start(1).await else { return };
    let bus = connect(&broker).await;
    nothing_confirmed_is_lost(bus, async {
        broker.kill(0);
        broker.restart(0);
        broker.await_ready(0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_confirmed_is_lost_when_one_of_three_nodes_is_killed() {
    let Some(broker) = testkit::RabbitMq::start(3).await else { return };
    let bus = connect(&broker).await;
    nothing_confirmed_is_lost(bus.clone(), async { broker.kill(0) }).await;
    bus.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_broker_is_unknown_then_unreachable_and_comes_back() {
    let Some(broker) = testkit::RabbitMq::start(1).await else { return };
    let bus = connect(&broker).await;
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    bus.publish(&Route::Queue(&YAML_MANAGER), message("before")).await.unwrap();
    handler.saw("before", 1).await;
    // What was delivered by then has been read, for nothing else can be on its way.
    let reads = async || {
        let now = tokio::time::Instant::now();
        eventually("it to read", async || bus.has_read_since(now)).await;
    };
    reads().await;
    broker.pause(0);
    let paused = tokio::time::Instant::now();

    let began = Instant::now();
    let unknown = bus.publish(&Route::Queue(&YAML_MANAGER), message("paused")).await;
    assert!(matches!(unknown, Err(PublishError::Unknown)), "{unknown:?}");
    assert!(began.elapsed() < 3 * CONFIRM_TIMEOUT, "{:?}", began.elapsed());
    bus.ready().await.unwrap_err();
    assert!(!bus.has_read_since(paused), "whether something was delivered is not known");
    eventually("the silent connection to be given up", async || {
        let publish = bus.publish(&Route::Queue(&YAML_MANAGER), message("paused")).await;
        matches!(publish, Err(PublishError::Unreachable(_)))
    })
    .await;

    broker.resume(0);
    eventually("the broker", async || bus.publish(&Route::Queue(&YAML_MANAGER), message("after")).await.is_ok()).await;
    handler.saw("after", 1).await;
    eventually("readiness", async || bus.ready().await.is_ok()).await;
    reads().await;
    nothing_is_left(&bus).await;
    consumer.stop().await;
}
