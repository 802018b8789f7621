//! Bad input: each its clear answer, and nothing of it in the queue.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    harness::{Harness, On, With, code, vote},
    on_both,
    raw::Raw,
};

on_both! {
    every_bad_input_has_its_clear_answer,
    the_wrong_kind_names_the_right_route_and_another_media_type_is_told,
    a_negative_length_and_a_client_that_stops_are_answered,
    a_line_that_is_too_long_is_passed_over,
    a_line_that_is_no_utf_8_is_named_and_the_others_count,
    what_is_no_json_within_an_array_is_named_and_the_others_count,
    a_line_that_never_ends_ends_the_stream,
    a_header_that_is_there_twice_is_refused,
}

fn with(field: &str, value: Value) -> String {
    let mut vote = vote("x");
    vote[field] = value;
    vote.to_string()
}

async fn every_bad_input_has_its_clear_answer(on: On) {
    let harness = on.harness(With::default()).await;
    let million = format!("[{}]", vec!["{}"; 1_000_000].join(","));
    let twenty_thousand = format!("[{}]", vec![vote("x").to_string(); 11_000].join(","));
    let table: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("/votes", b"{\"name\":".to_vec(), 400, "invalid-json"),
        ("/votes", b"{\"name\":\"x\"} x".to_vec(), 400, "invalid-json"),
        ("/votes", vec![], 400, "empty-body"),
        ("/votes", b"  \n ".to_vec(), 400, "empty-body"),
        ("/votes", b"{\"name\":\"\xff\xfe\",\"album\":\"a\",\"year\":1989,\"rank\":1}".to_vec(), 400, "invalid-json"),
        ("/votes", b"[]".to_vec(), 422, "empty-array"),
        ("/votes", b"3".to_vec(), 422, "invalid-ballot"),
        ("/votes", with("rank", json!(0)).into(), 422, "invalid-ballot"),
        ("/votes", with("rank", json!(6)).into(), 422, "invalid-ballot"),
        ("/votes", with("rank", json!("5")).into(), 422, "invalid-ballot"),
        ("/votes", with("rank", json!(2.5)).into(), 422, "invalid-ballot"),
        ("/votes", with("year", json!(99_999)).into(), 422, "invalid-ballot"),
        ("/votes", with("name", json!("x".repeat(1 << 20))).into(), 422, "invalid-ballot"),
        ("/votes", with("name", json!("a\u{0}b")).into(), 422, "invalid-ballot"),
        ("/votes", with("colour", json!("red")).into(), 422, "invalid-ballot"),
        ("/votes", b"{}".to_vec(), 422, "invalid-ballot"),
        ("/votes", million.into(), 413, "too-large"),
        ("/votes", twenty_thousand.into(), 413, "too-large"),
        ("/votes", vec![b' '; 5 << 20], 413, "too-large"),
        ("/votes/nothing", vote("x").to_string().into(), 404, "not-found"),
        ("/contests/No%20Name/ballots", vote("x").to_string().into(), 404, "not-found"),
    ];
    for (path, body, status, word) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let (found, answer) = harness.send(harness.post(path, body)).await;
        assert_eq!((found, code(&answer)), (status, word), "{shown}: {answer}");
        assert!(!answer["detail"].as_str().unwrap().is_empty());
    }
    assert!(harness.noted.ballots.lock().is_empty());
    assert_eq!(harness.cast("/votes", &vote("good")).await.0, 202);
}

async fn the_wrong_kind_names_the_right_route_and_another_media_type_is_told(on: On) {
    let harness = on.harness(With::default()).await;
    let (status, answer) = harness.cast("/scores/bands", &vote("x")).await;
    assert_eq!(status, 404);
    assert!(answer["detail"].as_str().unwrap().contains("POST /votes/bands"), "{answer}");
    let form = harness.http.post(format!("{}/votes", harness.url)).body("name=x");
    assert_eq!(harness.send(form).await.0, 415);
    let compressed = harness.post("/votes", vote("x").to_string()).header("content-encoding", "gzip");
    assert_eq!(harness.send(compressed).await.0, 415);
    let get = harness.http.get(format!("{}/votes", harness.url));
    assert_eq!(harness.send(get).await.0, 405);
    let foreign = harness.post("/votes", vote("x").to_string()).header("host", "evil.example");
    assert_eq!(harness.send(foreign).await.0, 403);
}

