use std::sync::Arc;

use blobs::embedded::EmbeddedBlobs;
use embedded::Database;
use jiff::ToSpan;

use super::*;

async fn records() -> Records {
    let database = Database::ephemeral().expect("a database in memory");
    Records::new(Arc::new(EmbeddedBlobs::open(database).await.expect("tables")))
}

async fn with_tenant() -> (Records, TenantName) {
    let records = records().await;
    let name: TenantName = "acme".parse().expect("label");
    records.put_tenant(&Tenant { name: name.clone(), ..Tenant::local() }).await.expect("stored");
    (records, name)
}

fn bearer(secret: &Secret) -> String {
    format!("Bearer {}", secret.expose())
}

#[tokio::test]
async fn a_token_is_its_tenant_s() {
    let (records, tenant) = with_tenant().await;
    let (token, secret) = issue(tenant.clone(), [Scope::Read], None, String::new());
    records.put_token(&token).await.expect("stored");
    let access = Access::tokens(records, &Secret::default());
    let caller = access.caller(Some(&bearer(&secret))).await.expect("known");
    assert_eq!((&caller.tenant.name, &caller.actor), (&tenant, &token.id));
    assert!(caller.may(Scope::Read).is_ok());
    assert_eq!(caller.may(Scope::Write).expect_err("refused").status().as_u16(), 403);
}

#[tokio::test]
async fn a_wrong_or_ended_token_is_refused() {
    let (records, tenant) = with_tenant().await;
    let (_, unknown) = issue(tenant.clone(), [Scope::Read], None, String::new());
    let past = Timestamp::now().checked_sub(1.second()).expect("a time");
    let (ended, ended_secret) = issue(tenant, [Scope::Read], Some(past), String::new());
    records.put_token(&ended).await.expect("stored");
    let swapped = unknown.expose().replacen(&unknown.expose()[4..16], &ended.id, 1);
    let access = Access::tokens(records, &Secret::default());
    for wrong in
        [bearer(&unknown), bearer(&ended_secret), format!("Bearer {swapped}"), "Bearer".into(), "Basic x".into()]
    {
        assert!(matches!(access.caller(Some(&wrong)).await, Err(AccessError::Unknown)));
    }
    assert!(matches!(access.caller(None).await, Err(AccessError::Missing)));
}

#[tokio::test]
async fn without_tokens_the_local_tenant_calls_and_a_wrong_token_is_still_wrong() {
    let access = Access::local(records().await, Tenant::local());
    let caller = access.caller(None).await.expect("this computer's user");
    assert_eq!(caller.tenant.name.as_str(), "local");
    assert!(access.caller(Some("Bearer mrt_0_1")).await.is_err());
}

#[tokio::test]
async fn the_configured_administrator_can_run_nothing() {
    let (_, secret) = issue("any".parse().expect("label"), [], None, String::new());
    let access = Access::tokens(records().await, &secret);
    let caller = access.caller(Some(&bearer(&secret))).await.expect("configured");
    assert!(caller.may(Scope::Admin).is_ok() && caller.may(Scope::Write).is_err());
    assert!(!caller.tenant.owns("default"));
}

#[test]
fn a_token_of_another_shape_is_told_from_one() {
    let (_, secret) = issue("any".parse().expect("label"), [], None, String::new());
    assert!(is_token(&secret));
    assert!(!is_token(&"mrt_0_1".into()) && !is_token(&"secret".into()) && !is_token(&Secret::default()));
}
