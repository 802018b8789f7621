//! Files that change, gates, tokens, pages.

use contests::samples;
use domain::{Tenant, access::Scope};
use ingest::proto::{CastRequest, ingest_client::IngestClient};
use serde_json::json;

use crate::{
    grpc::{ballot, request},
    harness::{Harness, On, PATIENCE, With, code, vote},
    on_both,
    raw::{Raw, framed},
};

on_both! {
    contests_are_read_again_and_a_broken_file_keeps_the_last_good_one,
    a_gate_closes_and_opens_a_contest,
    a_contest_whose_file_is_gone_is_told_to_be_withdrawn_until_it_is_back,
    of_commands_at_the_same_time_none_is_lost,
    who_takes_ballots_takes_back_what_another_said_that_is_gone,
    a_stream_of_a_token_that_is_revoked_ends,
    after_a_start_a_broken_file_has_the_last_good_one_in_force_that_is_stored,
    a_contest_may_ask_for_a_token_and_the_tenant_is_the_caller,
    a_page_of_a_configured_origin_may_cast_and_no_other,
    the_interface_is_described_and_measured,
}

async fn contests_are_read_again_and_a_broken_file_keeps_the_last_good_one(on: On) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("mine.yaml");
    let mine = samples::BANDS.replace("name: bands", "name: mine");
    std::fs::write(&file, &mine).unwrap();
    let harness = on.harness(With { folder: Some(place.path().to_owned()), ..With::default() }).await;
    assert_eq!(harness.cast("/votes/mine", &vote("x")).await.0, 202);
    let first = harness.context.records.current_revision("mine").await.unwrap().unwrap();
    assert!(harness.context.records.definition("mine", first).await.unwrap().is_some());

    std::fs::write(&file, mine.replace("max: 5", "max: 9")).unwrap();
    let mut nine = vote("x");
    nine["rank"] = json!(9);
    testkit::until("the new file", PATIENCE, async || match harness.cast("/votes/mine", &nine).await.0 {
        202 => Ok(()),
        status => Err(format!("still {status}")),
    })
    .await
    .unwrap();
    assert_ne!(harness.context.records.current_revision("mine").await.unwrap(), Some(first));

    std::fs::write(&file, "kind: boats").unwrap();
    let ready = format!("{}/readyz", harness.url);
    testkit::until("the trouble to be told", PATIENCE, async || {
        let answer = harness.http.get(&ready).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        if status == 200 && text.contains("mine.yaml") { Ok(()) } else { Err(text) }
    })
    .await
    .unwrap();
    assert_eq!(harness.cast("/votes/mine", &nine).await.0, 202);
}

async fn a_gate_closes_and_opens_a_contest(on: On) {
    let harness = on.harness(With::default()).await;
    let gate = |body: serde_json::Value| harness.http.put(format!("{}/contests/bands/gate", harness.url)).json(&body);
    let before = jiff::Timestamp::now();
    let (status, answer) = harness.send(gate(json!({ "open": false, "at": "2020-01-01T00:00:00Z" }))).await;
    assert_eq!((status, &answer["state"]), (200, &json!("closed")));
    let at: jiff::Timestamp = answer["steps"][0]["at"].as_str().expect("a time").parse().expect("a time");
    assert!(at >= before, "what was taken until now was taken: {answer}");
    let (status, answer) = harness.cast("/votes", &vote("late")).await;
    assert_eq!((status, code(&answer)), (409, "contest-not-open"));
    assert_eq!(harness.send(gate(json!({ "open": true, "at": "2999-01-01T00:00:00Z" }))).await.1["state"], "upcoming");
    assert_eq!(harness.send(gate(json!({ "open": true }))).await.0, 200);
    assert_eq!(harness.cast("/votes", &vote("in time")).await.0, 202);
    // What another process commands is followed.
    let now = jiff::Timestamp::now();
    let step = contests::gate::Step { open: false, at: now };
    harness.context.records.change_gate("bands", |gate| gate.command(step, now)).await.unwrap().unwrap();
    testkit::until("the gate", PATIENCE, async || match harness.cast("/votes", &vote("late")).await.0 {
        409 => Ok(()),
        status => Err(format!("still {status}")),
    })
    .await
    .unwrap();
}

