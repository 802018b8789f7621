use futures::StreamExt as _;

use super::world::{LONG, World};

async fn next(body: &mut (impl futures::Stream<Item = reqwest::Result<axum::body::Bytes>> + Unpin)) -> String {
    let next = tokio::time::timeout(LONG, body.next()).await.expect("in time");
    String::from_utf8_lossy(&next.expect("an event").expect("read")).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_brings_new_standings_and_who_leads() {
    let world = World::new().await;
    let answer = world.open("/standings/bands/events").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.bytes_stream();
    let first = next(&mut body).await;
    assert!(first.contains("event: change") && first.contains("Best band: nothing counted yet"), "{first}");
    world.bands("Alux Nahual", 3).await;
    let mut event = next(&mut body).await;
    while !event.contains("Alux Nahual leads Best band") {
        event = next(&mut body).await;
    }
    assert!(event.contains("<rect width=") && !event.contains("<html"), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_does_not_repeat_what_the_page_shows() {
    let world = World::new().await;
    world.bands("Alux Nahual", 1).await;
    world.totals("bands", &[("counted", 1)]).await;
    // Settled standings do not change by themselves.
    let page = testkit::until("settled", LONG, || async {
        let (_, page) = world.read("/standings/bands").await;
        if page.contains("all accepted ballots are in") { Ok(page) } else { Err(page) }
    });
    let page = page.await.expect("settled");
    let mark = page.split("data-version=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a mark");
    let mut body = world.open(&format!("/standings/bands/events?after={mark}")).await.bytes_stream();
    world.bands("Malacates", 2).await;
    let event = next(&mut body).await;
    assert!(event.contains("Malacates"), "{event}");
    let (_, changes) = world.read("/standings/bands/changes").await;
    assert!(changes.contains("Malacates") && !changes.contains("<html"), "{changes}");
}
