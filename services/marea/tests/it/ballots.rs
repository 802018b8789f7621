//! Contests in `marea up`: cast by HTTP, gRPC and the command line, counted, told, audited.

mod kills;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ingest::proto::{Ballot, CastRequest, Value as Sent, ingest_client::IngestClient, value};
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::program::{Up, ok};

const WITHIN: Duration = Duration::from_secs(60);
const VOTE: &str = r#"{"id":"v-1","name":"Alux Nahual","album":"Leyenda","year":1989,"rank":5}"#;
const SONGS: &str = "
name: songs
title: Best song
kind: votes
fields:
  song: {type: string, max_length: 80}
tallies:
  songs: {by: [song]}
voters: {required: true, max_ballots: 2}
";

fn told(up: &Up, arguments: &[&str]) -> Value {
    serde_json::from_str(&ok(up.run(&[arguments, &["-o", "json"]].concat()))).expect("JSON")
}

/// Waits until what is told is right.
fn becomes(up: &Up, arguments: &[&str], right: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + WITHIN;
    loop {
        let value = told(up, arguments);
        if right(&value) {
            return value;
        }
        assert!(Instant::now() < until, "{arguments:?}: {value:#}");
    }
}

fn counted(up: &Up, contest: &str, expected: u64) -> Value {
    becomes(up, &["contest", "standings", contest], |told| told["totals"]["counted"] == expected)
}

