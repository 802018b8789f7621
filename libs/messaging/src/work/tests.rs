use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::topology::{OUTAGE, YAML_MANAGER};

type Answer = Box<dyn Fn(usize) -> Result<(), JobError> + Send + Sync>;

/// Answers by how often it was called.
struct Scripted {
    calls: AtomicUsize,
    answer: Answer,
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, _delivery: Delivery) -> Result<(), JobError> {
        (self.answer)(self.calls.fetch_add(1, Ordering::SeqCst))
    }
}

fn work(answer: impl Fn(usize) -> Result<(), JobError> + Send + Sync + 'static) -> Work {
    Work::new(&YAML_MANAGER, Arc::new(Scripted { calls: AtomicUsize::new(0), answer: Box::new(answer) }))
}

fn message() -> Message {
    Message { id: "1".to_owned(), kind: "test".to_owned(), body: Bytes::new(), headers: Default::default() }
}

fn counters(retries: u32, panics: u32, redeliveries: u32) -> Counters {
    Counters { retries, panics, redeliveries, deaths: 0 }
}

#[tokio::test(start_paused = true)]
async fn a_hiccup_is_retried_in_place() {
    let work = work(|call| if call < 2 { Err(JobError::retry("out")) } else { Ok(()) });
    assert_eq!(work.decide(message(), Counters::default()).await, Verdict::Done);
    assert!(!work.outage.lasts());
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_is_put_aside_for_longer_each_time() {
    let work = work(|_| Err(JobError::retry("out")));
    for (retries, step) in [(0, Step::S1), (1, Step::S5), (2, Step::S15), (90, Step::S15)] {
        let verdict = work.decide(message(), counters(retries, 0, 0)).await;
        assert_eq!(verdict, Verdict::Later(step, counters(retries + 1, 0, 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_without_a_success_become_an_outage_and_a_success_ends_it() {
    let work = work(|_| Err(JobError::retry("out")));
    let began = Instant::now();
    while !work.outage.lasts() {
        work.decide(message(), Counters::default()).await;
    }
    assert!(began.elapsed() >= OUTAGE);
    work.recovered().await;
    assert!(!work.outage.lasts());
}

#[tokio::test(start_paused = true)]
async fn a_final_failure_is_dead_with_its_causes() {
    let work = work(|_| Err(JobError::fail("no such task")));
    assert_eq!(work.decide(message(), Counters::default()).await, Verdict::Dead("no such task".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_retried_and_the_third_is_dead() {
    let work = work(|_| panic!("on purpose"));
    let first = work.decide(message(), Counters::default()).await;
    assert_eq!(first, Verdict::Later(Step::S1, counters(0, 1, 0)));
    let third = work.decide(message(), counters(0, 2, 0)).await;
    assert_eq!(third, Verdict::Dead("its handler panicked 3 times: on purpose".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_crashes_its_consumer_alone_again_and_again_is_dead_and_deliveries_bury_nothing() {
    let work = work(|_| Ok(()));
    let turn = work.alone().await;
    let died = |deaths| Counters { deaths, redeliveries: 1_000, ..Counters::default() };
    assert!(matches!(work.decide_alone(&turn, message(), died(MAX_DEATHS)).await, Verdict::Dead(_)));
    assert_eq!(work.decide_alone(&turn, message(), died(MAX_DEATHS - 1)).await, Verdict::Done);
}

#[tokio::test(start_paused = true)]
async fn a_suspect_that_fails_alone_and_crashes_nothing_is_no_suspect_any_more() {
    let work = work(|_| Err(JobError::retry("out")));
    let turn = work.alone().await;
    let verdict = work.decide_alone(&turn, message(), counters(0, 0, ALONE_FROM)).await;
    assert_eq!(verdict, Verdict::Later(Step::S1, counters(1, 0, 0)));
}

struct Never;

#[async_trait]
impl Handler for Never {
    async fn handle(&self, _delivery: Delivery) -> Result<(), JobError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_dropped_and_its_message_delivered_again() {
    let work = Work::new(&YAML_MANAGER, Arc::new(Never));
    let verdict = work.decide(message(), Counters::default()).await;
    assert_eq!(verdict, Verdict::Later(Step::S1, counters(1, 0, 0)));
}

/// Notes how many work side by side.
#[derive(Default)]
struct Together {
    now: AtomicUsize,
    with_suspect: AtomicUsize,
}

#[async_trait]
impl Handler for Together {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let beside = self.now.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(400)).await;
        let beside = beside.max(self.now.fetch_sub(1, Ordering::SeqCst) - 1);
        if delivery.redeliveries >= ALONE_FROM {
            self.with_suspect.fetch_max(beside, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn suspects_are_handled_one_by_one_beside_nobody_and_without_a_wait() {
    let handler = Arc::new(Together::default());
    let work = Work::new(&YAML_MANAGER, handler.clone());
    let suspect = async || {
        let turn = work.alone().await;
        work.decide_alone(&turn, message(), counters(0, 0, ALONE_FROM)).await
    };
    let began = Instant::now();
    let (first, second, regular, other) = tokio::join!(
        suspect(),
        suspect(),
        work.decide(message(), Counters::default()),
        work.decide(message(), Counters::default()),
    );
    assert_eq!([first, second, regular, other], [const { Verdict::Done }; 4]);
    assert_eq!(handler.with_suspect.load(Ordering::SeqCst), 0);
    assert!(began.elapsed() < Duration::from_millis(1_300), "{:?}", began.elapsed());
}
