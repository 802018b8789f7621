//! The contract over the embedded bus, and its restarts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use embedded::Database;
use messaging::embedded::EmbeddedBus;
use messaging::topology::{CLUSTER_APPLIER, STATUS_WORKER, Step, YAML_MANAGER};
use messaging::{Bus, Route};

use crate::support::{Consumer, PATIENCE, Scripted, message, nothing_is_left};

async fn open(_test: &str) -> Option<(Arc<dyn Bus>, ())> {
    let bus = EmbeddedBus::open(Database::ephemeral().unwrap()).await.unwrap();
    Some((Arc::new(bus), ()))
}

crate::whole_contract!(open);

pub(crate) async fn open_in(folder: &Path) -> Arc<dyn Bus> {
    Arc::new(EmbeddedBus::open(Database::open(folder).unwrap()).await.unwrap())
}

/// As after SIGKILL: the bus is dropped, and the folder opened again once its tasks let go of it.
pub(crate) async fn reopen(bus: Arc<dyn Bus>, folder: &Path) -> Arc<dyn Bus> {
    drop(bus);
    let database = testkit::until("the database to close", PATIENCE, async || Database::open(folder)).await.unwrap();
    Arc::new(EmbeddedBus::open(database).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_waits_again_after_a_restart_delays_and_dead_letters_too() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).unwrap();
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::open(database).await.unwrap());
    bus.publish(&Route::Fact("task.submitted"), message("fact")).await.unwrap();
    bus.publish(&Route::Delayed(Step::S1, &CLUSTER_APPLIER), message("delayed")).await.unwrap();
    let failing = Scripted::new(|_, _| Err(messaging::JobError::fail("no")));
    let consumer = Consumer::start(&bus, &YAML_MANAGER, failing.clone());
    failing.saw("fact", 1).await;
    consumer.stop().await;

    let bus = reopen(bus, folder.path()).await;
    assert_eq!(bus.dead_letters(9).await.unwrap().len(), 1);
    assert!(bus.drop_dead_letter("fact").await.unwrap());
    let (status, applier) = (Scripted::glad(), Scripted::glad());
    let consumers =
        [(&STATUS_WORKER, &status), (&CLUSTER_APPLIER, &applier)].map(|(q, h)| Consumer::start(&bus, q, h.clone()));
    status.saw("fact", 1).await;
    applier.saw("delayed", 1).await;
    assert_eq!(status.last().unwrap().redeliveries, 1, "its consumer may have held it");
    for consumer in consumers {
        consumer.stop().await;
    }
    nothing_is_left(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_close_does_not_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let bus = Arc::new(EmbeddedBus::open(Database::open(folder.path()).unwrap()).await.unwrap());
    let shared: Arc<dyn Bus> = bus.clone();
    shared.publish(&Route::Queue(&YAML_MANAGER), message("one")).await.unwrap();
    let handler = Scripted::glad();
    let consumer = Consumer::start(&shared, &YAML_MANAGER, handler.clone());
    handler.saw("one", 1).await;
    consumer.stop().await;
    drop(shared);
    Arc::into_inner(bus).expect("the only handle").close().await;
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::open(Database::open(folder.path()).unwrap()).await.unwrap());
    nothing_is_left(&bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_stops_waiting_loses_no_message() {
    let database = Database::ephemeral().unwrap();
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::open(database.clone()).await.unwrap());
    // The writer is held until the publisher has gone.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let holding = tokio::spawn(async move { database.write(move |_| Ok(held.recv().is_ok())).await });
    let route = Route::Queue(&YAML_MANAGER);
    let publish = bus.publish(&route, message("one"));
    assert!(tokio::time::timeout(Duration::from_millis(50), publish).await.is_err());
    release.send(()).unwrap();
    assert!(holding.await.unwrap().unwrap());
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    handler.saw("one", 1).await;
    consumer.stop().await;
    nothing_is_left(&bus).await;
}
