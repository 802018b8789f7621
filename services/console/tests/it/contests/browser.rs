//! In a real browser.

use std::path::PathBuf;

use serde_json::json;

use super::world::World;
use crate::driver::Browser;

const COUNTED: &str = "document.querySelector('#counted').textContent";

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_changes_in_place_when_a_vote_is_cast_elsewhere() {
    let Some(mut browser) = Browser::start().await else { return };
    let world = World::new().await;
    world.bands("Alux Nahual", 2).await;
    world.bands("Malacates", 1).await;
    world.totals("bands", &[("counted", 3)]).await;
    browser.go(&format!("{}/standings/bands", world.page)).await;
    browser.await_true(&format!("{COUNTED} === '3'")).await;
    let keep = "window.same = document.querySelector('[data-key=Malacates]'); \
                document.querySelector('#table-tally-bands').focus(); true";
    browser.await_true(keep).await;
    world.bands("Malacates", 3).await;
    browser.await_true(&format!("{COUNTED} === '6'")).await;
    // Neither loaded anew nor made anew: the same element moved up, and what had the focus has it.
    let first = "document.querySelector('ol.bars li')";
    let same = format!(
        "{first} === window.same && {first}.querySelector('rect').getAttribute('width') === '100.00%' \
         && {first}.querySelector('.value').textContent === '4'"
    );
    browser.await_true(&same).await;
    assert_eq!(browser.value("document.activeElement.id").await, "table-tally-bands");
    assert_eq!(browser.value("document.querySelector('#said').textContent").await, "Malacates leads Best band");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_event_streams_the_page_asks_again() {
    let Some(mut browser) = Browser::start().await else { return };
    let world = World::new().await;
    browser.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": "delete window.EventSource" })).await;
    browser.go(&format!("{}/standings/bands", world.page)).await;
    browser.await_true("(window.same = true) && !window.EventSource").await;
    world.bands("Alux Nahual", 2).await;
    browser.await_true(&format!("{COUNTED} === '2' && window.same")).await;
    browser.go(&format!("{}/standings", world.page)).await;
    browser.await_true("window.same = true").await;
    world.bands("Alux Nahual", 5).await;
    browser.await_true("document.querySelector('[data-key=bands] td.number').textContent === '7' && window.same").await;
    assert_eq!(browser.complaints, Vec::<String>::new());
}

/// Fills the form by keyboard alone, from the first field on, and sends it.
async fn vote(browser: &mut Browser) {
    browser.value("document.querySelector('#f-name').focus()").await;
    for text in ["Bohemia Suburbana", "Mil palabras", "1994", "5"] {
        browser.type_text(text).await;
        if text != "5" {
            browser.press("Tab", 9).await;
        }
    }
    browser.press("Enter", 13).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_votes_with_and_without_script_and_the_standings_read() {
    let Some(mut browser) = Browser::start().await else { return };
    let world = World::new().await;
    for (round, disabled) in [(1, false), (2, true)] {
        browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": disabled })).await;
        browser.go(&format!("{}/standings/bands/vote", world.page)).await;
        browser.press("Tab", 9).await;
        assert_eq!(browser.value("document.activeElement.textContent").await, "Skip to content");
        vote(&mut browser).await;
        browser.await_true("document.querySelector('[role=status] strong')?.textContent === 'Accepted.'").await;
        world.totals("bands", &[("counted", round)]).await;
        browser.go(&format!("{}/standings/bands", world.page)).await;
        let reads = format!(
            "{COUNTED} === '{round}' && document.querySelector('.bars .name').textContent === 'Bohemia Suburbana'"
        );
        browser.await_true(&reads).await;
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_shows_what_fits() {
    let Some(mut browser) = Browser::start().await else { return };
    let world = World::new().await;
    world.bands("Alux Nahual", 2).await;
    world.bands("Malacates", 1).await;
    world.totals("bands", &[("counted", 3)]).await;
    browser.go(&format!("{}/standings/bands/ballots", world.page)).await;
    browser.value("document.querySelector('#q-name').focus()").await;
    browser.type_text("Malacates").await;
    browser.press("Enter", 13).await;
    browser
        .await_true(
            "location.search.includes('name=Malacates') && document.querySelectorAll('#ballots tbody tr').length === 1",
        )
        .await;
    assert_eq!(browser.complaints, Vec::<String>::new());
}

/// Pictures for people, where `MAREA_SCREENSHOTS` names a folder.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_contests_are_taken_where_asked() {
    let Some(folder) = std::env::var_os("MAREA_SCREENSHOTS").map(PathBuf::from) else { return };
    let Some(mut browser) = Browser::start().await else { return };
    std::fs::create_dir_all(&folder).expect("made");
    let world = World::new().await;
    for (band, votes) in [
        ("Bohemia Suburbana", 412),
        ("Alux Nahual", 377),
        ("Malacates Trébol Shop y su orquesta", 208),
        ("Viernes Verde", 208),
        ("Tijuana Love", 3),
    ] {
        world.bands(band, votes).await;
    }
    let (faculties, disciplines) = (["engineering", "agronomy"], ["swimming", "athletics", "boxing"]);
    let score = |n: usize| {
        let (faculty, discipline) = (faculties[n % 3 % 2], disciplines[n % 3]);
        json!({ "student": "s", "age": 20, "faculty": faculty, "discipline": discipline })
    };
    let scores = (0..60).map(score);
    world.cast("olympics", &scores.collect::<Vec<_>>().into()).await;
    let vote = |n: u32| json!({ "club": format!("club {}", n % 9), "day": "friday", "voter": format!("v{}", n % 7) });
    world.cast("clubs", &(0..25).map(vote).collect::<Vec<_>>().into()).await;
    world.totals("bands", &[("counted", 1_208)]).await;
    world.totals("clubs", &[("counted", 14)]).await;
    let paths = [
        ("contests", "/standings"),
        ("standings", "/standings/bands"),
        ("olympics", "/standings/olympics"),
        ("log", "/standings/clubs/ballots"),
        ("audit", "/standings/clubs/audit"),
        ("vote", "/standings/olympics/vote"),
    ];
    for (name, path) in paths {
        browser.go(&format!("{}{path}", world.page)).await;
        for (look, width, dark) in [("light", 1200, false), ("dark", 1200, true), ("narrow", 400, false)] {
            browser.picture(width, dark, &folder.join(format!("{name}-{look}.png"))).await;
        }
    }
    browser.go(&format!("{}/standings/bands/vote", world.page)).await;
    browser
        .value("document.querySelector('form.stack').noValidate = true; document.querySelector('#f-rank').focus()")
        .await;
    browser.type_text("9").await;
    browser.press("Enter", 13).await;
    browser.await_true("!!document.querySelector('#refused')").await;
    browser.picture(1200, false, &folder.join("refused-light.png")).await;
}
