//! A contest that closes, or changes, while ballots are on their way.

use std::time::Duration;

use contests::samples;
use serde_json::json;
use testkit::Service;

use crate::{
    harness::{On, PATIENCE, With, code, vote},
    on_both,
    raw::Raw,
};

on_both! {
    a_stream_ends_at_the_close_with_what_was_taken_before,
    an_endless_stream_of_good_lines_ends_at_the_close,
    a_body_that_ends_after_the_close_is_late,
    a_stream_goes_on_under_the_contest_s_next_revision,
}

async fn a_stream_ends_at_the_close_with_what_was_taken_before(on: On) {
    let harness = on.harness(With::default()).await;
    let mut stream = Raw::lines(harness.address).await;
    let bad = "{\"name\":3}";
    assert!(stream.chunk(format!("{}\n{bad}\n", vote("in time")).as_bytes()).await);
    harness.noted.many("in time", 1).await;
    // A line that has begun in time and ends late is late.
    let (begin, end) = (vote("late").to_string(), format!("\n{}\n", vote("late")));
    assert!(stream.chunk(begin.as_bytes()).await);
    harness.set_open(false).await;
    assert!(stream.chunk(end.as_bytes()).await);
    let (status, answer) = stream.answer().await;
    assert_eq!((status, code(&answer), &answer["accepted"]), (409, "contest-not-open", &json!(1)), "{answer}");
    assert_eq!(answer["errors"][0]["position"], 1);
    harness.noted.once(answer["ids"][0].as_str().unwrap()).await;
    assert_eq!(harness.noted.named("late"), 0);
}

async fn an_endless_stream_of_good_lines_ends_at_the_close(on: On) {
    let harness = on.harness(With::default()).await;
    let stream = Raw::lines(harness.address).await;
    let lines = format!("{}\n", vote("one of many")).repeat(20);
    let flood = tokio::spawn(async move { stream.flood(lines.as_bytes(), usize::MAX).await });
    harness.noted.many("one of many", 1_000).await;
    harness.set_open(false).await;
    let (status, answer) = flood.await.unwrap();
    assert_eq!((status, code(&answer)), (409, "contest-not-open"), "{answer}");
    let accepted = usize::try_from(answer["accepted"].as_u64().unwrap()).unwrap();
    harness.noted.many("one of many", accepted).await;
    assert_eq!(harness.noted.named("one of many"), accepted);
}

async fn a_body_that_ends_after_the_close_is_late(on: On) {
    let harness = on.harness(With::default()).await;
    let body = vote("late").to_string();
    let mut slow = Raw::json(harness.address, body.len()).await;
    assert!(slow.send(&body.as_bytes()[..10]).await);
    assert_eq!(harness.cast("/votes", &vote("in time")).await.0, 202);
    harness.set_open(false).await;
    assert!(slow.send(&body.as_bytes()[10..]).await);
    let (status, answer) = slow.answer().await;
    assert_eq!((status, code(&answer)), (409, "contest-not-open"), "{answer}");
}

async fn a_stream_goes_on_under_the_contest_s_next_revision(on: On) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("bands.yaml");
    std::fs::write(&file, samples::BANDS).unwrap();
    let harness = on.harness(With { folder: Some(place.path().to_owned()), ..With::default() }).await;
    let mut stream = Raw::lines(harness.address).await;
    assert!(stream.chunk(format!("{}\n", vote("before")).as_bytes()).await);
    harness.noted.many("before", 1).await;
    std::fs::write(&file, samples::BANDS.replace("max: 5", "max: 9")).unwrap();
    let mut nine = vote("after");
    nine["rank"] = json!(9);
    testkit::until("the new file", PATIENCE, async || match harness.cast("/votes", &nine).await.0 {
        202 => Ok(()),
        status => Err(format!("still {status}")),
    })
    .await
    .unwrap();
    assert!(stream.chunk(format!("{nine}\n").as_bytes()).await && stream.send(b"0\r\n\r\n").await);
    let (status, answer) = stream.answer().await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(2)), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stood_still_at_the_close_takes_nothing_before_it_knows_of_it() {
    let (Some(broker), Some(redis)) = (testkit::RabbitMq::shared().await, testkit::RedisCluster::shared().await) else {
        return;
    };
    let (amqp, folder) = (broker.vhost("ingest-stood-still").await, tempfile::tempdir().unwrap());
    let (records, redis) = (format!("file://{}", folder.path().display()), redis.url());
    let variables = [
        ("MAREA_AMQP", amqp.as_str()),
        ("MAREA_REDIS", &redis),
        ("MAREA_BLOBS", &records),
        ("MAREA_ACCESS", "local"),
        ("MAREA_SAMPLES", "true"),
        ("MAREA_DRAW_KEY", "key"),
    ];
    let (one, two) = tokio::join!(Service::start("ingest", &variables), Service::start("ingest", &variables));
    let cast = |to: &Service| {
        let request = testkit::http().post(format!("{}/votes", to.url())).json(&vote("x"));
        async move { request.send().await.unwrap().status().as_u16() }
    };
    for each in [&one, &two] {
        let taken = async || match cast(each).await {
            202 => Ok(()),
            status => Err(status),
        };
        testkit::until("it takes votes", PATIENCE, taken).await.unwrap();
    }
    one.process().pause();
    let gate = testkit::http().put(format!("{}/contests/bands/gate", two.url())).json(&json!({ "open": false }));
    assert_eq!(gate.send().await.unwrap().status(), 200);
    // Longer than what it knows may be old.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let late: Vec<_> = (0..20).map(|_| tokio::spawn(cast(&one))).collect();
    // They wait in its socket, as far as one can tell.
    tokio::time::sleep(Duration::from_millis(500)).await;
    one.process().resume();
    for status in futures::future::join_all(late).await {
        let status = status.unwrap();
        assert!(status == 503 || status == 409, "{status}");
    }
}