async fn a_contest_whose_file_is_gone_is_told_to_be_withdrawn_until_it_is_back(on: On) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("mine.yaml");
    let mine = samples::BANDS.replace("name: bands", "name: mine");
    std::fs::write(&file, &mine).unwrap();
    let with = |records| With { folder: Some(place.path().to_owned()), records, ..With::default() };
    let first = on.harness(with(None)).await;
    let records = first.context.records.clone();
    let withdrawn = async |wanted: bool| {
        testkit::until("the news of the file", PATIENCE, async || match records.withdrawn("mine").await.unwrap() {
            since if since.is_some() == wanted => Ok(()),
            since => Err(format!("still {since:?}")),
        })
        .await
        .unwrap();
    };
    let refused = async |harness: &Harness| {
        let (status, answer) = harness.cast("/votes/mine", &vote("x")).await;
        assert_eq!((status, answer["detail"].as_str().unwrap().contains("its file is gone")), (404, true), "{answer}");
        let gate = harness.http.put(format!("{}/contests/mine/gate", harness.url)).json(&json!({ "open": true }));
        assert_eq!(harness.send(gate).await.0, 404);
    };
    withdrawn(false).await;
    std::fs::remove_file(&file).unwrap();
    withdrawn(true).await;
    refused(&first).await;
    // Whoever starts without the file tells the same, and a broken one is not gone.
    records.restore("mine").await.unwrap();
    let second = on.harness(with(Some(records.clone()))).await;
    withdrawn(true).await;
    refused(&second).await;
    std::fs::write(&file, &mine).unwrap();
    withdrawn(false).await;
    std::fs::write(&file, "kind: boats").unwrap();
    let third = on.harness(with(Some(records.clone()))).await;
    assert_eq!(third.cast("/votes/mine", &vote("x")).await.0, 202);
    assert_eq!(records.withdrawn("mine").await.unwrap(), None);
}

async fn who_takes_ballots_takes_back_what_another_said_that_is_gone(on: On) {
    let harness = on.harness(With::default()).await;
    let records = &harness.context.records;
    records.withdraw("bands", jiff::Timestamp::now()).await.unwrap();
    testkit::until("it is taken back", PATIENCE, async || match records.withdrawn("bands").await.unwrap() {
        None => Ok(()),
        since => Err(format!("withdrawn since {since:?}")),
    })
    .await
    .unwrap();
    assert_eq!(harness.cast("/votes", &vote("x")).await.0, 202);
}

async fn a_stream_of_a_token_that_is_revoked_ends(on: On) {
    let harness = on.harness(With { tokens: true, ..With::default() }).await;
    let tenant = Tenant { name: "acme".parse().unwrap(), ..Tenant::local() };
    harness.context.records.put_tenant(&tenant).await.unwrap();
    let (token, secret) = bootstrap::issue(tenant.name.clone(), [Scope::Ballots], None, String::new());
    harness.context.records.put_token(&token).await.unwrap();
    let headers = format!(
        "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\nauthorization: Bearer {}\r\n",
        secret.expose()
    );
    let mut stream = Raw::begin(harness.address, &headers).await;
    assert!(stream.chunk(format!("{}\n", vote("before")).as_bytes()).await);
    harness.noted.many("before", 1).await;
    harness.context.records.delete_token(&token.id).await.unwrap();
    let more = framed(format!("{}\n", vote("after")).as_bytes());
    let (status, answer) = tokio::time::timeout(PATIENCE, stream.trickle(&more)).await.unwrap();
    assert_eq!(status, 401, "{answer}");
    let accepted = usize::try_from(answer["accepted"].as_u64().unwrap()).unwrap();
    harness.noted.many("after", accepted - 1).await;
    assert_eq!(harness.noted.named("after"), accepted - 1);
}

async fn of_commands_at_the_same_time_none_is_lost(on: On) {
    let harness = on.harness(With::default()).await;
    for year in 2900..2905 {
        // Each voids only those at or after its own time: the earliest stays, whichever order they come in.
        let commands = (1..=6).map(|month| {
            let body = json!({ "open": month > 1, "at": format!("{year}-0{month}-01T00:00:00Z") });
            let put = harness.http.put(format!("{}/contests/bands/gate", harness.url)).json(&body);
            harness.send(put)
        });
        let answers = futures::future::join_all(commands).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        let gate = harness.context.records.gate("bands").await.unwrap();
        let earliest = format!("{year}-01-01T00:00:00Z").parse().unwrap();
        assert!(gate.steps.iter().any(|step| !step.open && step.at == earliest), "{gate:?}");
        harness.set_open(true).await;
    }
}

async fn after_a_start_a_broken_file_has_the_last_good_one_in_force_that_is_stored(on: On) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("mine.yaml");
    std::fs::write(&file, samples::BANDS.replace("name: bands", "name: mine").replace("max: 5", "max: 9")).unwrap();
    let with = |records| With { folder: Some(place.path().to_owned()), records, ..With::default() };
    let mut nine = vote("x");
    nine["rank"] = json!(9);
    let first = on.harness(with(None)).await;
    assert_eq!(first.cast("/votes/mine", &nine).await.0, 202);
    std::fs::write(&file, "kind: boats").unwrap();
    let second = on.harness(with(Some(first.context.records.clone()))).await;
    assert_eq!(second.cast("/votes/mine", &nine).await.0, 202);
    let ready = second.http.get(format!("{}/readyz", second.url)).send().await.unwrap().text().await.unwrap();
    assert!(ready.contains("mine.yaml"), "{ready}");
}

