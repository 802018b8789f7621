use domain::{FactBody, Outcome, Rendered, TaskKey, record::Ending};
use jiff::Timestamp;

use crate::harness::{CONFIG_MAP, Harness, With, answer, next};

fn key(id: &str) -> TaskKey {
    TaskKey { tenant: "local".parse().expect("label"), id: id.parse().expect("id") }
}

async fn roll_back(harness: &Harness, id: &str, n: u32) {
    let outcome = Outcome {
        ending: Ending::RolledBack,
        time: Timestamp::now(),
        problems: vec![],
        objects: vec![],
        observed: 0,
        kept: vec![],
        live: None,
        finished_jobs: [].into(),
    };
    harness.context.records.put_outcome(&key(id), n, &outcome).await.expect("written");
}

#[tokio::test]
async fn a_put_is_the_next_revision() {
    let harness = Harness::new().await;
    let id = harness.submit("?name=demo").await;
    let (status, body) = answer(harness.put(&id, "?prune_volumes=true", CONFIG_MAP)).await;
    assert_eq!((status, &body["revision"], &body["name"]), (202, &2.into(), &"demo".into()), "{body}");
    let (status, body) = answer(harness.put("demo", "", CONFIG_MAP)).await;
    assert_eq!((status, &body["revision"], &body["id"]), (202, &3.into(), &id.as_str().into()), "{body}");
    let command = harness.context.records.command(&key(&id), 2).await.expect("read").expect("stored");
    assert!(command.options.prune_volumes && !command.options.confirm_prune);
}

#[tokio::test]
async fn if_match_guards_a_revision() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    let put = |matching: &str| harness.put(&id, "", CONFIG_MAP).header("if-match", matching);
    assert_eq!(answer(put("7")).await.0, 412);
    assert_eq!(answer(put("\"1\"")).await.0, 202);
    assert_eq!(answer(put("1")).await.0, 412);
    assert_eq!(answer(put("*")).await.0, 202);
    assert_eq!(answer(put("one")).await.0, 400);
    let delete = harness.delete(&format!("/yaml/{id}")).header("if-match", "1");
    assert_eq!(answer(delete).await.0, 412);
}

#[tokio::test]
async fn puts_at_the_same_time_are_different_revisions() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    let answers = futures::future::join_all((0..6).map(|_| answer(harness.put(&id, "", CONFIG_MAP)))).await;
    let mut numbers: Vec<_> = answers.iter().map(|(status, body)| (*status, body["revision"].as_u64())).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..8).map(|n| (202, Some(n))).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_put_under_a_key_is_one_revision() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    let put = || harness.put(&id, "", CONFIG_MAP).header("idempotency-key", "k");
    let ((_, one), (_, two)) = (answer(put()).await, answer(put()).await);
    assert_eq!((&one["revision"], &two["revision"]), (&2.into(), &2.into()), "{two}");
    let (status, _) = answer(harness.delete(&format!("/yaml/{id}")).header("idempotency-key", "k")).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn puts_under_different_keys_at_the_same_time_are_different_revisions() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    let put = |key: usize| {
        let content = CONFIG_MAP.replace("k: v", &format!("k: v{key}"));
        answer(harness.put(&id, "", content).header("idempotency-key", key.to_string()))
    };
    let answers = futures::future::join_all((0..24).map(put)).await;
    let mut numbers: Vec<_> = answers.iter().map(|(status, body)| (*status, body["revision"].as_u64())).collect();
    let again = futures::future::join_all((0..24).map(put)).await;
    let same: Vec<_> = again.iter().map(|(status, body)| (*status, body["revision"].as_u64())).collect();
    assert_eq!(numbers, same);
    numbers.sort_unstable();
    assert_eq!(numbers, (2..26).map(|n| (202, Some(n))).collect::<Vec<_>>());
}

#[tokio::test]
async fn puts_under_one_key_at_the_same_time_are_one_revision() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    // Half of them under the key, and others that take the numbers away.
    let put = |i: usize| {
        let request = harness.put(&id, "", CONFIG_MAP);
        answer(if i.is_multiple_of(2) { request.header("idempotency-key", "k") } else { request })
    };
    let answers = futures::future::join_all((0..24).map(put)).await;
    assert!(answers.iter().all(|(status, _)| *status == 202), "{answers:?}");
    let under_key: std::collections::BTreeSet<_> =
        answers.iter().step_by(2).map(|(_, body)| body["revision"].as_u64()).collect();
    assert_eq!(under_key.len(), 1, "{under_key:?}");
    assert_eq!(harness.context.records.commands(&key(&id)).await.expect("read").len(), 14);
}

#[tokio::test]
async fn of_puts_that_match_one_revision_one_is_taken() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    let put = |key: usize| {
        let request = harness.put(&id, "", CONFIG_MAP).header("if-match", "1");
        answer(request.header("idempotency-key", key.to_string()))
    };
    let answers = futures::future::join_all((0..12).map(put)).await;
    let mut codes: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    codes.sort_unstable();
    assert_eq!(codes, [vec![202], vec![412; 11]].concat());
}

#[tokio::test]
async fn a_key_whose_command_was_not_stored_takes_its_number() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    harness.bus.silent.store(true, std::sync::atomic::Ordering::SeqCst);
    let put = || harness.put(&id, "", CONFIG_MAP).header("idempotency-key", "k");
    // Dropped at some point of its way, as by a crash.
    for milliseconds in [0, 1, 2, 5, 50] {
        let _ = tokio::time::timeout(std::time::Duration::from_millis(milliseconds), put().send()).await;
    }
    harness.bus.silent.store(false, std::sync::atomic::Ordering::SeqCst);
    let (status, body) = answer(put()).await;
    assert_eq!((status, &body["revision"]), (202, &2.into()), "{body}");
    assert_eq!(harness.context.records.commands(&key(&id)).await.expect("read").len(), 2);
}

