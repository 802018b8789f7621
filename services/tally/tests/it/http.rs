//! What is served.

use bootstrap::{app, serve};
use domain::{Tenant, access::Scope};
use futures::future::join_all;
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{harness::Harness, on_both};

on_both! {
    "voters: {max_ballots: 1}\n":
    contests_are_listed_and_shown,
    a_contest_without_a_file_is_withdrawn_wherever_it_is_told_of,
    a_question_that_takes_no_parameters_refuses_any,
    standings_are_ranked_and_tagged,
    a_stream_of_standings_tells_each_change,
    who_follows_what_many_others_do_not_is_told_too,
    a_quiet_stream_of_a_token_that_is_revoked_ends,
    the_log_hides_what_the_contest_hides,
    audit_verify_and_rebuild_answer,
}

struct Served {
    harness: Harness,
    url: String,
    http: Client,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Served {
    async fn new(harness: Harness) -> Self {
        bootstrap::install_tls();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, app(&harness.context, tally::routes(&harness.tally)), stop.clone()));
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { harness, url, http, stop }
    }

    fn path(&self, rest: &str) -> String {
        format!("{}/contests/{}{rest}", self.url, self.harness.contest.name)
    }

    async fn get(&self, rest: &str) -> (StatusCode, Value) {
        let answer = self.http.get(self.path(rest)).send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    /// Follows a part of the standings, perhaps with a token.
    async fn follow(&self, part: &str, token: Option<&str>) -> Stream {
        let request = self.http.get(self.path(&format!("/standings{part}"))).header("accept", "text/event-stream");
        let request = token.into_iter().fold(request, RequestBuilder::bearer_auth);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        Stream { answer, seen: String::new() }
    }

    async fn cast(&self, casts: &[(&str, &str, Option<&str>)]) {
        assert!(self.harness.round().run(&[self.harness.batch(casts)]).await[0].is_ok());
    }
}

