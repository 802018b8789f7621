use ::contests::{
    Audit, Definition, Standings,
    audit::Circumstances,
    gate,
    standings::{Counts, Situation, Totals, View},
};
use client::{Contest, LogPage, Rejected};
use domain::{
    Fact, FactBody, Health, ObjectRef, ObjectStatus, Rendered, SourceFile, TaskStatus, fact::CommandKind,
    record::RenderedObject, status::fold,
};
use jiff::Timestamp;

use super::*;

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

fn fact(revision: u32, millis: i64, body: FactBody) -> Fact {
    Fact {
        tenant: "local".parse().expect("a label"),
        task: "019a0000-0000-7000-8000-000000000001".parse().expect("an id"),
        name: "swj-demo".parse().expect("a label"),
        revision,
        time: Timestamp::from_millisecond(millis).expect("in range"),
        body,
    }
}

fn object(name: &str, health: Health, message: &str) -> ObjectStatus {
    let object =
        ObjectRef { kind: "Deployment".into(), name: name.into(), namespace: "default".into(), ..ObjectRef::default() };
    ObjectStatus { object, health, reason: String::new(), message: message.into(), since: Some(Timestamp::UNIX_EPOCH) }
}

fn status(message: &str) -> TaskStatus {
    let problem = Problem { file: message.into(), line: 3, ..Problem::warning("w", message) };
    let submitted = |files| FactBody::Submitted { command: CommandKind::Apply, files, to: None };
    let objects = vec![object("worker", Health::Healthy, message), object("other", Health::Degraded, message)];
    fold(&[
        fact(1, 0, submitted(2)),
        fact(1, 900, FactBody::Applied { observed: 1, objects: objects.clone(), kept: vec![], warnings: vec![] }),
        fact(2, 1_000, submitted(1)),
        fact(2, 1_100, FactBody::Validated { objects: 2, warnings: vec![problem], added: vec![message.into()] }),
        fact(2, 1_200, FactBody::ApplyStarted { objects: 2 }),
        fact(2, 1_300, FactBody::Progress { observed: 2, health: Health::Progressing, objects }),
    ])
    .expect("facts")
}

fn rendered() -> Rendered {
    let manifest = serde_json::json!({ "kind": EVIL, "metadata": { "name": EVIL }, "data": { EVIL: EVIL } });
    let object = RenderedObject { manifest, file: EVIL.into(), document: 0, line: 1 };
    Rendered { objects: vec![object], ..Rendered::default() }
}

/// Every page, made of hostile text.
fn pages() -> Vec<(&'static str, String)> {
    let (task, now) = (status(EVIL), Timestamp::UNIX_EPOCH);
    let list_of = List { tasks: vec![task.clone()], next: Some(EVIL.into()), state: None, cursor: Some(EVIL.into()) };
    let form = Form {
        name: EVIL.into(),
        text: EVIL.into(),
        replaces: None,
        running: client::Running::default(),
        problems: vec![Problem::error(EVIL, EVIL).at(EVIL).on(EVIL)],
    };
    let source = SourceFile { name: EVIL.into(), content: format!("</pre></textarea>{EVIL}") };
    vec![
        ("list", list(&list_of, now, true).into_string()),
        ("task", super::task(&task, now, true).into_string()),
        ("manifests", manifests(&task, 2, &[source], Some(&rendered()), true).into_string()),
        ("upload", upload(&form, true).into_string()),
        ("delete", confirm_delete(&task, true).into_string()),
        ("revert", confirm_revert(&task, 1, true).into_string()),
        ("failure", failure(404, EVIL, &form.problems, true).into_string()),
        ("login", login(EVIL).into_string()),
    ]
    .into_iter()
    .chain(contest_pages())
    .collect()
}

