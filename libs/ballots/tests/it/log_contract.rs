//! What every store answers about its log.

use std::sync::Arc;

use ballots::{BallotLog, Page, Query};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contests::{Value, definition::Wanted};
use jiff::Timestamp;
use uuid::Uuid;

use crate::batches::{Made, contest};

type Store = Arc<dyn BallotLog>;

const START: i64 = 1_790_000_000_000;

async fn ask(log: &Store, query: Query) -> Page {
    log.query("c", &query).await.expect("an answer")
}

fn ids(page: &Page) -> Vec<&str> {
    page.rows.iter().map(|row| row.id.as_str()).collect()
}

fn all() -> Query {
    Query { limit: 100, ..Query::default() }
}

/// Callers' names stand beside each other, one within the other, before and after what ends a name.
pub async fn a_ballot_is_found_by_its_id_whoever_cast_it(log: Store) {
    let (contest, request) = (contest(""), Uuid::now_v7());
    let callers = ["", "a", "a-b", "a0", "ab", "b"];
    let mut made = Made::new(&contest);
    for caller in callers {
        made = made.cast(caller, Uuid::nil(), Some("same"), "x", None);
        made = made.cast(caller, Uuid::nil(), Some(&format!("own-{caller}")), "x", None);
    }
    made.cast("ab", request, None, "x", None).insert(&*log).await;
    let mut other = Made::new(&contest).ballot("same", "y", None);
    other.header.contest = format!("{}-2", contest.name);
    other.insert(&*log).await;
    let by = |id: &str| Query { id: Some(id.to_owned()), ..all() };
    let page = ask(&log, by("same")).await;
    let mut found: Vec<_> = page.rows.iter().map(|row| row.caller.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, callers);
    for caller in callers {
        let own = format!("own-{caller}");
        assert_eq!(ids(&ask(&log, by(&own)).await), [own]);
    }
    assert_eq!(ids(&ask(&log, by(&request.to_string())).await), [request.to_string()]);
    assert!(ask(&log, by(&request.to_string().to_uppercase())).await.rows.is_empty());
    assert!(ask(&log, by("nobody's")).await.rows.is_empty());
    let elsewhere = Query { fields: vec![("name".to_owned(), Wanted::Text("y".into()))], ..by("same") };
    assert!(ask(&log, elsewhere).await.rows.is_empty());
    // Page by page as any other question.
    let (mut seen, mut cursor) = (0, None);
    loop {
        let page = ask(&log, Query { cursor, limit: 2, ..by("same") }).await;
        seen += page.rows.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, callers.len());
}

pub async fn the_log_is_newest_first_in_pages(log: Store) {
    assert_eq!(ask(&log, all()).await, Page::default());
    let contest = contest("");
    for (at, first) in [(0, 0), (2_000, 20), (1_000, 10)] {
        let made = (first..first + 10).fold(Made::new(&contest), |made, n| made.ballot(&format!("{n:02}"), "x", None));
        made.at(START + at).insert(&*log).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = ask(&log, Query { cursor, limit: 7, ..Query::default() }).await;
        assert!(page.rows.len() <= 7);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..30).rev().map(|n| format!("{n:02}")).collect();
    assert_eq!(seen, expected);
}

/// Readers of the log are not told who else casts here.
pub async fn a_cursor_does_not_tell_who_cast(log: Store) {
    let contest = contest("");
    let made = ["acme-tenant", "other-tenant"].into_iter().fold(Made::new(&contest), |made, caller| {
        ["a", "b"].into_iter().fold(made, |made, id| made.cast(caller, Uuid::nil(), Some(id), "x", None))
    });
    made.at(START).insert(&*log).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = ask(&log, Query { cursor, limit: 1, ..Query::default() }).await;
        seen.extend(page.rows.iter().map(|row| (row.caller.clone(), row.id.clone())));
        cursor = page.next;
        let Some(cursor) = &cursor else { break };
        let plain = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap_or_else(|_| cursor.clone().into_bytes());
        assert!(!String::from_utf8_lossy(&plain).contains("tenant"), "{cursor}");
        assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{cursor}");
    }
    seen.sort_unstable();
    let pairs = [("acme-tenant", "a"), ("acme-tenant", "b"), ("other-tenant", "a"), ("other-tenant", "b")];
    assert_eq!(seen, pairs.map(|(caller, id)| (caller.to_owned(), id.to_owned())));
}

pub async fn the_log_is_filtered(log: Store) {
    let contest = contest("");
    let early = Made::new(&contest).ballot("a", "x", Some("v")).ballot("b", "y", Some("w")).at(START);
    let late = Made::new(&contest).ballot("c", "x", None).at(START + 1_000);
    early.insert(&*log).await;
    late.insert(&*log).await;
    let field = |name: &str, value| Query { fields: vec![(name.to_owned(), value)], ..all() };
    assert_eq!(ids(&ask(&log, field("name", Wanted::Text("x".into()))).await), ["c", "a"]);
    assert_eq!(ids(&ask(&log, field("rank", Wanted::Integer(3))).await).len(), 3);
    assert!(ids(&ask(&log, field("rank", Wanted::Integer(4))).await).is_empty());
    assert!(ids(&ask(&log, field("rank", Wanted::Text("3".into()))).await).is_empty());
    assert_eq!(ids(&ask(&log, Query { voter: Some("w".into()), ..all() }).await), ["b"]);
    assert_eq!(ids(&ask(&log, Query { id: Some("a".into()), ..all() }).await), ["a"]);
    let at = |ms| Some(Timestamp::from_millisecond(START + ms).expect("a time"));
    assert_eq!(ids(&ask(&log, Query { since: at(1), ..all() }).await), ["c"]);
    assert_eq!(ids(&ask(&log, Query { until: at(1_000), ..all() }).await), ["b", "a"]);
    let page = ask(&log, Query { id: Some("a".into()), ..all() }).await;
    let row = &page.rows[0];
    let values = vec![("name".to_owned(), Value::Text("x".into())), ("rank".to_owned(), Value::Integer(3))];
    assert_eq!((row.values.clone(), row.voter.as_deref(), row.batch), (values, Some("v"), early.header.batch));
    assert_eq!((row.time, row.counted), (early.header.time, true));
}

pub async fn rows_above_the_limit_are_told_apart(log: Store) {
    let contest = contest("voters: {max_ballots: 1}\n");
    let made = Made::new(&contest).ballot("a", "x", Some("v")).ballot("b", "x", Some("v")).ballot("a", "x", Some("v"));
    made.insert(&*log).await;
    assert_eq!(ids(&ask(&log, Query { counted: Some(true), ..all() }).await), ["a"]);
    let page = ask(&log, Query { counted: Some(false), ..all() }).await;
    assert_eq!((ids(&page), page.rows[0].counted), (vec!["b"], false));
    assert_eq!(ids(&ask(&log, all()).await), ["b", "a"]);
}
