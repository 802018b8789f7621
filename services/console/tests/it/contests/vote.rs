use serde_json::json;

use super::world::{LONG, World};

/// The id that a form carries.
fn id(form: &str) -> &str {
    let rest = form.split("name=\"id\" value=\"").nth(1).expect("an id");
    rest.split('"').next().expect("its end")
}

const GOOD: [(&str, &str); 4] = [("name", "Alux Nahual"), ("album", "Leyenda"), ("year", "1989"), ("rank", " 5 ")];

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_counts_once_and_the_next_one_is_a_new_ballot() {
    let world = World::new().await;
    let (_, form) = world.read("/standings/bands/vote").await;
    let (_, other) = world.read("/standings/bands/vote").await;
    assert_ne!(id(&form), id(&other));
    let fields = [&[("id", id(&form))][..], &GOOD].concat();
    for _ in 0..2 {
        let answer = world.send("/standings/bands/vote", &fields).await;
        assert_eq!(answer.status(), 303);
        let next = answer.headers()["location"].to_str().expect("ascii").to_owned();
        let cookie = answer.headers()["set-cookie"].to_str().expect("ascii").to_owned();
        let pair = cookie.split(';').next().expect("a pair");
        let thanks =
            world.http.get(format!("{}{next}", world.page)).header("cookie", pair).send().await.expect("answered");
        let thanks = thanks.text().await.expect("text");
        assert!(thanks.contains("Accepted.") && thanks.contains(&format!("<code>{}</code>", id(&form))), "{thanks}");
        assert_ne!(id(&thanks), id(&form));
        // A link alone thanks nobody, whatever it names.
        for path in [&next, "/standings/bands/vote?cast=someone-else-s"] {
            let (_, form) = world.read(path).await;
            assert!(!form.contains("Accepted."), "{form}");
        }
        let other = format!("{}/standings/bands/vote?cast=someone-else-s", world.page);
        let form = world.http.get(other).header("cookie", pair).send().await.expect("answered");
        assert!(!form.text().await.expect("text").contains("Accepted."));
    }
    world.totals("bands", &[("counted", 1), ("duplicate", 1)]).await;
    let (_, log) = world.read(&format!("/standings/bands/ballots?id={}", id(&form))).await;
    assert!(log.contains("Alux Nahual") && log.contains("1989"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_made_of_the_contest_s_fields() {
    let world = World::new().await;
    let (_, form) = world.read("/standings/olympics/vote").await;
    for part in [
        "<input id=\"f-student\" type=\"text\" name=\"student\" value=\"\" maxlength=\"80\"",
        "type=\"number\" name=\"age\" value=\"\" min=\"16\" max=\"99\" step=\"1\" autocomplete=\"off\" required",
        "<select id=\"f-faculty\" name=\"faculty\" required",
        "<option value=\"agronomy\">agronomy</option>",
        "<option value=\"\">by lot</option>",
        "The public log does not show it.",
    ] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let places =
        ["f-student", "f-age", "f-faculty", "f-discipline", "f-outcome"].map(|part| form.find(part).expect(part));
    assert!(places.is_sorted(), "in the file's order");
    let (_, clubs) = world.read("/standings/clubs/vote").await;
    assert!(clubs.contains("name=\"voter\"") && clubs.contains("Of each voter 2 ballots at most."), "{clubs}");
    assert!(clubs.contains("Best &lt;club&gt;"), "{clubs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_score_without_outcome_is_judged_by_lot() {
    let world = World::new().await;
    let (_, form) = world.read("/standings/olympics/vote").await;
    let fields = [
        ("id", id(&form)),
        ("student", "Ana"),
        ("age", "20"),
        ("faculty", "agronomy"),
        ("discipline", "boxing"),
        ("outcome", ""),
    ];
    assert_eq!(world.send("/standings/olympics/vote", &fields).await.status(), 303);
    world.totals("olympics", &[("counted", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays() {
    let world = World::new().await;
    let (_, form) = world.read("/standings/bands/vote").await;
    let fields = [("id", id(&form)), ("name", "\"><script>x</script>"), ("album", ""), ("year", "soon"), ("rank", "9")];
    let answer = world.send("/standings/bands/vote", &fields).await;
    assert_eq!(answer.status(), 422);
    let text = answer.text().await.expect("text");
    assert_eq!(id(&text), id(&form), "it is still the same ballot");
    assert!(text.contains("Not sent: 3 problems") && !text.contains("<script>x"), "{text}");
    for name in ["album", "year", "rank"] {
        assert!(
            text.contains(&format!("href=\"#f-{name}\"")) && text.contains(&format!("id=\"e-{name}\"")),
            "{name}: {text}"
        );
    }
    assert_eq!(text.matches("aria-invalid=\"true\"").count(), 3);
    assert!(text.contains("value=\"&quot;&gt;&lt;script&gt;") && text.contains("value=\"9\""), "{text}");
    assert!(text.contains("aria-describedby=\"h-rank e-rank\""), "{text}");
    world.bands("x", 1).await;
    world.totals("bands", &[("counted", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_form_or_one_without_id_casts_nothing() {
    let world = World::new().await;
    let fields = [&[("id", "abc")][..], &GOOD].concat();
    let body = fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let post = world.http.post(format!("{}/standings/bands/vote", world.page)).header("origin", "http://evil.example");
    let foreign =
        post.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.expect("answered");
    assert_eq!(foreign.status(), 403);
    for bad in [vec![], vec![("id", "")], vec![("id", "a b")]] {
        let answer = world.send("/standings/bands/vote", &[&bad[..], &GOOD].concat()).await;
        assert_eq!(answer.status(), 422);
        let text = answer.text().await.expect("text");
        assert!(text.contains("send it again") && text.contains("Alux Nahual") && id(&text).len() == 36, "{text}");
    }
    world.bands("x", 1).await;
    world.totals("bands", &[("counted", 1), ("duplicate", 0)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_contest_says_so_and_a_form_that_comes_late_is_refused() {
    let world = World::new().await;
    let (_, form) = world.read("/standings/bands/vote").await;
    let put = world.http.put(format!("{}/contests/bands/gate", world.api)).json(&json!({ "open": false }));
    assert!(put.send().await.expect("answered").status().is_success());
    // Tally hears of it within seconds.
    let closed = testkit::until("closed", LONG, || async {
        let (_, page) = world.read("/standings/bands/vote").await;
        if page.contains("This contest is closed.") { Ok(page) } else { Err(page) }
    });
    let page = closed.await.expect("closed");
    assert!(!page.contains("<form class=\"stack\""), "{page}");
    let answer = world.send("/standings/bands/vote", &[&[("id", id(&form))][..], &GOOD].concat()).await;
    assert_eq!(answer.status(), 409);
    assert!(answer.text().await.expect("text").contains("the contest `bands` is closed"));
}
