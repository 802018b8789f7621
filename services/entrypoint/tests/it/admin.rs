use domain::access::Scope;
use serde_json::{Value, json};

use crate::harness::{CONFIG_MAP, Harness, answer};

fn tenant(name: &str, namespace: &str) -> Value {
    json!({ "name": name, "namespaces": [namespace] })
}

async fn put(harness: &Harness, name: &str, body: &Value) -> (u16, Value) {
    answer(harness.http.put(format!("{}/tenants/{name}", harness.url)).json(body)).await
}

#[tokio::test]
async fn a_tenant_is_made_changed_and_deleted() {
    let harness = Harness::new().await;
    assert_eq!(put(&harness, "acme", &tenant("acme", "acme")).await.0, 201);
    let mut changed = tenant("acme", "acme");
    changed["policy"] = "restricted".into();
    assert_eq!(put(&harness, "acme", &changed).await.0, 200);
    let (_, shown) = answer(harness.get("/tenants/acme")).await;
    assert_eq!(shown["policy"], "restricted");
    assert_eq!(answer(harness.get("/tenants")).await.1.as_array().map(Vec::len), Some(1));
    assert_eq!(answer(harness.delete("/tenants/acme")).await.0, 204);
    assert_eq!(answer(harness.get("/tenants/acme")).await.0, 404);
    assert_eq!(answer(harness.delete("/tenants/acme")).await.0, 404);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_is_refused() {
    let harness = Harness::new().await;
    for (name, body) in [
        ("evil", tenant("other", "evil")),
        ("evil", tenant("evil", "kube-system")),
        ("evil", tenant("evil", "Not A Namespace")),
        ("evil", json!({ "name": "evil", "namespaces": [] })),
        ("evil", json!({ "name": "evil", "namespaces": ["evil"], "every_namespace": true })),
        ("local", tenant("local", "mine")),
        ("marea-sweep", tenant("marea-sweep", "mine")),
        ("marea-refold", tenant("marea-refold", "mine")),
    ] {
        let (status, answer) = put(&harness, name, &body).await;
        assert_eq!(status, 422, "{body}: {answer}");
    }
    assert_eq!(put(&harness, "evil", &json!({ "name": "evil", "namespaces": ["a"], "root": true })).await.0, 400);
    assert_eq!(put(&harness, "EVIL", &tenant("evil", "evil")).await.0, 404);
}

async fn owner(harness: &Harness, namespace: &str) -> Option<String> {
    let holder = harness.context.records.namespace_holder(namespace).await.expect("read");
    holder.map(|name| name.to_string())
}

#[tokio::test]
async fn a_namespace_of_another_tenant_is_a_conflict_that_names_it() {
    let harness = Harness::new().await;
    put(&harness, "acme", &tenant("acme", "shared")).await;
    let wanted = json!({ "name": "evil", "namespaces": ["mine", "shared"] });
    let (status, answer) = put(&harness, "evil", &wanted).await;
    assert_eq!((status, &answer["type"]), (409, &"urn:marea:problem:namespace-taken".into()), "{answer}");
    assert!(answer["detail"].as_str().is_some_and(|d| d.contains("`shared` is tenant `acme`'s")), "{answer}");
    // Nothing of it was written, and what it would have had is free.
    assert_eq!(put(&harness, "other", &tenant("other", "mine")).await.0, 201);
    assert_eq!(put(&harness, "acme", &tenant("acme", "shared")).await.0, 200);
}

#[tokio::test]
async fn of_tenants_that_want_one_namespace_at_the_same_time_one_has_it() {
    let harness = Harness::new().await;
    for round in 0..5 {
        let shared = format!("shared-{round}");
        let wanted = |n: usize| {
            let (harness, name, shared) = (&harness, format!("t{round}-{n}"), shared.clone());
            async move { put(harness, &name, &json!({ "name": name, "namespaces": [name, shared] })).await.0 }
        };
        let codes = futures::future::join_all((0..8).map(wanted)).await;
        let made = codes.iter().filter(|c| **c == 201).count();
        assert!(made == 1 && codes.iter().all(|c| matches!(c, 201 | 409)), "{codes:?}");
        let all = harness.context.records.access_tenants().await.expect("read");
        assert_eq!(all.iter().filter(|t| t.namespaces.contains(&shared)).count(), 1);
    }
}

#[tokio::test]
async fn a_namespace_that_is_given_up_is_free() {
    let harness = Harness::new().await;
    put(&harness, "acme", &json!({ "name": "acme", "namespaces": ["a", "b"] })).await;
    assert_eq!(put(&harness, "acme", &tenant("acme", "a")).await.0, 200);
    assert_eq!(owner(&harness, "b").await, None);
    assert_eq!(put(&harness, "next", &tenant("next", "b")).await.0, 201);
    assert_eq!(answer(harness.delete("/tenants/acme")).await.0, 204);
    assert_eq!(put(&harness, "next", &json!({ "name": "next", "namespaces": ["b", "a"] })).await.0, 200);
    assert_eq!((owner(&harness, "a").await, owner(&harness, "b").await), (Some("next".into()), Some("next".into())));
}

#[tokio::test]
async fn what_a_crash_left_claimed_holds_up_its_own_tenant_never_and_others_for_a_minute() {
    let harness = Harness::new().await;
    let (records, crashed) = (&harness.context.records, "crashed".parse().expect("label"));
    let before = jiff::Timestamp::now();
    records.claim_namespace("mine", &crashed, before).await.expect("claimed");
    let (status, answer) = put(&harness, "other", &tenant("other", "mine")).await;
    assert!(
        status == 409 && answer["detail"].as_str().is_some_and(|d| d.contains("try again in a minute")),
        "{answer}"
    );
    assert_eq!(put(&harness, "crashed", &tenant("crashed", "mine")).await.0, 201);
}

#[tokio::test]
async fn a_tenant_is_not_deleted_while_nobody_knows_its_tasks() {
    let harness = Harness::new().await;
    put(&harness, "acme", &tenant("acme", "acme")).await;
    *harness.blobs.refuses.lock() = Some("acme/tasks/".to_owned());
    let (status, refused) = answer(harness.delete("/tenants/acme")).await;
    assert_eq!(status, 503, "{refused}");
    *harness.blobs.refuses.lock() = None;
    assert_eq!(answer(harness.get("/tenants/acme")).await.0, 200);
    assert_eq!(answer(harness.delete("/tenants/acme")).await.0, 204);
}

#[tokio::test]
async fn a_tenant_of_before_there_were_claims_keeps_its_namespaces() {
    let harness = Harness::new().await;
    harness.tenant("acme", &[Scope::Read]).await;
    assert_eq!(owner(&harness, "acme").await, None);
    assert_eq!(put(&harness, "evil", &tenant("evil", "acme")).await.0, 409);
    assert_eq!(put(&harness, "acme", &tenant("acme", "acme")).await.0, 200);
    assert_eq!(owner(&harness, "acme").await.as_deref(), Some("acme"));
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let harness = Harness::new().await;
    put(&harness, "acme", &tenant("acme", "acme")).await;
    let wanted = json!({ "tenant": "acme", "scopes": ["read", "write"], "expires": null, "note": "CI" });
    let (status, made) = answer(harness.http.post(format!("{}/tokens", harness.url)).json(&wanted)).await;
    assert!(status == 201 && made.get("hash").is_none(), "{made}");
    let token = made["token"].as_str().expect("a token");
    assert_eq!(answer(harness.post("", CONFIG_MAP).bearer_auth(token)).await.0, 202);
    let (_, listed) = answer(harness.get("/tokens?tenant=acme")).await;
    assert_eq!((listed[0]["note"].as_str(), listed[0].get("hash")), (Some("CI"), None));
    assert!(!listed.to_string().contains(token));
    assert_eq!(answer(harness.delete("/tenants/acme")).await.0, 409);
    let id = made["id"].as_str().expect("an id");
    assert_eq!(answer(harness.delete(&format!("/tokens/{id}"))).await.0, 204);
    assert_eq!(answer(harness.post("", CONFIG_MAP).bearer_auth(token)).await.0, 401);
    assert_eq!(answer(harness.delete(&format!("/tokens/{id}"))).await.0, 404);
}

#[tokio::test]
async fn a_useless_token_is_refused() {
    let harness = Harness::new().await;
    put(&harness, "acme", &tenant("acme", "acme")).await;
    for (wanted, expected) in [
        (json!({ "tenant": "acme", "scopes": [] }), 422),
        (json!({ "tenant": "acme", "scopes": ["read"], "expires": "2020-01-01T00:00:00Z" }), 422),
        (json!({ "tenant": "acme", "scopes": ["root"] }), 400),
        (json!({ "tenant": "nobody", "scopes": ["read"] }), 404),
        (json!([]), 400),
    ] {
        let (status, body) = answer(harness.http.post(format!("{}/tokens", harness.url)).json(&wanted)).await;
        assert_eq!(status, expected, "{wanted}: {body}");
    }
    let text = harness.http.post(format!("{}/tokens", harness.url)).body("{}");
    assert_eq!(answer(text).await.0, 415);
}

#[tokio::test]
async fn dead_letters_are_listed_and_an_absent_one_is_a_404() {
    let harness = Harness::new().await;
    assert_eq!(answer(harness.get("/dead-letters?limit=5")).await, (200, json!([])));
    assert_eq!(answer(harness.get("/dead-letters?limit=0")).await.0, 400);
    assert_eq!(answer(harness.delete("/dead-letters/x")).await.0, 404);
    assert_eq!(answer(harness.http.post(format!("{}/dead-letters/x/requeue", harness.url))).await.0, 404);
    let (_, token) = harness.tenant("acme", &[Scope::Read]).await;
    assert_eq!(answer(harness.get("/dead-letters").bearer_auth(token)).await.0, 403);
}
