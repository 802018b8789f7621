//! What is taken, how it travels, and what is answered.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{On, With, code, score, vote},
    on_both,
};

on_both! {
    a_vote_is_answered_with_its_id_and_comes_through_the_queue,
    votes_that_wait_together_become_few_batches,
    a_mixed_array_counts_the_good_ones_and_names_the_others,
    a_stream_of_lines_is_answered_with_ranges,
    a_score_is_drawn_and_travels_on_its_route,
    a_graceful_stop_drains_and_says_that_it_was_the_last,
}

async fn a_vote_is_answered_with_its_id_and_comes_through_the_queue(on: On) {
    let harness = on.harness(With::default()).await;
    let (status, answer) = harness.cast("/votes", &vote("Alux Nahual")).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)));
    let came = harness.noted.once(answer["ids"][0].as_str().unwrap()).await;
    assert_eq!(came.values, ["Alux Nahual", "Leyenda", "1989", "5"]);
    assert_eq!((came.caller.as_str(), came.voter), ("", None));

    let mut own = vote("Malacates");
    own["id"] = json!("mine \"quoted\"");
    let refused = harness.cast("/votes/bands", &own).await;
    assert_eq!(refused.0, 422);
    own["id"] = json!("mine\"\\1");
    let request = harness.post("/contests/bands/ballots", own.to_string()).header("x-voter", "Zoë");
    let (status, answer) = harness.send(request).await;
    assert_eq!((status, &answer["ids"]), (202, &json!(["mine\"\\1"])));
    assert_eq!(harness.noted.once("mine\"\\1").await.voter.as_deref(), Some("Zoë"));
}

async fn votes_that_wait_together_become_few_batches(on: On) {
    let harness = on.harness(With::default()).await;
    let cast = (0..600).map(|n| {
        let (request, harness) = (harness.post("/votes", vote(&format!("band {n}")).to_string()), &harness);
        async move { harness.send(request).await }
    });
    let answers = join_all(cast).await;
    let ids: Vec<String> = answers.iter().map(|(_, answer)| answer["ids"][0].as_str().unwrap().to_owned()).collect();
    assert!(answers.iter().all(|(status, _)| *status == 202));
    harness.noted.all(&ids).await;
    let headers = harness.noted.headers.lock();
    let mut filled: Vec<_> = headers.values().filter(|header| header.ballots > 0).collect();
    assert!(filled.len() < 300, "{} batches", filled.len());
    filled.sort_by_key(|header| header.number);
    let numbers: Vec<u64> = filled.iter().map(|header| header.number).collect();
    assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");
    assert_eq!(filled.last().unwrap().cumulative, 600);
}

async fn a_mixed_array_counts_the_good_ones_and_names_the_others(on: On) {
    let harness = on.harness(With::default()).await;
    let mut bad = vote("x");
    bad["rank"] = json!(6);
    let array = json!([vote("a"), bad, "no ballot", vote("b")]);
    let (status, answer) = harness.cast("/votes", &array).await;
    assert_eq!((status, &answer["accepted"], &answer["rejections"]), (202, &json!(2), &json!(2)));
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!((&rejected[0]["position"], &rejected[0]["field"]), (&json!(1), &json!("rank")));
    assert_eq!((&rejected[1]["position"], &rejected[1]["code"]), (&json!(2), &json!("not_an_object")));
    let (first, last) = (answer["ids"]["first"].as_str().unwrap(), answer["ids"]["last"].as_str().unwrap());
    assert!(first.ends_with(".0") && last.ends_with(".3"), "{first} {last}");
    harness.noted.all(&[first.to_owned(), last.to_owned()]).await;
    // Of ids the client knows its own: told are those that were given.
    let own = |name: &str| {
        let mut vote = vote(name);
        vote["id"] = json!(name);
        vote
    };
    let (_, answer) = harness.cast("/votes", &json!([own("x"), vote("c"), vote("d"), own("y")])).await;
    let (first, last) = (answer["ids"]["first"].as_str().unwrap(), answer["ids"]["last"].as_str().unwrap());
    assert!(first.ends_with(".1") && last.ends_with(".2"), "{first} {last}");
    harness.noted.all(&[first.to_owned(), last.to_owned(), "x".to_owned(), "y".to_owned()]).await;
    let (status, answer) = harness.cast("/votes", &json!([bad, 1])).await;
    assert_eq!((status, code(&answer)), (422, "invalid-ballot"));
}