/// Sends bytes and reads what comes until the end, or nothing more comes.
async fn raw(harness: &Harness, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

async fn a_negative_length_and_a_client_that_stops_are_answered(on: On) {
    let harness = on.harness(With::default()).await;
    let head = "POST /votes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    assert!(raw(&harness, format!("{head}content-length: -5\r\n\r\n{{}}").as_bytes()).await.contains("400"));
    let slow = raw(&harness, format!("{head}content-length: 500\r\n\r\n{{\"name\"").as_bytes()).await;
    assert!(slow.contains("408") && slow.contains("request-timeout"), "{slow}");
    let head = head.replace("application/json", "application/x-ndjson");
    let line = vote("counts").to_string();
    let chunk = format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{line}\n\r\n", line.len() + 1);
    let stream = raw(&harness, chunk.as_bytes()).await;
    assert!(
        stream.contains("408") && stream.contains("\"accepted\":1"),
        "what came before it stopped counts: {stream}"
    );
}

async fn a_line_that_is_too_long_is_passed_over(on: On) {
    let harness = on.harness(With::default()).await;
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(1 << 20));
    let lines = format!("{}\n{long}\n{}\n", vote("a"), vote("b"));
    let request = harness.http.post(format!("{}/votes", harness.url)).header("content-type", "application/x-ndjson");
    let (status, answer) = harness.send(request.body(lines)).await;
    assert_eq!(
        (status, &answer["accepted"], &answer["rejected"][0]["code"]),
        (202, &json!(2), &json!("line_too_long"))
    );
}

async fn a_line_that_is_no_utf_8_is_named_and_the_others_count(on: On) {
    let harness = on.harness(With::default()).await;
    let (before, after) = (vote("a").to_string(), vote("b").to_string());
    let mut lines = format!("{before}\n").into_bytes();
    lines.extend(b"{\"name\":\"\xff\xfe\",\"album\":\"a\",\"year\":1989,\"rank\":1}\n\xc3\n");
    lines.extend(after.into_bytes());
    let request = harness.http.post(format!("{}/votes", harness.url)).header("content-type", "application/x-ndjson");
    let (status, answer) = harness.send(request.body(lines)).await;
    assert_eq!((status, &answer["accepted"], &answer["rejections"]), (202, &json!(2), &json!(2)), "{answer}");
    let rejected: Vec<_> =
        answer["rejected"].as_array().unwrap().iter().map(|r| (&r["position"], &r["code"])).collect();
    assert_eq!(rejected, [(&json!(1), &json!("invalid_json")), (&json!(2), &json!("invalid_json"))]);
}

async fn what_is_no_json_within_an_array_is_named_and_the_others_count(on: On) {
    let harness = on.harness(With::default()).await;
    let (a, b) = (vote("a").to_string(), vote("b").to_string());
    let huge = with("rank", json!(7)).replace('7', "1e999");
    let lone = with("name", json!("X")).replace('X', "\\ud800");
    let mut body = format!("[{a}, {huge}, {lone}, nonsense, {{\"name\": [}}, {b}, ").into_bytes();
    body.extend(b"{\"name\":\"\xff\xfe\",\"album\":\"a\",\"year\":1989,\"rank\":1}]\n");
    let (status, answer) = harness.send(harness.post("/votes", body)).await;
    // The bracket that nobody closes takes the rest of the array with it.
    assert_eq!((status, code(&answer)), (400, "invalid-json"), "{answer}");
    let mut body = format!("[{a}, {huge}, {lone}, nonsense, {b}, ").into_bytes();
    body.extend(b"{\"name\":\"\xff\xfe\",\"album\":\"a\",\"year\":1989,\"rank\":1}]\n");
    let (status, answer) = harness.send(harness.post("/votes", body)).await;
    assert_eq!((status, &answer["accepted"], &answer["rejections"]), (202, &json!(2), &json!(4)), "{answer}");
    let rejected: Vec<_> = answer["rejected"].as_array().unwrap().iter().map(|r| &r["position"]).collect();
    assert_eq!(rejected, [1, 2, 3, 5]);
    let said = answer["rejected"][2]["message"].as_str().unwrap();
    assert!(said.ends_with("(line 1, column 2 of the ballot)"), "{said}");
}

async fn a_line_that_never_ends_ends_the_stream(on: On) {
    let harness = on.harness(With::default()).await;
    let mut raw = Raw::lines(harness.address).await;
    assert!(raw.chunk(format!("{}\n", vote("counts")).as_bytes()).await);
    let (status, answer) = raw.flood(&[b'x'; 64 << 10], 64 << 20).await;
    assert_eq!((status, code(&answer), &answer["accepted"]), (413, "too-large", &json!(1)), "{answer}");
    assert_eq!(harness.cast("/votes", &vote("good")).await.0, 202);
}

async fn a_header_that_is_there_twice_is_refused(on: On) {
    let harness = on.harness(With::default()).await;
    for name in ["x-voter", "authorization"] {
        let request = harness.post("/votes", vote("x").to_string()).header(name, "a").header(name, "b");
        let (found, answer) = harness.send(request).await;
        assert_eq!((found, code(&answer)), (400, "repeated-header"), "{name}: {answer}");
    }
    assert!(harness.noted.ballots.lock().is_empty());
}