/// Casts a ballot in `mine` by a stream over gRPC; gives its id.
async fn streamed(harness: &Harness, token: &str) -> String {
    let channel = tonic::transport::Channel::from_shared(harness.url.clone()).unwrap().connect().await.unwrap();
    let ballots = CastRequest { contest: "mine".to_owned(), ..request(vec![ballot("x", 5)]) };
    let mut stream = tonic::Request::new(futures::stream::iter([ballots]));
    stream.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut replies = IngestClient::new(channel).cast_stream(stream).await.unwrap().into_inner();
    replies.message().await.unwrap().unwrap().first_id
}

async fn a_contest_may_ask_for_a_token_and_the_tenant_is_the_caller(on: On) {
    let place = tempfile::tempdir().unwrap();
    let mine = format!("{}\naccess: {{tokens: true}}\n", samples::BANDS.replace("name: bands", "name: mine"));
    std::fs::write(place.path().join("mine.yaml"), mine).unwrap();
    let harness = on.harness(With { tokens: true, folder: Some(place.path().to_owned()), ..With::default() }).await;
    assert_eq!(harness.cast("/votes/mine", &vote("x")).await.0, 401);
    let tenant = Tenant { name: "acme".parse().unwrap(), ..Tenant::local() };
    harness.context.records.put_tenant(&tenant).await.unwrap();
    for (scopes, status) in [(vec![Scope::Read], 403), (vec![Scope::Ballots], 202)] {
        let (token, secret) = bootstrap::issue(tenant.name.clone(), scopes, None, String::new());
        harness.context.records.put_token(&token).await.unwrap();
        let request = harness.post("/votes/mine", vote("x").to_string()).bearer_auth(secret.expose());
        let (found, answer) = harness.send(request).await;
        assert_eq!(found, status, "{answer}");
        if status == 202 {
            assert_eq!(harness.noted.once(answer["ids"][0].as_str().unwrap()).await.caller, "acme");
            assert_eq!(harness.noted.once(&streamed(&harness, secret.expose()).await).await.caller, "acme");
        }
    }
    // A contest that asks for none takes ballots of anybody, and refuses a token that is none.
    assert_eq!(harness.cast("/votes", &vote("x")).await.0, 202);
    let request = harness.post("/votes", vote("x").to_string()).bearer_auth("nonsense");
    assert_eq!(harness.send(request).await.0, 401);
}

async fn a_page_of_a_configured_origin_may_cast_and_no_other(on: On) {
    let page = "https://vote.example";
    let harness = on.harness(With { cors: vec![page.to_owned()], ..With::default() }).await;
    let options = harness.http.request(reqwest::Method::OPTIONS, format!("{}/votes", harness.url));
    let options = options.header("origin", page).header("access-control-request-method", "POST");
    let answer = options.send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], page);
    assert!(answer.headers()["access-control-allow-headers"].to_str().unwrap().contains("x-voter"));
    let cast = harness.post("/votes", vote("x").to_string()).header("origin", page).send().await.unwrap();
    assert_eq!((cast.status().as_u16(), &cast.headers()["access-control-allow-origin"]), (202, &page.parse().unwrap()));
    let other = harness.post("/votes", vote("x").to_string()).header("origin", "https://evil.example");
    assert_eq!(harness.send(other).await.0, 403);
}

async fn the_interface_is_described_and_measured(on: On) {
    let harness = on.harness(With::default()).await;
    harness.cast("/votes", &vote("x")).await;
    let get = async |path: &str| {
        harness.http.get(format!("{}{path}", harness.url)).send().await.unwrap().text().await.unwrap()
    };
    let api: serde_json::Value = serde_json::from_str(&get("/openapi.json").await).unwrap();
    for path in ["/votes", "/votes/{contest}", "/scores", "/contests/{contest}/ballots", "/contests/{contest}/gate"] {
        assert!(api["paths"].get(path).is_some(), "{path}");
    }
    let metrics = get("/metrics").await;
    for name in ["ingest_ballots_total", "ingest_batch_size", "ingest_confirm_seconds", "http_requests_total"] {
        assert!(metrics.contains(name), "{name}");
    }
    // Whatever is refused has its reason, a ballot's or the whole request's.
    harness.cast("/votes", &serde_json::json!({"name": 1})).await;
    harness.cast("/votes/nobody", &vote("x")).await;
    harness.send(harness.post("/votes", "{")).await;
    let metrics = get("/metrics").await;
    for reason in ["wrong_type", "not-found", "invalid-json"] {
        let series = format!("ingest_rejections_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&series), "{reason}: {metrics}");
    }
}