/// The pages of a contest, made of hostile text.
fn contest_pages() -> [(&'static str, String); 6] {
    let kind = ::contests::Kind::Votes;
    let text = serde_json::json!({
        "name": "evil", "title": EVIL, "kind": kind,
        "fields": { "name": { "type": "string", "values": [EVIL, "b"] }, "text": { "type": "string" }, "n": { "type": "integer" } },
        "tallies": { "names": { "by": ["name"] } }, "voters": { "required": true, "max_ballots": 1 },
    });
    let definition = Definition::parse(&text.to_string()).expect("a contest");
    let situation = Situation { state: gate::State::Open, settled: false, version: 1 };
    let mut counts = Counts::default();
    counts.counters.insert(format!("names\u{1f}{EVIL}"), -7);
    let standings = Standings::rank(&definition, &counts, situation, View::default());
    let contest =
        Contest { name: EVIL.into(), title: EVIL.into(), kind, state: gate::State::Open, more: serde_json::Map::new() };
    let listed = Listed { contest, standings: Some(standings.clone()) };
    let ballot = serde_json::json!({ "id": EVIL, "verdict": EVIL, "voter": EVIL, "fields": { "name": EVIL, "n": 3 } });
    let found = Ok(LogPage { ballots: ballot.as_object().cloned().into_iter().collect(), next: Some(EVIL.into()) });
    let asked = vec![("text".into(), EVIL.into()), ("id".into(), EVIL.into()), ("since".into(), EVIL.into())];
    let log = BallotLog { definition: definition.clone(), asked, cursor: Some(EVIL.into()), found };
    let fault = |field: &str| Rejected { field: field.into(), code: EVIL.into(), message: EVIL.into(), position: 0 };
    let form = VoteForm {
        definition,
        state: gate::State::Open,
        id: EVIL.into(),
        typed: ["name", "text", "n", "voter"].map(|name| (name.to_owned(), EVIL.to_owned())).into(),
        faults: vec![fault("text"), fault("voter"), fault(EVIL)],
        trouble: Some(EVIL.into()),
        cast: Some(EVIL.into()),
    };
    let circumstances = Circumstances { now: Timestamp::UNIX_EPOCH, queues_empty: true };
    let audit = Audit::of(EVIL, &[], Totals::default(), circumstances);
    [
        ("contests", super::contests(&[listed], true).into_string()),
        ("contest", contest_page(&standings)),
        ("tally", tally(&standings, "names", true).into_string()),
        ("ballots", ballots(&log, true).into_string()),
        ("vote", vote(&form, true).into_string()),
        ("audit", super::audit(&audit, Timestamp::UNIX_EPOCH, true).into_string()),
    ]
}

fn contest_page(standings: &Standings) -> String {
    super::contest(standings, EVIL, true).into_string()
}

#[test]
fn text_of_users_is_never_markup() {
    for (name, page) in pages() {
        let own = page.replace("<script src=\"/assets/live.js\" defer></script>", "");
        assert!(!own.contains("<script") && !own.contains("<img"), "{name}: {own}");
        assert!(!page.contains("\"'>"), "{name} lets an attribute end: {page}");
    }
}

#[test]
fn every_page_has_language_title_landmarks_and_one_first_heading() {
    for (name, page) in pages() {
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{name}");
        for part in [
            "<title>",
            "<header",
            "<main id=\"main\"",
            "<footer",
            "href=\"#main\"",
            "aria-live=\"polite\"",
            "name=\"viewport\"",
        ] {
            assert_eq!(page.matches(part).count(), 1, "{name}: {part}");
        }
        assert_eq!(page.matches("<h1>").count(), 1, "{name}");
    }
}

#[test]
fn every_field_has_its_label_and_ids_are_unique() {
    for (name, page) in pages() {
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for tag in page.split('<').filter(|t| ["input ", "select ", "textarea "].iter().any(|f| t.starts_with(f))) {
            let hidden = tag.contains("type=\"hidden\"");
            let id = tag.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
            assert!(hidden || id.is_some_and(|id| page.contains(&format!("for=\"{id}\""))), "{name}: {tag}");
        }
    }
}

#[test]
fn a_task_on_its_way_is_loaded_anew_without_script_and_an_ended_one_is_not() {
    let mut task = status("fine");
    let page = super::task(&task, Timestamp::UNIX_EPOCH, false).into_string();
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\""));
    task.state = domain::State::Done;
    assert!(!super::task(&task, Timestamp::UNIX_EPOCH, false).into_string().contains("http-equiv"));
}

#[test]
fn a_task_shows_objects_history_problems_and_the_way_back() {
    let page = super::task(&status("image not found"), Timestamp::UNIX_EPOCH, false).into_string();
    for part in [
        "Deployment/worker",
        "1 of 2 objects healthy",
        "image not found",
        "task.apply_started",
        "/revert?to=1",
        "APPLYING_IN_CLUSTER",
        "Added by Marea",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_superseded_revision_says_by_which_and_is_no_state_to_look_for() {
    let submitted = || FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None };
    let started = FactBody::ApplyStarted { objects: 1 };
    let facts = [fact(1, 0, submitted()), fact(1, 20, started), fact(2, 900, FactBody::RollbackRequested {})];
    let task = fold(&facts).expect("facts");
    let page = super::task(&task, Timestamp::UNIX_EPOCH, false).into_string();
    assert!(page.contains("<span class=\"badge soft\">SUPERSEDED</span> by revision 2"), "{page}");
    let list = list(&List { tasks: vec![task], ..List::default() }, Timestamp::UNIX_EPOCH, false).into_string();
    assert!(!list.contains("SUPERSEDED"), "{list}");
}

#[test]
fn the_list_tells_tasks_of_one_name_apart_and_a_generated_name_s_suffix_once() {
    let named = status("");
    let generated = TaskStatus { name: domain::TaskName::generated(named.id), ..named.clone() };
    let page = |task: TaskStatus| {
        list(&List { tasks: vec![task], ..List::default() }, Timestamp::UNIX_EPOCH, false).into_string()
    };
    assert!(page(named).contains("…0001"));
    let page = page(generated);
    assert!(page.contains("task-000000000001</a>") && !page.contains("…0001"), "{page}");
}

#[test]
fn the_list_keeps_its_filter_on_the_next_page() {
    let of =
        List { tasks: vec![status("x")], next: Some("a/b".into()), state: Some(domain::State::Failed), cursor: None };
    let page = list(&of, Timestamp::UNIX_EPOCH, false).into_string();
    assert!(page.contains("href=\"/?state=FAILED&amp;cursor=a%2Fb\""), "{page}");
    assert!(page.contains("<option value=\"FAILED\" selected"), "{page}");
}
