//! A store that does not answer, and one that comes back.

use std::time::{Duration, Instant};

use blobs::{
    Blobs, Error,
    object::{ObjectBlobs, Options},
};
use bytes::Bytes;
use testkit::S3;

use crate::store;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_store_is_unavailable_in_time_and_works_again() {
    let Some(server) = S3::start().await else { return };
    let deadline = Duration::from_secs(2);
    let options = Options { deadline, ..store::options(&server) };
    let blobs = ObjectBlobs::open(&server.bucket("paused"), &options).expect("the options are valid");
    blobs.put("a/b", Bytes::from_static(b"1")).await.expect("the store answers");

    server.pause();
    // The signal stops one thread of the server after the other.
    while blobs.get("a/b").await.is_ok() {}
    let began = Instant::now();
    let (get, create, list) =
        tokio::join!(blobs.get("a/b"), blobs.create("a/c", Bytes::from_static(b"2")), blobs.list("a/", None, 10),);
    assert!(matches!(get, Err(Error::Unavailable(_))), "{get:?}");
    assert!(matches!(create, Err(Error::Unavailable(_))), "{create:?}");
    assert!(matches!(list, Err(Error::Unavailable(_))), "{list:?}");
    assert!(began.elapsed() < deadline * 2, "{:?}", began.elapsed());

    server.resume();
    let read = testkit::until("the store answers again", Duration::from_secs(30), || blobs.get("a/b")).await;
    assert_eq!(read, Ok(Some(Bytes::from_static(b"1"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_store_is_unavailable_at_once_and_works_again() {
    let Some(server) = S3::start().await else { return };
    let blobs = ObjectBlobs::open(&server.bucket("killed"), &store::options(&server)).expect("the options are valid");
    blobs.put("a/b", Bytes::from_static(b"1")).await.expect("the store answers");
    server.kill();
    let refused = blobs.put("a/b", Bytes::from_static(b"2")).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    server.restart().await;
    assert!(blobs.create("a/c", Bytes::new()).await.expect("the store answers again"));
}

#[test]
fn a_url_of_another_kind_and_an_unknown_setting_are_refused_in_words() {
    let message = |url: &str, options: &Options| ObjectBlobs::open(url, options).err().expect("an error").to_string();
    assert!(message("http://x/y", &Options::default()).contains("expected s3://"));
    let options = Options { settings: [("aws_colour".into(), "s3cret".into())].into(), ..Options::default() };
    let text = message("s3://bucket", &options);
    assert!(text.contains("`aws_colour` is not a setting") && !text.contains("s3cret"), "{text}");
    assert!(!format!("{options:?}").contains("s3cret"));
}
