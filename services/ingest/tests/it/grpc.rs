//! The same over gRPC.

use futures::StreamExt;
use ingest::proto::{self, CastRequest, ingest_client::IngestClient, value::Value as Sent};
use tonic::{Code, transport::Channel};

use crate::{
    harness::{Harness, On, With},
    on_both,
};

on_both! {
    ballots_are_cast_and_the_bad_ones_named,
    a_stream_is_acknowledged_message_by_message,
    a_contest_that_closes_ends_a_stream_and_takes_no_call,
    what_cannot_be_taken_has_its_code,
    the_service_is_described_and_says_that_it_serves,
    calls_and_messages_of_streams_count_as_requests,
    a_stream_goes_on_behind_a_message_without_a_good_ballot,
}

pub async fn harness(on: On) -> (Harness, IngestClient<Channel>) {
    let harness = on.harness(With::default()).await;
    let channel = Channel::from_shared(harness.url.clone()).unwrap().connect().await.unwrap();
    let client = IngestClient::new(channel).max_decoding_message_size(64 << 20);
    (harness, client)
}

pub fn ballot(name: &str, rank: i64) -> proto::Ballot {
    let text = |text: &str| proto::Value { value: Some(Sent::Text(text.to_owned())) };
    let number = |number| proto::Value { value: Some(Sent::Integer(number)) };
    let values = vec![text(name), text("Leyenda"), number(1989), number(rank)];
    proto::Ballot { id: String::new(), voter: String::new(), values }
}

pub fn request(ballots: Vec<proto::Ballot>) -> CastRequest {
    let fields = ["name", "album", "year", "rank"].map(str::to_owned).into();
    CastRequest { contest: "bands".to_owned(), fields, voter: "Zoë".to_owned(), ballots }
}

async fn ballots_are_cast_and_the_bad_ones_named(on: On) {
    let (harness, mut client) = harness(on).await;
    let reply = client.cast(request(vec![ballot(" a ", 5)])).await.unwrap().into_inner();
    assert_eq!((reply.accepted, &reply.first_id), (1, &reply.last_id));
    let came = harness.noted.once(&reply.first_id).await;
    assert_eq!((came.values[0].as_str(), came.voter.as_deref()), ("a", Some("Zoë")));
    let mixed = client.cast(request(vec![ballot("a", 5), ballot("b", 6), ballot("", 1)])).await.unwrap().into_inner();
    assert_eq!((mixed.accepted, mixed.rejections), (1, 2));
    let rejected: Vec<_> = mixed.rejected.iter().map(|r| (r.position, r.field.as_str())).collect();
    assert_eq!(rejected, [(1, "rank"), (2, "name")]);
}

async fn a_stream_is_acknowledged_message_by_message(on: On) {
    let (harness, mut client) = harness(on).await;
    let messages = (0..50).map(|n| {
        let message = request((0..1_000).map(|i| ballot("a", 1 + i64::from((i + n) % 5))).collect());
        // What the first message names is meant until another is named.
        if n == 0 { message } else { CastRequest { contest: String::new(), fields: vec![], ..message } }
    });
    let messages: Vec<_> = messages.collect();
    let replies = client.cast_stream(futures::stream::iter(messages)).await.unwrap().into_inner();
    let replies: Vec<_> = replies.map(Result::unwrap).collect().await;
    assert_eq!(replies.len(), 50);
    assert!(replies.iter().all(|reply| reply.accepted == 1_000));
    let ids: Vec<String> = replies
        .iter()
        .flat_map(|reply| {
            let request = reply.first_id.strip_suffix(".0").unwrap();
            (0..1_000).map(move |n| format!("{request}.{n}"))
        })
        .collect();
    harness.noted.all(&ids).await;
}

async fn a_contest_that_closes_ends_a_stream_and_takes_no_call(on: On) {
    let (harness, mut client) = harness(on).await;
    let (sender, messages) = futures::channel::mpsc::unbounded();
    sender.unbounded_send(request(vec![ballot("in time", 5)])).unwrap();
    let mut replies = client.cast_stream(messages).await.unwrap().into_inner();
    assert_eq!(replies.message().await.unwrap().unwrap().accepted, 1);
    harness.set_open(false).await;
    sender.unbounded_send(request(vec![ballot("late", 5)])).unwrap();
    let status = replies.message().await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert!(replies.message().await.unwrap().is_none());
    let status = client.cast(request(vec![ballot("late", 5)])).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    harness.noted.many("in time", 1).await;
    assert_eq!(harness.noted.named("late"), 0);
}

