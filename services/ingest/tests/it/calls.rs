//! gRPC calls whose bytes come as their client pleases.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Bytes;
use futures::{StreamExt, future::join_all, stream};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use prost::Message;
use tonic::{Code, transport::Channel};
use tower::ServiceExt;

use crate::{
    grpc::{ballot, harness, request},
    harness::{On, vote},
    on_both,
};

on_both! {
    text_that_is_no_utf_8_is_the_client_s_fault,
    messages_that_stall_are_bounded_and_ended_and_keep_no_vote_out,
    calls_beyond_those_of_one_connection_wait_their_turn,
}

/// Less than a call that stalls is waited for.
const PATIENCE_WITH_SLOW: Duration = Duration::from_secs(9);

/// A message as it is sent.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), message].concat()
}

/// Calls a method with these bytes, after which nothing comes, or with an end; gives how it ended.
async fn call(channel: &Channel, method: &str, bytes: Vec<u8>, ends: bool) -> Code {
    let pieces: Vec<_> = bytes.chunks(16 << 10).map(Bytes::copy_from_slice).collect();
    let frames = stream::iter(pieces).map(|piece| Ok::<_, tonic::Status>(Frame::data(piece)));
    let rest = stream::once(async move { if ends { None } else { std::future::pending().await } });
    let body = tonic::body::Body::new(StreamBody::new(frames.chain(rest.filter_map(futures::future::ready))));
    let request = Request::post(format!("http://localhost/marea.ingest.v1.Ingest/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let response = channel.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let head = response.headers().clone();
    let trailers = response.into_body().collect().await.map(|body| body.trailers().cloned().unwrap_or_default());
    code(&head).or_else(|| code(&trailers.unwrap_or_default())).expect("an end")
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()))
}

async fn text_that_is_no_utf_8_is_the_client_s_fault(on: On) {
    let (harness, mut client) = harness(on).await;
    let channel = Channel::from_shared(harness.url.clone()).unwrap().connect().await.unwrap();
    let mut message = request(vec![ballot("good", 5), ballot("zzzz", 5)]).encode_to_vec();
    let at = message.windows(4).position(|part| part == b"zzzz").unwrap();
    message[at..at + 4].fill(0xff);
    for method in ["Cast", "CastStream"] {
        assert_eq!(call(&channel, method, framed(&message), true).await, Code::InvalidArgument, "{method}");
        assert_eq!(call(&channel, method, framed(b"no protobuf"), true).await, Code::InvalidArgument, "{method}");
        assert_eq!(call(&channel, method, b"\x07no frame".to_vec(), true).await, Code::InvalidArgument, "{method}");
    }
    assert_eq!(client.cast(request(vec![ballot("good", 5)])).await.unwrap().into_inner().accepted, 1);
    harness.noted.many("good", 1).await;
    assert_eq!(harness.noted.named("good"), 1, "nothing of a message that is malformed counts");
}

async fn messages_that_stall_are_bounded_and_ended_and_keep_no_vote_out(on: On) {
    let (harness, mut client) = harness(on).await;
    let (ended, all) = (Arc::new(AtomicUsize::new(0)), 48);
    let mut calls = Vec::new();
    for n in 0..all {
        let (ended, url) = (ended.clone(), harness.url.clone());
        let method = if n % 2 == 0 { "Cast" } else { "CastStream" };
        calls.push(tokio::spawn(async move {
            let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
            let begun = framed(&vec![0; 1 << 20])[..900 << 10].to_vec();
            let code = call(&channel, method, begun, false).await;
            ended.fetch_add(1, Ordering::SeqCst);
            code
        }));
    }
    while ended.load(Ordering::SeqCst) < all {
        assert_eq!(client.cast(request(vec![ballot("quick", 5)])).await.unwrap().into_inner().accepted, 1);
        assert_eq!(harness.cast("/votes", &vote("quick")).await.0, 202);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let codes: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let count = |wanted| codes.iter().filter(|code| **code == wanted).count();
    let (slow, refused) = (count(Code::Aborted), count(Code::Unavailable));
    assert_eq!(slow + refused, all, "{codes:?}");
    assert!((1..=18).contains(&slow), "{slow} of 900 KiB were held, {refused} refused");
}

async fn calls_beyond_those_of_one_connection_wait_their_turn(on: On) {
    let (harness, _client) = harness(on).await;
    let channel = Channel::from_shared(harness.url.clone()).unwrap().connect().await.unwrap();
    // By its answer the client knows the server's bound.
    assert_eq!(call(&channel, "Cast", framed(b""), true).await, Code::InvalidArgument);
    let (began, begun) = (Instant::now(), framed(&[0; 1_000])[..500].to_vec());
    let calls = (0..40).map(|_| call(&channel, "Cast", begun.clone(), false));
    assert!(join_all(calls).await.iter().all(|code| *code == Code::Aborted));
    assert!(began.elapsed() > 2 * PATIENCE_WITH_SLOW, "the last began when the first were ended");
}
