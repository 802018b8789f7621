use serde_json::json;

use super::world::{World, tokens};

#[tokio::test(flavor = "multi_thread")]
async fn contests_are_listed_with_state_totals_and_leader_under_a_strict_policy() {
    let world = World::new().await;
    world.bands("Alux Nahual", 2).await;
    world.bands("<b>Malacates</b>", 1).await;
    world.totals("bands", &[("counted", 3)]).await;
    for path in [
        "/standings",
        "/standings/bands",
        "/standings/bands/audit",
        "/standings/bands/ballots",
        "/standings/bands/vote",
    ] {
        let answer = world.open(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().expect("ascii");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = answer.text().await.expect("text");
        assert!(!text.contains("<b>") && !text.contains(" style=") && !text.contains(" onclick="), "{path}: {text}");
        assert_eq!(text.matches("aria-current=\"page\">Contests").count(), 1, "{path}");
    }
    let (_, list) = world.read("/standings").await;
    for part in
        ["Best band", "Faculty olympics", "Best &lt;club&gt;", "Alux Nahual", ">open<", "<td class=\"number\">3</td>"]
    {
        assert!(list.contains(part), "{part}: {list}");
    }
    let (_, contest) = world.read("/standings/bands").await;
    for part in [
        "<dd id=\"counted\">3</dd>",
        "<rect width=\"100.00%\"",
        "<rect width=\"50.00%\"",
        "&lt;b&gt;Malacates",
        "Ballots by name, album",
        "Sum of rank by name",
        "http-equiv=\"refresh\"",
    ] {
        assert!(contest.contains(part), "{part}: {contest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_tally_shows_twenty_rows_and_leads_to_all() {
    let world = World::new().await;
    let votes = (0..25).map(|n| json!({ "name": format!("band {n:02}"), "album": "x", "year": 2000, "rank": 1 }));
    world.cast("bands", &votes.collect::<Vec<_>>().into()).await;
    world.totals("bands", &[("counted", 25)]).await;
    let (_, contest) = world.read("/standings/bands").await;
    assert!(contest.contains("band 19") && !contest.contains("band 20"), "{contest}");
    assert!(contest.contains("the first 20 of 25") && contest.contains("href=\"/standings/bands/tallies/bands\""));
    assert_eq!(contest.matches("<rect").count(), 10);
    let (status, whole) = world.read("/standings/bands/tallies/bands").await;
    assert!(status == 200 && whole.contains("band 00") && whole.contains("band 24"), "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_says_where_every_ballot_is() {
    let world = World::new().await;
    let vote = |id: &str, voter: &str| json!({ "id": id, "club": "x", "day": "friday", "voter": voter });
    world.cast("clubs", &json!([vote("a", "v"), vote("b", "v"), vote("c", "v"), vote("d", "w")])).await;
    world.cast("clubs", &vote("a", "v")).await;
    world.totals("clubs", &[("counted", 3), ("over_limit", 1), ("duplicate", 1)]).await;
    let settled = testkit::until("settled", super::world::LONG, || async {
        let (_, audit) = world.read("/standings/clubs/audit").await;
        if audit.contains(">settled<") { Ok(audit) } else { Err(audit) }
    });
    let audit = settled.await.expect("settled");
    for part in [
        "<dt>Accepted</dt><dd>5</dd>",
        "received 5 = counted 3 + duplicate 1 + over limit 1",
        "<dt>In flight</dt><dd>0</dd>",
        "<dt>Dead letters</dt><dd>0</dd>",
        "<td>yes</td>",
    ] {
        assert!(audit.contains(part), "{part}: {audit}");
    }
    let (_, changes) = world.read("/standings/clubs/audit/changes").await;
    assert!(changes.contains("Producers") && !changes.contains("<html"), "{changes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_page_that_says_so_and_without_a_token_one_is_asked_for() {
    let world = World::new().await;
    for path in [
        "/standings/none",
        "/standings/none/vote",
        "/standings/none/ballots",
        "/standings/none/audit",
        "/standings/none/events",
        "/standings/bands/tallies/none",
    ] {
        let (status, text) = world.read(path).await;
        assert!(status == 404 && text.contains("All contests"), "{path}: {status} {text}");
    }
    let world = World::with(tokens).await;
    for path in ["/standings", "/standings/bands", "/standings/bands/vote"] {
        let answer = world.open(path).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (303, &"/login".parse().expect("ascii")),
            "{path}"
        );
    }
}
