//! Processes that die again and again: only what killed them is buried.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use messaging::rabbitmq::Config;
use messaging::topology::{MAX_DEATHS, YAML_MANAGER};
use messaging::{Bus, Route};

use crate::embedded::{open_in, reopen};
use crate::support::{Consumer, PATIENCE, Scripted, connected, eventually, message, nothing_is_left};

const BACKLOG: usize = 200;
const CRASHES: usize = 12;
/// The message whose handler kills its process.
const POISON: &str = "poison";

type Shared = Arc<dyn Bus>;

async fn publish(bus: &Shared, ids: impl Iterator<Item = String>) {
    let route = Route::Queue(&YAML_MANAGER);
    let published = join_all(ids.map(|id| bus.publish(&route, message(id)))).await;
    published.into_iter().for_each(Result::unwrap);
}

/// Crashes while as much as may be is at work; `open` is the next process.
async fn an_innocent_backlog_is_handled(bus: Shared, open: impl AsyncFn(Shared) -> Shared) {
    publish(&bus, (0..BACKLOG).map(|n| n.to_string())).await;
    // Nothing is done before the next crash.
    let slow = Scripted::slow(PATIENCE, |_, _| Ok(()));
    let mut bus = bus;
    for _ in 0..CRASHES {
        let consumer = Consumer::start(&bus, &YAML_MANAGER, slow.clone());
        tokio::time::sleep(Duration::from_millis(300)).await;
        consumer.crash().await;
        bus = open(bus).await;
    }
    let handler = Scripted::slow(Duration::from_millis(5), |_, _| Ok(()));
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    handler.saw_all(BACKLOG).await;
    nothing_is_left(&bus).await;
    consumer.stop().await;
}

/// Crashes whenever the poison is in its handler's hands.
async fn poison_is_buried(bus: Shared, open: impl AsyncFn(Shared) -> Shared) {
    publish(&bus, (0..9).map(|n| n.to_string()).chain([POISON.to_owned()])).await;
    let (mut bus, mut crashes) = (bus, 0);
    loop {
        let handler = Scripted::deadly(POISON);
        let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
        let dead = async || !bus.dead_letters(9).await.unwrap().is_empty();
        eventually("the poison, or its end", async || handler.times(POISON) > 0 || dead().await).await;
        if dead().await {
            consumer.stop().await;
            break;
        }
        consumer.crash().await;
        crashes += 1;
        bus = open(bus).await;
    }
    assert!(crashes > MAX_DEATHS && crashes < 3 * MAX_DEATHS, "{crashes} crashes");
    let letters = bus.dead_letters(9).await.unwrap();
    assert_eq!((letters.len(), letters[0].id.as_str()), (1, POISON));
    assert!(letters[0].reason.contains("died 5 times"), "{}", letters[0].reason);
    assert!(bus.drop_dead_letter(POISON).await.unwrap());
    let consumer = Consumer::start(&bus, &YAML_MANAGER, Scripted::glad());
    nothing_is_left(&bus).await;
    consumer.stop().await;
}

async fn embedded(folder: &Path) -> (Shared, impl AsyncFn(Shared) -> Shared) {
    (open_in(folder).await, async |bus| reopen(bus, folder).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_an_innocent_backlog_outlives_twelve_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let (bus, open) = embedded(folder.path()).await;
    an_innocent_backlog_is_handled(bus, open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_poison_is_buried_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (bus, open) = embedded(folder.path()).await;
    poison_is_buried(bus, open).await;
}

/// The next process connects anew.
async fn rabbitmq(test: &str) -> Option<(Shared, impl AsyncFn(Shared) -> Shared)> {
    let url = testkit::RabbitMq::shared().await?.vhost(&format!("messaging-{test}")).await;
    let bus = connected(Config::new(&url)).await;
    Some((bus, async move |bus| {
        drop(bus);
        connected(Config::new(&url)).await
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_an_innocent_backlog_outlives_twelve_crashes() {
    let Some((bus, open)) = rabbitmq("innocent").await else { return };
    an_innocent_backlog_is_handled(bus, open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_poison_is_buried_with_its_reason() {
    let Some((bus, open)) = rabbitmq("poison").await else { return };
    poison_is_buried(bus, open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_a_consumer_that_is_dropped_at_any_moment_gives_everything_back() {
    let Some((bus, _)) = rabbitmq("dropped").await else { return };
    publish(&bus, (0..BACKLOG).map(|n| n.to_string())).await;
    let slow = Scripted::slow(PATIENCE, |_, _| Ok(()));
    let began = Instant::now();
    let consumer = Consumer::start(&bus, &YAML_MANAGER, slow.clone());
    slow.saw_all(1).await;
    let takes = began.elapsed();
    consumer.crash().await;
    for _ in 0..60 {
        let consumer = Consumer::start(&bus, &YAML_MANAGER, slow.clone());
        tokio::time::sleep(takes.mul_f64(rand::random_range(0.3..1.3))).await;
        consumer.crash().await;
    }
    eventually("no consumer to be left", async || {
        let depth = bus.depth(YAML_MANAGER.name).await;
        depth.is_ok_and(|depth| depth.consumers == 0)
    })
    .await;
}
