//! That `marea up` is not held back by its cluster.

use std::time::{Duration, Instant};

use sandbox::{Options, Sandbox};
use serde_json::json;

use crate::caller::Caller;

#[tokio::test]
async fn hundreds_of_applies_a_second_and_lists_by_label_among_thousands() {
    let sandbox = Sandbox::new(Options::default());
    let caller = Caller { client: sandbox.client(), namespace: "default".to_owned() };
    let started = Instant::now();
    for n in 0..2_000 {
        let labels = json!({"task": (n / 5).to_string(), "all": "yes"});
        let body = json!({"metadata": {"labels": labels}, "data": {"a": "b"}});
        assert_eq!(caller.apply("one", "ConfigMap", &format!("a-{n}"), &body).await.0, 201);
    }
    let applies = started.elapsed();
    let started = Instant::now();
    for n in 0..200 {
        assert_eq!(caller.list("ConfigMap", &format!("labelSelector=task%3D{n}")).await.len(), 5);
    }
    let lists = started.elapsed();
    println!("2,000 applies in {applies:?}, 200 lists by label in {lists:?}");
    // An unoptimised build on a busy machine: the bound is a fifth of what is seen on an idle one.
    assert!(applies < Duration::from_secs(5) && lists < Duration::from_secs(2), "{applies:?} {lists:?}");
}
