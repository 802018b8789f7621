//! What the log shows of rows of earlier revisions.

use bootstrap::{app, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{harness::Harness, on_both};

on_both! {
    "":
    a_field_that_was_hidden_stays_so_when_its_contest_drops_it,
}

async fn shown(harness: &Harness, rest: &str) -> (u16, Value) {
    // A tally of its own: it asks which revision is current.
    let tally = tally::Tally::new(&harness.context, harness.stores.clone(), &harness.config);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url =
        format!("http://{}/contests/{}/ballots{rest}", listener.local_addr().expect("bound"), harness.contest.name);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, app(&harness.context, tally::routes(&tally)), stop.clone()));
    let answer =
        reqwest::Client::builder().no_proxy().build().expect("a client").get(url).send().await.expect("an answer");
    let (status, body) = (answer.status().as_u16(), answer.json().await.expect("JSON"));
    stop.cancel();
    serving.await.expect("it ends");
    (status, body)
}

async fn a_field_that_was_hidden_stays_so_when_its_contest_drops_it(harness: Harness) {
    bootstrap::install_tls();
    let name = &harness.contest.name;
    let revision = |fields: &str, hidden: &str| {
        let file = format!(
            "name: {name}\ntitle: C\nkind: votes\nfields: {{{fields}}}\ntallies: {{ranks: {{by: [rank]}}}}\nhidden: [{hidden}]\n"
        );
        contests::Definition::parse(&file).expect("a contest")
    };
    let rank = "rank: {type: integer, min: 1, max: 5}";
    // The harness' ballots say `name`, as some e-mail's address might be called.
    let first = revision(&format!("name: {{type: string}}, {rank}"), "voter, name");
    let second = revision(rank, "voter");
    harness.context.records.put_definition(&first).await.expect("stored");
    let batch = harness.batch_of(&[("a", "ana@example.org", None)], |header| header.revision = first.revision());
    assert!(harness.round().run(&[batch]).await[0].is_ok());
    let (_, page) = shown(&harness, "").await;
    assert_eq!(page["ballots"][0]["fields"], serde_json::json!({"rank": 3}), "{page}");
    harness.context.records.put_definition(&second).await.expect("stored");
    let (_, page) = shown(&harness, "").await;
    assert_eq!(page["ballots"][0]["fields"], serde_json::json!({"rank": 3}), "{page}");
    assert_eq!(shown(&harness, "?name=ana@example.org").await.0, 400, "nor can it be found out by asking");
}