#[tokio::test]
async fn only_what_was_rendered_can_be_gone_back_to() {
    let harness = Harness::new().await;
    let mut facts = harness.facts().await;
    let id = harness.submit("").await;
    next(&mut facts).await;
    let revert = |n: u32| harness.put(&id, &format!("?revision={n}"), "");
    let (status, body) = answer(revert(1)).await;
    assert_eq!((status, &body["errors"][0]["field"]), (422, &"revision".into()), "{body}");
    harness.context.records.put_rendered(&key(&id), 1, &Rendered::default()).await.expect("written");
    assert_eq!(answer(revert(9)).await.0, 422);
    assert_eq!(answer(harness.put(&id, "?revision=1", CONFIG_MAP)).await.0, 400);
    assert_eq!(answer(revert(1)).await.0, 202);
    assert!(matches!(next(&mut facts).await.body, FactBody::Submitted { to: Some(1), .. }));
    let (_, source) = answer(harness.get(&format!("/yaml/{id}"))).await;
    assert_eq!((&source["command"], &source["files"][0]["content"]), (&"revert".into(), &CONFIG_MAP.into()));
}

#[tokio::test]
async fn a_delete_is_a_command_and_the_last_one() {
    let harness = Harness::new().await;
    let mut facts = harness.facts().await;
    let id = harness.submit("?name=demo").await;
    next(&mut facts).await;
    let (status, body) = answer(harness.delete(&format!("/yaml/{id}"))).await;
    assert_eq!((status, &body["revision"], &body["state"]), (202, &2.into(), &"ROLLING_BACK".into()));
    assert_eq!(next(&mut facts).await.body, FactBody::RollbackRequested {});
    // Again: the same command, published again.
    let (status, body) = answer(harness.delete(&format!("/yaml/{id}"))).await;
    assert_eq!((status, &body["revision"]), (202, &2.into()));
    assert_eq!(answer(harness.put(&id, "", CONFIG_MAP)).await.0, 409);
    assert_eq!(answer(harness.post("?name=demo", CONFIG_MAP)).await.0, 409);
    roll_back(&harness, &id, 2).await;
    let (status, body) = answer(harness.delete(&format!("/yaml/{id}"))).await;
    assert_eq!((status, &body["state"]), (202, &"ROLLED_BACK".into()));
    let other = harness.submit("?name=demo").await;
    assert_ne!(other, id);
}

#[tokio::test]
async fn a_task_stays_in_its_cluster() {
    let targets = vec!["west".to_owned(), "east".to_owned()];
    let harness = Harness::with(With { targets, ..With::default() }).await;
    let id = harness.submit("?target=west").await;
    harness.context.records.put_rendered(&key(&id), 1, &Rendered::default()).await.expect("written");
    let moved = harness.put(&id, "?target=east", CONFIG_MAP);
    let (status, body) = answer(moved).await;
    assert_eq!((status, &body["errors"][0]["field"]), (409, &"target".into()), "{body}");
    assert!(body["detail"].as_str().is_some_and(|d| d.contains("in the cluster `west`")), "{body}");
    assert_eq!(answer(harness.put(&id, "?revision=1&target=east", "")).await.0, 409);
    for (n, request) in [
        (2, harness.put(&id, "", CONFIG_MAP)),
        (3, harness.put(&id, "?target=west", CONFIG_MAP)),
        (4, harness.put(&id, "?revision=1", "")),
        (5, harness.put(&id, "", CONFIG_MAP)),
        (6, harness.delete(&format!("/yaml/{id}"))),
    ] {
        let (status, body) = answer(request).await;
        assert_eq!((status, &body["revision"]), (202, &n.into()), "{body}");
        let command = harness.context.records.command(&key(&id), n).await.expect("read").expect("stored");
        assert_eq!(command.options.target, "west", "{n}");
    }
    assert_eq!(answer(harness.delete(&format!("/yaml/{id}?target=west"))).await.0, 400);
    let home = harness.submit("").await;
    let (status, body) = answer(harness.put(&home, "?target=west", CONFIG_MAP)).await;
    assert!(status == 409 && body["detail"].as_str().is_some_and(|d| d.contains("the default cluster")), "{body}");
}

#[tokio::test]
async fn a_put_under_a_key_that_names_no_cluster_is_the_same_request_again() {
    let harness = Harness::with(With { targets: vec!["west".into()], ..With::default() }).await;
    let id = harness.submit("?target=west").await;
    let put = || harness.put(&id, "", CONFIG_MAP).header("idempotency-key", "k");
    let ((_, one), (_, two)) = (answer(put()).await, answer(put()).await);
    assert_eq!((&one["revision"], &two["revision"]), (&2.into(), &2.into()), "{two}");
}

#[tokio::test]
async fn a_task_that_never_was_cannot_be_changed() {
    let harness = Harness::new().await;
    let path = "019a0000-0000-7000-8000-000000000001";
    assert_eq!(answer(harness.put(path, "", CONFIG_MAP)).await.0, 404);
    assert_eq!(answer(harness.delete(&format!("/yaml/{path}"))).await.0, 404);
}
