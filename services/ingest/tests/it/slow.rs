//! Slow clients in number: they hold a bounded part of memory, are ended, and keep nobody's vote out.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use serde_json::Value;

use crate::{
    harness::{Harness, On, With, code, vote},
    on_both,
    raw::Raw,
};

/// Bytes that a slow client announces.
const LARGE: usize = 4 << 20;

on_both! {
    what_slow_clients_promise_keeps_no_vote_out,
    what_slow_clients_send_is_bounded_and_keeps_no_vote_out,
    a_client_that_sends_on_is_slow_and_welcome,
}

/// Sends so many bytes of a large body, then trickles.
async fn slow(address: std::net::SocketAddr, first: usize, ended: Arc<AtomicUsize>) -> (u16, Value) {
    let mut raw = Raw::json(address, LARGE).await;
    raw.send(&vec![b' '; first]).await;
    let answer = raw.trickle(b" ").await;
    ended.fetch_add(1, Ordering::SeqCst);
    answer
}

/// Casts votes, whole and in two pieces, until so many clients were ended.
async fn all_votes_are_taken(harness: &Harness, ended: &AtomicUsize, all: usize) {
    let body = vote("quick").to_string();
    while ended.load(Ordering::SeqCst) < all {
        assert_eq!(harness.cast("/votes", &vote("quick")).await.0, 202);
        let mut pieces = Raw::json(harness.address, body.len()).await;
        assert!(pieces.send(&body.as_bytes()[..10]).await && pieces.send(&body.as_bytes()[10..]).await);
        assert_eq!(pieces.answer().await.0, 202);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn what_slow_clients_promise_keeps_no_vote_out(on: On) {
    let (harness, ended) = (on.harness(With::default()).await, Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..40).map(|_| tokio::spawn(slow(harness.address, 1, ended.clone()))).collect();
    all_votes_are_taken(&harness, &ended, clients.len()).await;
    for client in join_all(clients).await {
        let (status, answer) = client.unwrap();
        assert_eq!((status, code(&answer)), (408, "request-timeout"), "{answer}");
    }
}

async fn what_slow_clients_send_is_bounded_and_keeps_no_vote_out(on: On) {
    let (harness, ended) = (on.harness(With::default()).await, Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..40).map(|_| tokio::spawn(slow(harness.address, 1 << 20, ended.clone()))).collect();
    all_votes_are_taken(&harness, &ended, clients.len()).await;
    let answers: Vec<_> = join_all(clients).await.into_iter().map(Result::unwrap).collect();
    let count =
        |wanted: (u16, &str)| answers.iter().filter(|(status, answer)| (*status, code(answer)) == wanted).count();
    let (held, refused) = (count((408, "request-timeout")), count((503, "not-accepted")));
    assert_eq!(held + refused, answers.len(), "{answers:?}");
    assert!((1..=16).contains(&held), "{held} MiB were held, {refused} refused");
}

async fn a_client_that_sends_on_is_slow_and_welcome(on: On) {
    let harness = on.harness(With::default()).await;
    let array = serde_json::to_vec(&vec![vote("steady"); 2_000]).unwrap();
    let mut raw = Raw::json(harness.address, array.len()).await;
    for part in array.chunks(1 + array.len() / 20) {
        assert!(raw.send(part).await);
        tokio::task::yield_now().await;
    }
    let (status, answer) = raw.answer().await;
    assert_eq!((status, &answer["accepted"]), (202, &serde_json::json!(2_000)));
}
