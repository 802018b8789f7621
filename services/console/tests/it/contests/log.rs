use serde_json::json;

use super::world::{HIDDEN, World};

async fn clubs(world: &World) {
    let vote = |id: &str, club: &str, day: &str, level: i64| json!({ "id": id, "club": club, "day": day, "level": level, "voter": HIDDEN, "comment": HIDDEN });
    world.cast("clubs", &json!([vote("one", "chess", "monday", 1), vote("two", "<i>go</i>", "friday", 2)])).await;
    world.totals("clubs", &[("counted", 2)]).await;
    world.cast("clubs", &vote("three", "chess", "friday", 3)).await;
    world.totals("clubs", &[("over_limit", 1)]).await;
}

/// Which ballots a search shows.
async fn found(world: &World, query: &str) -> Vec<&'static str> {
    let (status, text) = world.read(&format!("/standings/clubs/ballots?{query}")).await;
    assert_eq!(status, 200, "{query}: {text}");
    assert!(!text.contains(HIDDEN) && !text.contains("<i>"), "{query}: {text}");
    let shown = |id: &&str| text.contains(&format!("<code>{id}</code>"));
    ["one", "two", "three"].into_iter().filter(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_searched_by_field_outcome_id_and_time() {
    let world = World::new().await;
    clubs(&world).await;
    for (query, ballots) in [
        ("", vec!["one", "two", "three"]),
        ("club=chess&day=&level=", vec!["one", "three"]),
        ("club=chess&day=friday", vec!["three"]),
        ("level=2", vec!["two"]),
        ("verdict=over_limit", vec!["three"]),
        ("verdict=counted&day=monday", vec!["one"]),
        ("id=two", vec!["two"]),
        ("since=2020-01-01T00%3A00&until=2020-02-01T00%3A00%3A00", vec![]),
        ("since=2020-01-01T00%3A00%3A00Z", vec!["one", "two", "three"]),
    ] {
        assert_eq!(found(&world, query).await, ballots, "{query}");
    }
    let (_, text) = world.read("/standings/clubs/ballots?day=friday&since=2020-01-01T00%3A00").await;
    assert!(
        text.contains("<option value=\"friday\" selected>") && text.contains("value=\"2020-01-01T00:00:00\""),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_nowhere_and_cannot_be_asked_for() {
    let world = World::new().await;
    clubs(&world).await;
    for query in [format!("voter={HIDDEN}"), format!("comment={HIDDEN}")] {
        assert_eq!(found(&world, &query).await.len(), 3, "{query}: it is no filter");
    }
    for path in ["", "/audit", "/changes", "/tallies/clubs", "/vote", "/ballots"] {
        let (status, text) = world.read(&format!("/standings/clubs{path}")).await;
        assert!(status == 200 && !text.contains(HIDDEN), "{path}: {text}");
    }
    let (_, log) = world.read("/standings/clubs/ballots").await;
    assert!(!log.contains("comment") && !log.contains("Voter") && !log.contains("q-voter"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_filter_is_said_on_the_page_that_keeps_it() {
    let world = World::new().await;
    for (query, why) in [("level=x", "expected a whole number"), ("since=soon", "expected a time")] {
        let (status, text) = world.read(&format!("/standings/clubs/ballots?{query}")).await;
        assert!(status == 400 && text.contains(why) && text.contains("role=\"search\""), "{query}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lead_to_older_ballots_and_keep_the_search() {
    let world = World::new().await;
    world.bands("Alux Nahual", 60).await;
    world.bands("other", 5).await;
    world.totals("bands", &[("counted", 65)]).await;
    let (_, first) = world.read("/standings/bands/ballots?name=Alux+Nahual").await;
    assert_eq!(first.matches("<code>").count(), 50, "{first}");
    let next = first.split("href=\"").find(|part| part.contains("cursor=")).and_then(|part| part.split('"').next());
    let next = next.expect("a next page").replace("&amp;", "&");
    assert!(next.contains("name=Alux%20Nahual"), "{next}");
    let (_, second) = world.read(&next).await;
    assert_eq!(second.matches("<code>").count(), 10, "{second}");
    assert!(
        !second.contains("other") && second.contains("Newest ballots") && !second.contains("Older ballots"),
        "{second}"
    );
}
