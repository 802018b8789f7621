//! What every bus keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use messaging::topology::{CLUSTER_APPLIER, OUTAGE, STATUS_WORKER, Step, YAML_MANAGER};
use messaging::{Bus, Delivery, Handler, JobError, PublishError, Route};

use crate::support::{Consumer, Scripted, eventually, message, nothing_is_left};

type Shared = Arc<dyn Bus>;

/// Makes a test of every function below, over the bus that `$open` gives: `None` skips.
#[macro_export]
macro_rules! contract {
    ($open:path: $($name:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some((bus, _keep)) = $open(stringify!($name)).await else { return };
            $crate::contract::$name(bus).await;
        }
    )+};
    ($open:path => $($module:ident of $name:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some((bus, _keep)) = $open(stringify!($name)).await else { return };
            $crate::$module::$name(bus).await;
        }
    )+};
}

/// Every case of the contract.
#[macro_export]
macro_rules! whole_contract {
    ($open:path) => {
        $crate::contract! { $open:
            a_fact_reaches_every_bound_queue_and_no_other,
            a_command_reaches_one_queue_with_body_and_headers,
            a_delayed_message_comes_when_it_is_due,
            a_transient_failure_is_delivered_again,
            a_final_failure_becomes_a_dead_letter_that_can_be_requeued_and_dropped,
            a_reason_of_any_length_is_told_in_brief,
            a_panic_is_tried_again_and_the_third_is_dead,
            shutdown_drains_what_was_begun_and_leaves_the_rest,
            five_thousand_messages_published_at_once_all_arrive,
            what_no_queue_is_bound_to_is_refused_among_many_that_are_taken,
            a_message_that_is_too_large_is_refused,
            an_outage_unsubscribes_until_the_probe_answers,
            a_queue_that_is_absent_has_no_depth,
        }
        $crate::contract! { $open =>
            hold of a_delivery_is_held_from_the_moment_it_comes_until_it_is_over,
        }
        $crate::contract! { $open =>
            ballots of a_batch_reaches_its_group_with_body_and_headers,
            ballots of all_of_a_groups_queues_are_consumed_and_those_that_come_later,
            ballots of a_batch_that_fails_for_a_while_comes_again,
            ballots of a_batch_that_is_given_up_is_shown_in_base64_and_can_be_requeued,
            ballots of a_ballot_is_taken_out_of_a_batch_with_its_reason,
            ballots of tasks_and_ballots_do_not_meet,
        }
    };
}

