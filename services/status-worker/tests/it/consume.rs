use domain::FactBody;
use messaging::{Message, Route, topology::STATUS_WORKER};

use crate::harness::{Harness, answer, applied, fact, key, submitted, until};

#[tokio::test]
async fn facts_become_a_status() {
    let harness = Harness::new().await;
    harness.consume();
    let key = key();
    for body in [submitted(), FactBody::ApplyStarted { objects: 1 }, applied()] {
        harness.publish(&fact(&key, 1, body)).await;
    }
    let status = until(&harness, &format!("/status/{}", key.id), "DONE").await;
    assert_eq!((&status["live_revision"], &status["desired_revision"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn a_thousand_tasks_are_folded() {
    let harness = Harness::new().await;
    harness.consume();
    let keys: Vec<_> = (0..1000).map(|_| key()).collect();
    let facts: Vec<_> = keys.iter().map(|k| fact(k, 1, submitted())).collect();
    futures::future::join_all(facts.iter().map(|f| harness.publish(f))).await;
    for key in &keys {
        until(&harness, &format!("/status/{}", key.id), "PENDING").await;
    }
    let (_, page) = answer(harness.get("/status?limit=200")).await;
    assert_eq!(page["tasks"].as_array().map(Vec::len), Some(200));
}

#[tokio::test]
async fn a_message_that_is_no_fact_is_given_up() {
    let harness = Harness::new().await;
    harness.consume();
    let key = key();
    let mut message = Message::fact(&fact(&key, 1, submitted()));
    message.body = "{}".into();
    harness.context.bus.publish(&Route::Queue(&STATUS_WORKER), message.clone()).await.expect("confirmed");
    let given_up = async {
        loop {
            let letters = harness.context.bus.dead_letters(10).await.expect("listed");
            if let Some(letter) = letters.into_iter().next() {
                return letter;
            }
            tokio::task::yield_now().await;
        }
    };
    let letter = tokio::time::timeout(std::time::Duration::from_secs(10), given_up).await.expect("in time");
    assert_eq!(letter.id, message.id);
}