async fn a_stream_of_lines_is_answered_with_ranges(on: On) {
    let harness = on.harness(With::default()).await;
    let lines: String = (0..20_000).map(|n| format!("{}\n", vote(&format!("band {}", n % 10)))).collect();
    let lines = format!("{lines}no json\n\n{}", vote("the last, without an end of line"));
    let request = harness.post("/votes", lines).header("content-type", "application/x-ndjson");
    let request = request.build().map(|mut request| {
        request.headers_mut().insert("content-type", "application/x-ndjson".parse().unwrap());
        request
    });
    let answer = harness.http.execute(request.unwrap()).await.unwrap();
    let (status, answer) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
    assert_eq!((status, &answer["accepted"], &answer["rejections"]), (202, &json!(20_001), &json!(1)), "{answer}");
    assert_eq!(answer["rejected"][0]["position"], 20_000);
    let last = answer["ids"]["last"].as_str().unwrap();
    let request = last.strip_suffix(".20002").unwrap();
    let ids: Vec<_> = (0..20_000).map(|n| format!("{request}.{n}")).chain([last.to_owned()]).collect();
    harness.noted.all(&ids).await;
}

async fn a_score_is_drawn_and_travels_on_its_route(on: On) {
    let harness = on.harness(With::default()).await;
    let mut own = score("agronomy");
    own["id"] = json!("retried");
    for _ in 0..2 {
        assert_eq!(harness.cast("/scores", &own).await.0, 202);
    }
    let came = || harness.noted.ballots.lock().get("retried").cloned().unwrap_or_default();
    let both = testkit::until("both", crate::harness::PATIENCE, async || {
        let came = came();
        if came.len() == 2 { Ok(came) } else { Err("not yet") }
    });
    let drawn = both.await.unwrap();
    assert_eq!(drawn[0].values, drawn[1].values, "a retry draws the same");
    let outcome = drawn[0].values.last().unwrap();
    assert!(["winner", "loser"].contains(&outcome.as_str()));
    let header = harness.noted.headers.lock()[&drawn[0].batch].clone();
    assert_eq!(header.words, ["boxing", outcome]);
}

async fn a_graceful_stop_drains_and_says_that_it_was_the_last(on: On) {
    let mut harness = on.harness(With::default()).await;
    let (_, answer) = harness.cast("/votes", &vote("one")).await;
    let (_, more) = harness.cast("/scores", &score("engineering")).await;
    let ids = [&answer, &more].map(|a| a["ids"][0].as_str().unwrap().to_owned());
    harness.noted.all(&ids).await;
    let (bus, noted) = (harness.context.bus.clone(), harness.noted.clone());
    harness.stop.cancel();
    harness.service.take().unwrap().await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    for group in messaging::topology::GROUPS {
        let (bus, noted, stop) = (bus.clone(), noted.clone(), stop.clone());
        tokio::spawn(async move { bus.consume(group, noted, stop).await });
    }
    testkit::until("the last beats", crate::harness::PATIENCE, async || {
        let headers = noted.headers.lock();
        let last = headers.values().filter(|h| h.last && h.ballots == 0 && h.cumulative == 1);
        let contests: std::collections::BTreeSet<_> = last.map(|h| h.contest.clone()).collect();
        if contests.len() == 2 { Ok(()) } else { Err(format!("{contests:?}")) }
    })
    .await
    .unwrap();
    stop.cancel();
}