pub(crate) async fn a_fact_reaches_every_bound_queue_and_no_other(bus: Shared) {
    let (yaml, applier, status) = (Scripted::glad(), Scripted::glad(), Scripted::glad());
    let consumers = [
        Consumer::start(&bus, &YAML_MANAGER, yaml.clone()),
        Consumer::start(&bus, &CLUSTER_APPLIER, applier.clone()),
        Consumer::start(&bus, &STATUS_WORKER, status.clone()),
    ];
    bus.publish(&Route::Fact("task.validated"), message("fact")).await.unwrap();
    applier.saw("fact", 1).await;
    status.saw("fact", 1).await;
    join_all(consumers.map(Consumer::stop)).await;
    assert_eq!((yaml.times("fact"), applier.times("fact"), status.times("fact")), (0, 1, 1));
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_command_reaches_one_queue_with_body_and_headers(bus: Shared) {
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &CLUSTER_APPLIER, handler.clone());
    bus.publish(&Route::Queue(&CLUSTER_APPLIER), message("command")).await.unwrap();
    handler.saw("command", 1).await;
    consumer.stop().await;
    let delivery = handler.last().unwrap();
    assert_eq!((delivery.message, delivery.redeliveries), (message("command"), 0));
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_delayed_message_comes_when_it_is_due(bus: Shared) {
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &CLUSTER_APPLIER, handler.clone());
    let began = Instant::now();
    for (id, step) in [("second", Step::S1), ("first", Step::Ms250)] {
        bus.publish(&Route::Delayed(step, &CLUSTER_APPLIER), message(id)).await.unwrap();
    }
    handler.saw("first", 1).await;
    assert!(began.elapsed() >= Duration::from_millis(250));
    assert_eq!(handler.times("second"), 0);
    handler.saw("second", 1).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_transient_failure_is_delivered_again(bus: Shared) {
    // More than are tried in place.
    let handler = Scripted::new(|_, times| if times <= 6 { Err(JobError::retry("out")) } else { Ok(()) });
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    bus.publish(&Route::Queue(&YAML_MANAGER), message("again")).await.unwrap();
    handler.saw("again", 7).await;
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_final_failure_becomes_a_dead_letter_that_can_be_requeued_and_dropped(bus: Shared) {
    let handler = Scripted::new(|id, times| match (id, times) {
        ("once", 2) => Ok(()),
        _ => Err(JobError::fail(format!("{id} is no task"))),
    });
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    for id in ["once", "always"] {
        bus.publish(&Route::Queue(&YAML_MANAGER), message(id)).await.unwrap();
    }
    // Read often: a reading leaves them in place, and wears none out.
    for _ in 0..12 {
        eventually("two dead letters", async || bus.dead_letters(10).await.unwrap().len() == 2).await;
    }
    assert_eq!(bus.dead_letters(1).await.unwrap().len(), 1);
    let letters = bus.dead_letters(10).await.unwrap();
    let once = letters.iter().find(|letter| letter.id == "once").unwrap();
    assert_eq!((once.reason.as_str(), once.queue.as_str()), ("once is no task", YAML_MANAGER.name));
    assert_eq!((once.kind.as_str(), once.body.as_str()), ("dev.marea.test.v1", "{\"a\":1}"));
    assert!(jiff::Timestamp::now().duration_since(once.time).as_secs() < 60);

    assert!(bus.requeue_dead_letter("once").await.unwrap());
    handler.saw("once", 2).await;
    assert_eq!(handler.last().unwrap().message, message("once"));
    assert!(!bus.requeue_dead_letter("once").await.unwrap());
    assert!(!bus.drop_dead_letter("once").await.unwrap());
    assert!(bus.drop_dead_letter("always").await.unwrap());
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

/// What a message brings may be quoted in why it is given up: it must not be more than the dead letter can carry.
pub(crate) async fn a_reason_of_any_length_is_told_in_brief(bus: Shared) {
    let handler = Scripted::new(|id, _| match id {
        "bad" => Err(JobError::fail(format!("expected a number, not {}", "é".repeat(1 << 20)))),
        _ => Ok(()),
    });
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    for id in ["bad", "good"] {
        bus.publish(&Route::Queue(&YAML_MANAGER), message(id)).await.unwrap();
    }
    handler.saw("good", 1).await;
    eventually("a dead letter", async || bus.dead_letters(10).await.unwrap().len() == 1).await;
    let reason = bus.dead_letters(10).await.unwrap().remove(0).reason;
    assert!(reason.starts_with("expected a number, not éé") && reason.ends_with('…'), "{reason}");
    assert!(reason.len() <= 4 << 10, "{} bytes", reason.len());
    assert!(bus.drop_dead_letter("bad").await.unwrap());
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_panic_is_tried_again_and_the_third_is_dead(bus: Shared) {
    let handler = Scripted::new(|id, _| {
        assert!(id != "bad", "on purpose");
        Ok(())
    });
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    for id in ["bad", "good"] {
        bus.publish(&Route::Queue(&YAML_MANAGER), message(id)).await.unwrap();
    }
    handler.saw("good", 1).await;
    eventually("a dead letter", async || bus.dead_letters(10).await.unwrap().len() == 1).await;
    assert_eq!(handler.times("bad"), 3);
    assert!(bus.dead_letters(10).await.unwrap()[0].reason.contains("on purpose"));
    assert!(bus.drop_dead_letter("bad").await.unwrap());
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn shutdown_drains_what_was_begun_and_leaves_the_rest(bus: Shared) {
    let count = usize::from(YAML_MANAGER.prefetch) * 2;
    let route = Route::Queue(&YAML_MANAGER);
    let publish = (0..count).map(|n| bus.publish(&route, message(n.to_string())));
    let publish: Vec<_> = publish.collect();
    join_all(publish).await.into_iter().for_each(Result::unwrap);
    let first = Scripted::slow(Duration::from_millis(500), |_, _| Ok(()));
    let consumer = Consumer::start(&bus, &YAML_MANAGER, first.clone());
    first.saw_all(1).await;
    consumer.stop().await;
    let handled = first.distinct();
    assert!(handled < count, "the rest was left");
    let second = Scripted::glad();
    let consumer = Consumer::start(&bus, &YAML_MANAGER, second.clone());
    second.saw_all(count - handled).await;
    consumer.stop().await;
    assert_eq!(second.distinct(), count - handled, "what was drained does not come again");
    nothing_is_left(&bus).await;
}

pub(crate) async fn five_thousand_messages_published_at_once_all_arrive(bus: Shared) {
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &STATUS_WORKER, handler.clone());
    let publishers = (0..50).map(|publisher| {
        let bus = bus.clone();
        tokio::spawn(async move {
            for n in 0..100 {
                let id = format!("{publisher}-{n}");
                while bus.publish(&Route::Fact("task.progress"), message(&id)).await.is_err() {}
            }
        })
    });
    let publishers: Vec<_> = publishers.collect();
    join_all(publishers).await.into_iter().for_each(Result::unwrap);
    handler.saw_all(5_000).await;
    consumer.stop().await;
    nothing_is_left(&bus).await;
}

pub(crate) async fn what_no_queue_is_bound_to_is_refused_among_many_that_are_taken(bus: Shared) {
    let publish = (0..400).map(|n| {
        let kind = if n % 3 == 0 { "task.unheard_of" } else { "task.progress" };
        let bus = bus.clone();
        async move { (n, bus.publish(&Route::Fact(kind), message(n.to_string())).await) }
    });
    for (n, result) in join_all(publish).await {
        match result {
            Err(PublishError::Refused(_)) => assert!(n % 3 == 0, "{n} is bound and was refused"),
            result => assert!(n % 3 != 0 && result.is_ok(), "{n}: {result:?}"),
        }
    }
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &STATUS_WORKER, handler.clone());
    handler.saw_all(266).await;
    consumer.stop().await;
    assert_eq!(handler.distinct(), 266);
    nothing_is_left(&bus).await;
}

pub(crate) async fn a_message_that_is_too_large_is_refused(bus: Shared) {
    let mut large = message("large");
    large.body = vec![b'x'; (256 << 10) + 1].into();
    let refused = bus.publish(&Route::Queue(&YAML_MANAGER), large).await;
    assert!(matches!(&refused, Err(PublishError::Refused(why)) if why.contains("262144")), "{refused:?}");
    nothing_is_left(&bus).await;
}

/// Fails until its store is back, and counts nothing as healthy before.
#[derive(Default)]
struct Dependent {
    back: AtomicBool,
    probed: AtomicBool,
    handled: AtomicBool,
}

#[async_trait]
impl Handler for Dependent {
    async fn handle(&self, _delivery: Delivery) -> Result<(), JobError> {
        if !self.back.load(Ordering::SeqCst) {
            return Err(JobError::retry("the store is out"));
        }
        self.handled.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn healthy(&self) -> bool {
        self.probed.store(true, Ordering::SeqCst);
        self.back.load(Ordering::SeqCst)
    }
}

pub(crate) async fn an_outage_unsubscribes_until_the_probe_answers(bus: Shared) {
    let handler = Arc::new(Dependent::default());
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    let began = Instant::now();
    for n in 0..20 {
        bus.publish(&Route::Queue(&YAML_MANAGER), message(n.to_string())).await.unwrap();
    }
    eventually("the probe", async || handler.probed.load(Ordering::SeqCst)).await;
    assert!(began.elapsed() >= OUTAGE);
    let consumers = async || bus.depth(YAML_MANAGER.name).await.unwrap().consumers;
    eventually("no subscription", async || consumers().await == 0).await;
    handler.back.store(true, Ordering::SeqCst);
    eventually("the subscription", async || consumers().await == 1).await;
    eventually("a message handled", async || handler.handled.load(Ordering::SeqCst)).await;
    nothing_is_left(&bus).await;
    consumer.stop().await;
}

pub(crate) async fn a_queue_that_is_absent_has_no_depth(bus: Shared) {
    bus.depth("marea.nowhere").await.unwrap_err();
    bus.depth(YAML_MANAGER.name).await.unwrap();
    bus.ready().await.unwrap();
}
