//! What every store of blobs does.

use std::sync::Arc;

use blobs::Blobs;
use bytes::Bytes;
use futures::future::join_all;

type Store = Arc<dyn Blobs>;

fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn keys(store: &Store, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let entries = store.list(prefix, after, limit).await.expect("a list");
    entries.into_iter().map(|e| e.key).collect()
}

async fn fill(store: &Store, keys: &[&str]) {
    for key in keys {
        store.put(key, body(key)).await.expect("a put");
    }
}

pub async fn what_is_created_is_read(store: Store) {
    assert_eq!(store.get("t/a").await.expect("a read"), None);
    assert!(store.create("t/a", body("one")).await.expect("a create"));
    assert_eq!(store.get("t/a").await.expect("a read"), Some(body("one")));
    let age = store.list("t/", None, 1).await.expect("a list")[0].modified.duration_until(jiff::Timestamp::now());
    assert!(age.abs().as_secs() < 60, "{age:?}");
}

pub async fn of_racing_creates_exactly_one_is_true(store: Store) {
    for round in 0..5 {
        let key = format!("race/{round}");
        let writers = (0..8).map(|writer| store.create(&key, body(&writer.to_string())));
        let won: Vec<bool> = join_all(writers).await.into_iter().map(|r| r.expect("an answer")).collect();
        assert_eq!(won.iter().filter(|w| **w).count(), 1, "{won:?}");
        let winner = won.iter().position(|w| *w).expect("one").to_string();
        assert_eq!(store.get(&key).await.expect("a read"), Some(body(&winner)));
    }
}

pub async fn put_overwrites_and_create_does_not(store: Store) {
    store.put("t/a", body("one")).await.expect("a put");
    assert!(!store.create("t/a", body("two")).await.expect("a create"));
    assert_eq!(store.get("t/a").await.expect("a read"), Some(body("one")));
    store.put("t/a", body("three")).await.expect("a put");
    assert_eq!(store.get("t/a").await.expect("a read"), Some(body("three")));
}

pub async fn deletes_are_done_also_where_there_is_none(store: Store) {
    fill(&store, &["t/a", "t/b"]).await;
    for _ in 0..2 {
        store.delete("t/a").await.expect("a delete");
    }
    store.delete("never/was").await.expect("a delete");
    assert_eq!(keys(&store, "t/", None, 9).await, ["t/b"]);
    assert!(store.create("t/a", body("again")).await.expect("a create"));
}

pub async fn lists_are_in_the_order_of_keys(store: Store) {
    // `-` and `.` sort before `/`, digits after.
    let sorted = ["a-b/x", "a.b", "a/0", "a/b/c", "a/b0", "a0/y", "b/z", "z"];
    let mut shuffled = sorted;
    shuffled.reverse();
    fill(&store, &shuffled).await;
    assert_eq!(keys(&store, "", None, 99).await, sorted);
    assert_eq!(keys(&store, "a/", None, 99).await, ["a/0", "a/b/c", "a/b0"]);
    assert_eq!(keys(&store, "a/b/", None, 99).await, ["a/b/c"]);
    assert!(keys(&store, "nothing/", None, 99).await.is_empty());
}

pub async fn lists_go_on_after_a_key(store: Store) {
    let all: Vec<String> = (0..25).map(|n| format!("t/{:02}/{}", n / 5, n % 5)).collect();
    fill(&store, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut found = Vec::<String>::new();
    loop {
        let page = keys(&store, "t/", found.last().map(String::as_str), 4).await;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, all);
    assert_eq!(keys(&store, "t/", Some("t/02/z"), 1).await, ["t/03/0"]);
    assert_eq!(keys(&store, "", Some("t/z"), 1).await, Vec::<String>::new());
}

/// More than any store reads in one go.
pub async fn lists_of_many_are_whole(store: Store) {
    let all: Vec<String> = (0..130).map(|n| format!("t/{n:03}")).collect();
    fill(&store, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for limit in [63, 64, 65, 129, 130, 131, usize::MAX] {
        assert_eq!(keys(&store, "t/", None, limit).await, all[..limit.min(130)], "{limit}");
    }
    assert_eq!(keys(&store, "t/", Some("t/009"), 100).await, all[10..110]);
}

pub async fn read_all_takes_one_name_of_a_prefix(store: Store) {
    fill(&store, &["t/x/1/command", "t/x/1/outcome", "t/x/2/command", "t/x0/1/command", "t/x/2/my-command"]).await;
    let all = store.read_all("t/x/", "command").await.expect("a read");
    let expected = ["t/x/1/command", "t/x/2/command"].map(|k| (k.to_owned(), body(k)));
    assert_eq!(all, expected);
}

pub async fn bodies_may_be_large_or_empty(store: Store) {
    let large = Bytes::from(vec![7; 8 << 20]);
    store.put("t/large", large.clone()).await.expect("a put");
    store.put("t/empty", Bytes::new()).await.expect("a put");
    assert!(store.get("t/large").await.expect("a read") == Some(large));
    assert_eq!(store.get("t/empty").await.expect("a read"), Some(Bytes::new()));
}
