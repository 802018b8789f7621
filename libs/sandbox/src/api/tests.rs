use serde_json::json;

use super::*;
use crate::{api::normal::canonical, controllers::first_objects};

fn store() -> Store {
    let mut store = Store::new(100, 0);
    for call in first_objects() {
        store.commit(run(&store, &call).expect("namespaces are made").write.expect("a write"));
    }
    store
}

fn run(store: &Store, call: &Call) -> Result<Reply, Failure> {
    execute(store, call, Moment { now: Timestamp::UNIX_EPOCH, seed: 1 })
}

fn call(verb: Verb, kind: &str, name: &str, body: Value) -> Call {
    Call::new(verb, &Key::new(crate::resource::of_kind(kind), "default", name), "tester").body(body)
}

#[test]
fn quantities_are_spelt_as_the_api_server_spells_them() {
    for (given, spelt) in [
        (json!("1000m"), "1"),
        (json!("0.5"), "500m"),
        (json!(2), "2"),
        (json!("1024Mi"), "1Gi"),
        (json!("1.5Gi"), "1.5Gi"),
        (json!("100000"), "100k"),
        (json!("1e3"), "1k"),
        (json!("0"), "0"),
        (json!("no quantity"), "no quantity"),
    ] {
        assert_eq!(canonical(&given), spelt, "{given}");
    }
}

#[test]
fn the_same_call_on_the_same_store_gives_the_same_answer() {
    let (one, two) = (store(), store());
    let call = call(Verb::Create, "Service", "s", json!({"spec": {"ports": [{"port": 80}]}}));
    assert_eq!(run(&one, &call).expect("made").body, run(&two, &call).expect("made").body);
}

#[test]
fn cluster_addresses_are_never_given_twice() {
    let mut store = store();
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..200 {
        let body = json!({"spec": {"type": "NodePort", "ports": [{"port": 80}]}});
        let reply = run(&store, &call(Verb::Create, "Service", &format!("s-{n}"), body)).expect("made");
        let spec = &reply.body["spec"];
        assert!(seen.insert(spec["clusterIP"].to_string()) && seen.insert(spec["ports"][0]["nodePort"].to_string()));
        store.commit(reply.write.expect("a write"));
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let call = Call { dry_run: true, ..call(Verb::Create, "ConfigMap", "a", json!({})) };
    assert!(run(&store(), &call).expect("made").write.is_none());
}

#[test]
fn a_pod_without_its_account_is_forbidden() {
    let body = json!({"spec": {"containers": [{"name": "c", "image": "i"}]}});
    let failure = run(&store(), &call(Verb::Create, "Pod", "p", body)).expect_err("no account");
    assert_eq!((failure.code, failure.reason), (403, "Forbidden"));
}
