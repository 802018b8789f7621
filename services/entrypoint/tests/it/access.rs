use domain::access::Scope;

use crate::harness::{CONFIG_MAP, Harness, With, answer};

async fn with_tokens() -> Harness {
    Harness::with(With { tokens: true, ..With::default() }).await
}

#[tokio::test]
async fn a_token_is_needed_and_must_be_right() {
    let harness = with_tokens().await;
    let (_, token) = harness.tenant("acme", &[Scope::Read, Scope::Write]).await;
    assert_eq!(answer(harness.post("", CONFIG_MAP)).await.0, 401);
    let last = if token.ends_with('0') { '1' } else { '0' };
    let wrong = format!("{}{last}", &token[..token.len() - 1]);
    for bad in [wrong.as_str(), "x", "", "mrt_1_2"] {
        let response = harness.post("", CONFIG_MAP).bearer_auth(bad).send().await.expect("sent");
        assert_eq!(response.status(), 401, "{bad}");
        assert!(response.headers().contains_key("www-authenticate"));
    }
    assert_eq!(answer(harness.post("", CONFIG_MAP).bearer_auth(&token)).await.0, 202);
}

#[tokio::test]
async fn a_scope_is_needed() {
    let harness = with_tokens().await;
    let (_, reader) = harness.tenant("acme", &[Scope::Read]).await;
    assert_eq!(answer(harness.post("", CONFIG_MAP).bearer_auth(&reader)).await.0, 403);
    for path in ["/tenants", "/tokens", "/dead-letters"] {
        assert_eq!(answer(harness.get(path).bearer_auth(&reader)).await.0, 403, "{path}");
    }
}

#[tokio::test]
async fn another_tenant_s_task_does_not_exist() {
    let harness = with_tokens().await;
    let (_, acme) = harness.tenant("acme", &[Scope::Read, Scope::Write]).await;
    let (_, evil) = harness.tenant("evil", &[Scope::Read, Scope::Write]).await;
    let (_, body) = answer(harness.post("?name=demo", CONFIG_MAP).bearer_auth(&acme)).await;
    let id = body["id"].as_str().expect("id");
    for text in [id, "demo", &id[24..]] {
        let path = format!("/yaml/{text}");
        assert_eq!(answer(harness.get(&path).bearer_auth(&acme)).await.0, 200, "{text}");
        assert_eq!(answer(harness.get(&path).bearer_auth(&evil)).await.0, 404, "{text}");
        assert_eq!(answer(harness.put(text, "", CONFIG_MAP).bearer_auth(&evil)).await.0, 404);
        assert_eq!(answer(harness.delete(&path).bearer_auth(&evil)).await.0, 404);
    }
    // A name is unique within its tenant only.
    assert_eq!(answer(harness.post("?name=demo", CONFIG_MAP).bearer_auth(&evil)).await.0, 202);
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused() {
    let harness = Harness::new().await;
    let origin = |value: &str| harness.post("", CONFIG_MAP).header("origin", value);
    assert_eq!(answer(origin("https://evil.example")).await.0, 403);
    assert_eq!(answer(origin("null")).await.0, 403);
    assert_eq!(answer(harness.post("", CONFIG_MAP).header("host", "evil.example")).await.0, 403);
    assert_eq!(harness.stored().await, 0);
    assert_eq!(answer(origin(&harness.url)).await.0, 202);
}

#[tokio::test]
async fn a_quota_is_kept() {
    let harness = with_tokens().await;
    let (tenant, token) = harness.tenant("acme", &[Scope::Write]).await;
    let mut record = harness.context.records.tenant(&tenant).await.expect("read").expect("there");
    record.max_tasks = 2;
    harness.context.records.put_tenant(&record).await.expect("written");
    let post = || answer(harness.post("", CONFIG_MAP).bearer_auth(&token));
    assert_eq!((post().await.0, post().await.0), (202, 202));
    let (status, body) = post().await;
    assert_eq!((status, &body["type"]), (403, &"urn:marea:problem:quota-exceeded".into()));
}
