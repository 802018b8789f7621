//! Thousands of objects, as `marea up` holds them after a while.

use sandbox::{Options, Sandbox};
use serde_json::json;

use crate::caller::Caller;

#[tokio::test]
async fn a_list_by_label_finds_its_few_objects_among_thousands() {
    let sandbox = Sandbox::new(Options::default());
    let caller = Caller { client: sandbox.client(), namespace: "default".to_owned() };
    for n in 0..2_000 {
        let labels = json!({"task": (n / 5).to_string(), "all": "yes"});
        let body = json!({"metadata": {"labels": labels}, "data": {"a": "b"}});
        assert_eq!(caller.apply("one", "ConfigMap", &format!("a-{n}"), &body).await.0, 201);
    }
    for n in 0..200 {
        assert_eq!(caller.list("ConfigMap", &format!("labelSelector=task%3D{n}")).await.len(), 5);
    }
}