async fn post(up: &Up, path: &str, media_type: &str, body: String) -> (u16, Value) {
    let request = testkit::http().post(format!("{}{path}", up.server)).header("content-type", media_type).body(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn post_json(up: &Up, path: &str, body: &str) -> (u16, Value) {
    post(up, path, "application/json", body.to_owned()).await
}

fn by_grpc(name: &str) -> CastRequest {
    let text = |text: &str| Sent { value: Some(value::Value::Text(text.to_owned())) };
    let number = |number| Sent { value: Some(value::Value::Integer(number)) };
    let values = vec![text(name), text("Leyenda"), number(1989), number(4)];
    let fields = ["name", "album", "year", "rank"].map(str::to_owned).into();
    let ballots = vec![Ballot { id: "g-1".to_owned(), voter: String::new(), values }];
    CastRequest { contest: "bands".to_owned(), fields, voter: String::new(), ballots }
}

#[tokio::test(flavor = "multi_thread")]
async fn ballots_of_every_door_are_counted_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral"]);
    for _ in 0..2 {
        let (status, answer) = post_json(&up, "/votes", VOTE).await;
        assert_eq!((status, &answer["ids"]), (202, &json!(["v-1"])));
    }
    let lines = format!("{VOTE}\nno JSON\n{}\n", VOTE.replace("v-1", "v-2"));
    let (status, answer) = post(&up, "/contests/bands/ballots", "application/x-ndjson", lines).await;
    assert_eq!((status, &answer["accepted"], &answer["rejections"]), (202, &json!(2), &json!(1)), "{answer}");
    let (status, answer) = post_json(&up, "/votes/olympics", VOTE).await;
    assert!(status == 404 && answer.to_string().contains("/scores/olympics"), "{answer}");

    let channel = Channel::from_shared(up.server.clone()).expect("a URL").connect().await.expect("HTTP/2 on the port");
    let mut grpc = IngestClient::new(channel);
    for _ in 0..2 {
        let reply = grpc.cast(by_grpc("Malacates")).await.expect("taken").into_inner();
        assert_eq!((reply.accepted, reply.first_id.as_str()), (1, "g-1"));
    }
    ok(up.run(&["vote", "name=Alux Nahual", "album=Leyenda", "year=1989", "rank=3", "--id", "c-1"]));
    let file = dir.path().join("bands.ndjson");
    std::fs::write(&file, ok(up.run(&["contest", "generate", "bands", "-n", "1500"]))).expect("written");
    for _ in 0..2 {
        assert!(ok(up.run(&["cast", &file.display().to_string()])).starts_with("accepted 1500, rejected 0"));
    }

    // Of the second cast nothing counts; it may come after the first.
    let standings = becomes(&up, &["contest", "standings", "bands"], |standings| {
        let totals = &standings["totals"];
        (&totals["counted"], &totals["duplicate"]) == (&json!(1_504), &json!(1_503))
    });
    let log = told(&up, &["contest", "log", "bands", "rank=4", "name=Malacates"]);
    assert_eq!((&log["ballots"][0]["id"], log["ballots"].as_array().map(Vec::len)), (&json!("g-1"), Some(1)));
    let audit = becomes(&up, &["contest", "audit", "bands"], |audit| audit["settled"] == true);
    assert_eq!(
        (&audit["accepted"], &audit["received"], &audit["counted"]),
        (&json!(3_007), &json!(3_007), &json!(1_504))
    );
    assert_eq!(told(&up, &["contest", "verify", "bands"])["agrees"], true);
    ok(up.run(&["contest", "rebuild", "bands"]));
    assert_eq!(counted(&up, "bands", 1_504)["tallies"], standings["tallies"]);
    assert_eq!(ok(up.run(&["contest", "export", "bands"])).lines().count(), 1_504);
    let again = up.run(&["cast", &file.display().to_string()]);
    assert!(again.code == 0 && again.err.contains("was cast before"), "{}", again.err);
    assert_eq!(up.interrupt(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judged_score_is_drawn_the_same_though_the_process_was_killed() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let scores: Vec<_> = (0..40).map(|n| {
        json!({ "id": format!("s-{n}"), "student": "Ana", "age": 20, "faculty": "agronomy", "discipline": "boxing" })
    }).collect();
    let body = Value::Array(scores).to_string();
    let up = Up::start(&data, &[]);
    assert_eq!(post_json(&up, "/scores", &body).await.0, 202);
    let first = counted(&up, "olympics", 40);
    up.kill();
    let up = Up::start(&data, &[]);
    assert_eq!(post_json(&up, "/scores", &body).await.0, 202);
    let again = becomes(&up, &["contest", "standings", "olympics"], |told| told["totals"]["duplicate"] == 40);
    assert_eq!((&again["tallies"], &again["totals"]["conflicting"]), (&first["tallies"], &json!(0)));
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contest_of_ones_own_limits_its_voters_and_is_closed() {
    let dir = tempfile::tempdir().expect("a folder");
    let contests = dir.path().join("contests");
    std::fs::create_dir(&contests).expect("made");
    write(&contests, "songs.yaml", SONGS);
    write(&contests, "broken.yaml", "name: broken");
    let folder = contests.display().to_string();
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral", "--contests", &folder]);
    let doctor = up.run(&["doctor"]);
    assert!(doctor.code == 1 && doctor.out.contains("broken.yaml"), "{}", doctor.out);
    assert_eq!(post_json(&up, "/votes", VOTE).await.0, 404);
    for _ in 0..3 {
        ok(up.run(&["vote", "songs", "song=A", "--voter", "Zoë"]));
    }
    let standings = becomes(&up, &["contest", "standings", "songs"], |told| told["totals"]["over_limit"] == 1);
    assert_eq!(standings["totals"]["counted"], 2);
    ok(up.run(&["contest", "close", "songs"]));
    let until = Instant::now() + WITHIN;
    while up.run(&["vote", "songs", "song=B", "--voter", "Ana"]).code == 0 {
        assert!(Instant::now() < until, "still open");
    }
    becomes(&up, &["contest", "standings", "songs"], |told| told["final"] == true);
    // A file that is written while it runs.
    write(&contests, "broken.yaml", &SONGS.replace("songs", "broken"));
    becomes(&up, &["contest", "list"], |told| told["contests"].as_array().is_some_and(|all| all.len() == 2));
}
