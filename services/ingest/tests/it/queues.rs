//! Queues that are silent, and queues that are not there.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use async_trait::async_trait;
use messaging::{
    BrokerError, Bus, DeadLetter, Depth, Handler, Message, PublishError, Route,
    topology::{GROUPS, Queue, VOTES},
};
use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, Kind, On, PATIENCE, With, code, embedded_bus, vote};

/// A bus some of whose queues of ballots do not confirm.
struct Faulty {
    bus: Arc<dyn Bus>,
    silent: Mutex<Vec<usize>>,
    /// Where messages were published, and whether that was heard.
    published: Mutex<Vec<(usize, bool)>>,
    undeclared: AtomicBool,
}

impl Faulty {
    async fn new(silent: &[usize]) -> Arc<Self> {
        let (bus, silent) = (embedded_bus().await, Mutex::new(silent.to_vec()));
        Arc::new(Self { bus, silent, published: Mutex::default(), undeclared: AtomicBool::new(false) })
    }

    fn count(&self, what: (usize, bool)) -> usize {
        self.published.lock().iter().filter(|published| **published == what).count()
    }
}

#[async_trait]
impl Bus for Faulty {
    async fn publish(&self, route: &Route, message: Message) -> Result<(), PublishError> {
        if let Route::Ballots { index, .. } = route {
            let silent = self.silent.lock().contains(index);
            self.published.lock().push((*index, !silent));
            if silent {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                return Err(PublishError::Unknown);
            }
        }
        self.bus.publish(route, message).await
    }

    async fn declare(&self, group: &'static Queue, queues: usize) -> Result<(), BrokerError> {
        if self.undeclared.load(Ordering::SeqCst) {
            return Err(BrokerError("not now".to_owned()));
        }
        self.bus.declare(group, queues).await
    }

    async fn consume(&self, queue: &'static Queue, handler: Arc<dyn Handler>, shutdown: CancellationToken) {
        self.bus.consume(queue, handler, shutdown).await;
    }

    fn has_read_since(&self, then: tokio::time::Instant) -> bool {
        self.bus.has_read_since(then)
    }

    async fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        self.bus.depth(queue).await
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        self.bus.ready().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        self.bus.dead_letters(limit).await
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        self.bus.requeue_dead_letter(id).await
    }

    async fn drop_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        self.bus.drop_dead_letter(id).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_silent_queue_of_four_stops_nobody_and_is_used_again_when_it_answers() {
    let faulty = Faulty::new(&[1]).await;
    let harness = Harness::new(faulty.clone(), With::default()).await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        let (status, answer) = harness.cast("/votes", &vote("x")).await;
        assert_eq!(status, 202, "{answer}");
        ids.push(answer["ids"][0].as_str().unwrap().to_owned());
    }
    harness.noted.all(&ids).await;
    let tried = faulty.count((1, false));
    assert!((1..=3).contains(&tried), "the silent one was tried {tried} times");
    faulty.silent.lock().clear();
    testkit::until("the queue to be used", PATIENCE, async || {
        assert_eq!(harness.cast("/votes", &vote("x")).await.0, 202);
        if faulty.count((1, true)) > 3 { Ok(()) } else { Err("it is passed over") }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_names_what_is_not_good_and_the_ids_of_the_rest() {
    let faulty = Faulty::new(&[0, 1, 2, 3]).await;
    let harness = Harness::new(faulty.clone(), With::default()).await;
    let mut bad = vote("x");
    bad["rank"] = json!(6);
    let (status, answer) = harness.cast("/votes", &json!([vote("a"), bad, vote("b")])).await;
    assert_eq!((status, code(&answer)), (503, "outcome-unknown"), "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!((errors.len(), &errors[0]["position"], &errors[0]["field"]), (1, &json!(1), &json!("rank")));
    faulty.silent.lock().clear();
    let ids = ["first", "last"].map(|end| answer["ids"][end].as_str().unwrap().to_owned());
    harness.noted.all(&ids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queues_are_there_before_the_first_vote() {
    let Some(on) = On::new(Kind::Real, "prepared").await else { return };
    let harness = on.harness(With::default()).await;
    for group in GROUPS {
        let last = if *group == VOTES { 3 } else { 1 };
        harness.context.bus.depth(&group.member(last)).await.unwrap();
    }
    assert_eq!(harness.cast("/votes", &vote("the first")).await.0, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_ready_before_the_queues_are_there() {
    let faulty = Faulty::new(&[]).await;
    faulty.undeclared.store(true, Ordering::SeqCst);
    let harness = Harness::new(faulty.clone(), With::default()).await;
    let ready = async || {
        let answer = harness.http.get(format!("{}/readyz", harness.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, why) = ready().await;
    assert!(status == 503 && why.contains("queues"), "{why}");
    faulty.undeclared.store(false, Ordering::SeqCst);
    testkit::until("it to be ready", PATIENCE, async || match ready().await {
        (200, _) => Ok(()),
        (_, why) => Err(why),
    })
    .await
    .unwrap();
}