async fn what_cannot_be_taken_has_its_code(on: On) {
    let (_harness, mut client) = harness(on).await;
    let other = |change: fn(&mut CastRequest)| {
        let mut message = request(vec![ballot("a", 5)]);
        change(&mut message);
        message
    };
    let cases = [
        (other(|m| m.contest = "nothing".to_owned()), Code::NotFound),
        (other(|m| m.fields[0] = "colour".to_owned()), Code::InvalidArgument),
        (other(|m| m.fields.clear()), Code::InvalidArgument),
        (other(|m| m.ballots.clear()), Code::InvalidArgument),
        (other(|m| m.ballots = vec![ballot("a", 6)]), Code::InvalidArgument),
        (other(|m| m.ballots = vec![ballot("a", 5); 10_001]), Code::InvalidArgument),
        (other(|m| m.ballots = vec![ballot(&"x".repeat(5 << 20), 5)]), Code::OutOfRange),
        (other(|m| m.ballots = vec![ballot(&"x".repeat(1 << 20), 5)]), Code::OutOfRange),
    ];
    for (message, expected) in cases {
        let status = client.cast(message).await.unwrap_err();
        assert_eq!(status.code(), expected, "{status:?}");
    }
    assert_eq!(client.cast(request(vec![ballot("good", 5)])).await.unwrap().into_inner().accepted, 1);
}

async fn the_service_is_described_and_says_that_it_serves(on: On) {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let (harness, _client) = harness(on).await;
    let channel = Channel::from_shared(harness.url.clone()).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel.clone());
    let of = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", "marea.ingest.v1.Ingest"] {
        let state = health.check(of(service)).await.unwrap().into_inner();
        assert_eq!(state.status, tonic_health::ServingStatus::Serving as i32);
    }
    assert_eq!(health.check(of("somebody.Else")).await.unwrap_err().code(), Code::NotFound);
    // Watched, it tells the end of serving, and ends only then.
    let mut watched = health.watch(of("")).await.unwrap().into_inner();
    assert_eq!(watched.next().await.unwrap().unwrap().status, tonic_health::ServingStatus::Serving as i32);
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest,
    };
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answer =
        ServerReflectionClient::new(channel).server_reflection_info(futures::stream::iter([list])).await.unwrap();
    let first = answer.into_inner().next().await.unwrap().unwrap();
    assert!(format!("{first:?}").contains("marea.ingest.v1.Ingest"), "{first:?}");
    harness.context.stopping.cancel();
    assert_eq!(watched.next().await.unwrap().unwrap().status, tonic_health::ServingStatus::NotServing as i32);
    assert!(watched.next().await.is_none());
}

async fn calls_and_messages_of_streams_count_as_requests(on: On) {
    let (harness, mut client) = harness(on).await;
    let counted = async |call: &str, status: u16| -> u64 {
        let metrics = harness.http.get(format!("{}/metrics", harness.url)).send().await.unwrap().text().await.unwrap();
        let series = format!(
            "http_requests_total{{method=\"POST\",path=\"/marea.ingest.v1.Ingest/{call}\",status=\"{status}\"}} "
        );
        metrics.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |count| count.parse().unwrap())
    };
    let both = async |status: u16| (counted("Cast", status).await, counted("CastStream", status).await);
    let before = [both(202).await, both(400).await];
    client.cast(request(vec![ballot("a", 5)])).await.unwrap();
    client.cast(request(vec![ballot("a", 6)])).await.unwrap_err();
    // What tonic itself refuses counts as well.
    client.cast(request(vec![ballot(&"x".repeat(5 << 20), 5)])).await.unwrap_err();
    let good = || request(vec![ballot("a", 5)]);
    let empty = request(vec![]);
    let messages = vec![good(), good(), empty, good()];
    let replies = client.cast_stream(futures::stream::iter(messages)).await.unwrap().into_inner();
    let replies: Vec<_> = replies.collect().await;
    assert_eq!(replies.len(), 3);
    // Other tests count in the same process: at least ours are there.
    let ([taken, refused], now) = (before, [both(202).await, both(400).await]);
    assert!(now[0].0 > taken.0 && now[0].1 >= taken.1 + 2, "{taken:?} {now:?}");
    assert!(now[1].0 >= refused.0 + 2 && now[1].1 > refused.1, "{refused:?} {now:?}");
}

async fn a_stream_goes_on_behind_a_message_without_a_good_ballot(on: On) {
    let (harness, mut client) = harness(on).await;
    let messages = vec![request(vec![ballot("a", 6)]), request(vec![ballot("b", 5)])];
    let replies = client.cast_stream(futures::stream::iter(messages)).await.unwrap().into_inner();
    let replies: Vec<_> = replies.map(Result::unwrap).collect().await;
    let counts: Vec<_> = replies.iter().map(|reply| (reply.accepted, reply.rejections)).collect();
    assert_eq!(counts, [(0, 1), (1, 0)]);
    assert_eq!((replies[0].rejected[0].field.as_str(), replies[0].first_id.as_str()), ("rank", ""));
    // Who sends the second again does so under the id that it was told.
    assert_eq!(harness.noted.once(&replies[1].first_id).await.values[0].as_str(), "b");
}