async fn contests_are_listed_and_shown(harness: Harness) {
    let served = Served::new(harness).await;
    let list: Value = served
        .http
        .get(format!("{}/contests", served.url))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(list[0]["name"], served.harness.contest.name);
    assert_eq!((list[0]["kind"].as_str(), list[0]["state"].as_str()), (Some("votes"), Some("open")));
    let (status, shown) = served.get("").await;
    assert_eq!((status, shown["definition"]["fields"]["rank"]["max"].as_i64()), (StatusCode::OK, Some(5)));
    for path in ["/contests/nothing", "/contests/nothing/standings", "/contests/No%20Name/audit", "/contests/x/ballots"]
    {
        let answer = served.http.get(format!("{}{path}", served.url)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

async fn a_contest_without_a_file_is_withdrawn_wherever_it_is_told_of(harness: Harness) {
    let served = Served::new(harness).await;
    served.harness.context.records.withdraw(&served.harness.contest.name, Timestamp::now()).await.expect("a note");
    testkit::until("it is told", crate::harness::LONG, async || {
        let list: Value = served
            .http
            .get(format!("{}/contests", served.url))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let states = [&list[0]["state"], &served.get("").await.1["state"], &served.get("/standings").await.1["state"]];
        if states.iter().all(|state| **state == "withdrawn") { Ok(()) } else { Err(format!("still {states:?}")) }
    })
    .await
    .expect("it is told");
}

async fn a_question_that_takes_no_parameters_refuses_any(harness: Harness) {
    let served = Served::new(harness).await;
    for rest in ["", "/audit"] {
        let (status, body) = served.get(&format!("{rest}?bogus=1")).await;
        assert_eq!(
            (status, body["detail"].as_str().is_some_and(|d| d.contains("bogus"))),
            (StatusCode::BAD_REQUEST, true),
            "{body}"
        );
    }
}

async fn standings_are_ranked_and_tagged(harness: Harness) {
    let served = Served::new(harness).await;
    served.cast(&[("a", "x", None), ("b", "x", None), ("c", "y", None), ("d", "z", None)]).await;
    let (status, body) = served.get("/standings?tally=names&top=2").await;
    assert_eq!(status, StatusCode::OK);
    let rows = json!([{"key": ["x"], "value": 2, "rank": 1}, {"key": ["y"], "value": 1, "rank": 2}]);
    assert_eq!((&body["tallies"]["names"]["rows"], &body["tallies"]["names"]["size"]), (&rows, &json!(3)));
    assert_eq!(
        (&body["totals"]["counted"], &body["state"], &body["final"]),
        (&json!(4), &json!("open"), &json!(false))
    );
    let first = served.http.get(served.path("/standings")).send().await.expect("an answer");
    let tag = first.headers()["etag"].to_str().expect("text").to_owned();
    // A proxy that compresses weakens a tag; a cache may know several.
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let same = served.http.get(served.path("/standings")).header("if-none-match", &known).send().await;
        assert_eq!(same.expect("an answer").status(), StatusCode::NOT_MODIFIED, "{known}");
    }
    let other = served.http.get(served.path("/standings")).header("if-none-match", "\"x\"").send().await;
    assert_eq!(other.expect("an answer").status(), StatusCode::OK);
    assert_eq!(served.get("/standings?top=0").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(served.get("/standings?top=x").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(served.get("/standings?tally=none").await.0, StatusCode::NOT_FOUND);
}

/// A stream of standings, and what came by it.
struct Stream {
    answer: Response,
    seen: String,
}

impl Stream {
    /// Reads on until so many ballots are counted.
    async fn until_counted(&mut self, ballots: u32) {
        let told = format!("\"counted\":{ballots}");
        let counted = async {
            while !self.seen.contains(&told) {
                let chunk = self.answer.chunk().await.expect("it goes on").expect("it does not end");
                self.seen.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(crate::harness::LONG, counted).await.expect("the change comes");
    }

    /// How many standings came.
    fn told(&self) -> usize {
        self.seen.matches("event: standings").count()
    }
}

async fn a_stream_of_standings_tells_each_change(harness: Harness) {
    let served = Served::new(harness).await;
    let follow = async |part: &str| served.follow(part, None).await;
    let mut streams = vec![follow("").await, follow("").await, follow("?tally=names&top=1").await];
    served.cast(&[("a", "x", None)]).await;
    for stream in &mut streams {
        stream.until_counted(1).await;
        assert!(stream.seen.starts_with("event: standings"), "{}", stream.seen);
    }
    // Who comes later is told what holds first; who is gone is no matter of the others, nor is it that all were gone.
    streams.remove(0);
    streams.push(follow("").await);
    streams[2].until_counted(1).await;
    served.cast(&[("b", "y", None)]).await;
    for stream in &mut streams {
        stream.until_counted(2).await;
    }
    streams.clear();
    let mut alone = follow("").await;
    alone.until_counted(2).await;
    served.cast(&[("c", "y", None)]).await;
    alone.until_counted(3).await;
    // Whether it is settled changes beside the counts; nothing is told twice in a row.
    let told: Vec<_> = alone.seen.split("\n\n").filter(|event| event.contains("event: ")).collect();
    assert!(alone.told() >= 2 && told.windows(2).all(|two| two[0] != two[1]), "{}", alone.seen);
    served.harness.context.stopping.cancel();
    let ended = async { while alone.answer.chunk().await.expect("it ends well").is_some() {} };
    tokio::time::timeout(crate::harness::LONG, ended).await.expect("it ends with the process");
}

async fn who_follows_what_many_others_do_not_is_told_too(harness: Harness) {
    let served = Served::new(harness).await;
    // More parts than are looked for in common.
    let parts: Vec<String> = (1..=257).map(|top| format!("?top={top}")).collect();
    let mut streams = join_all(parts.iter().map(|part| served.follow(part, None))).await;
    streams.push(served.follow("", None).await);
    served.cast(&[("a", "x", None)]).await;
    join_all(streams.iter_mut().map(|stream| stream.until_counted(1))).await;
}

async fn a_quiet_stream_of_a_token_that_is_revoked_ends(harness: Harness) {
    let served = Served::new(harness).await;
    let records = &served.harness.context.records;
    let (token, secret) = bootstrap::issue(Tenant::local().name, [Scope::Read], None, String::new());
    records.put_token(&token).await.expect("written");
    let mut stream = served.follow("", Some(secret.expose())).await;
    stream.until_counted(0).await;
    records.delete_token(&token.id).await.expect("deleted");
    let ended = async { while stream.answer.chunk().await.expect("it ends well").is_some() {} };
    tokio::time::timeout(crate::harness::LONG, ended).await.expect("it ends with its token");
}

async fn the_log_hides_what_the_contest_hides(harness: Harness) {
    let served = Served::new(harness).await;
    served.cast(&[("a", "x", Some("v")), ("b", "y", Some("v")), ("c", "x", None)]).await;
    let (status, page) = served.get("/ballots?limit=2").await;
    assert_eq!(status, StatusCode::OK);
    let ids: Vec<&str> = page["ballots"].as_array().expect("a list").iter().filter_map(|b| b["id"].as_str()).collect();
    assert_eq!(ids, ["c", "b"]);
    assert!(!page.to_string().contains("voter"), "{page}");
    assert_eq!(page["ballots"][1]["verdict"], "over_limit");
    let next = page["next"].as_str().expect("a cursor");
    let (_, rest) = served.get(&format!("/ballots?cursor={next}")).await;
    assert_eq!((&rest["ballots"][0]["id"], &rest["next"]), (&json!("a"), &Value::Null));
    let (_, named) = served.get("/ballots?name=x&rank=3&verdict=counted").await;
    assert_eq!(named["ballots"].as_array().map(Vec::len), Some(2));
    for bad in
        ["voter=v", "nothing=1", "rank=x", "limit=0", "limit=1001", "since=yesterday", "verdict=none", "outcome=none"]
    {
        assert_eq!(served.get(&format!("/ballots?{bad}")).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}

async fn audit_verify_and_rebuild_answer(harness: Harness) {
    let served = Served::new(harness).await;
    served.cast(&[("a", "x", None)]).await;
    let (_, audit) = served.get("/audit").await;
    assert_eq!((&audit["received"], &audit["accepted"], &audit["counted"]), (&json!(1), &json!(1), &json!(1)));
    for (rest, expected) in [("/verify", json!({"agrees": true})), ("/rebuild", json!({"generation": 2, "entries": 1}))]
    {
        let answer = served.http.post(served.path(rest)).send().await.expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&body[key], value, "{body}");
        }
    }
}
