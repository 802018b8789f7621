//! `contest`, `vote`, `score` and `cast`, without a server or against a scripted one.

mod fake;

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::program::{Ran, command, marea};
use fake::{Asked, Fake};

fn run(fake: &Fake, arguments: &[&str]) -> Ran {
    command(&fake.server).args(arguments).output().expect("started").into()
}

/// Answers about `bands` as the server would; `post` answers ballots.
fn bands(post: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> Fake {
    installed("i-1", post)
}

/// As [`bands`], of an installation.
fn installed(id: &'static str, post: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> Fake {
    Fake::start(move |(what, body): &Asked, before| match what.as_str() {
        "GET /contests/bands" => (200, contest(id).to_string()),
        "POST /contests/bands/ballots" => post(body, before),
        other => (404, json!({ "detail": format!("there is no {other}") }).to_string()),
    })
}

fn contest(installation: &str) -> Value {
    json!({ "name": "bands", "title": "Best band", "kind": "votes", "state": "open", "installation": installation, "definition": { "fields": {
        "name": { "type": "string" }, "album": { "type": "string" }, "year": { "type": "integer" }, "rank": { "type": "integer" },
    }}})
}

fn accept_all(body: &str, _: usize) -> (u16, String) {
    let count = serde_json::from_str::<Value>(body).expect("JSON").as_array().map_or(1, Vec::len);
    (202, json!({ "accepted": count, "ids": ["x"] }).to_string())
}

#[test]
fn a_begun_contest_is_sound_and_never_overwritten() {
    let dir = tempfile::tempdir().expect("a folder");
    for kind in ["votes", "scores"] {
        let name = format!("my-{kind}");
        let init = || -> Ran {
            let mut command = command("http://127.0.0.1:1");
            command
                .current_dir(dir.path())
                .args(["contest", "init", &name, "--kind", kind])
                .output()
                .expect("ran")
                .into()
        };
        assert_eq!(init().code, 0);
        let again = init();
        assert!(again.code == 2 && again.err.contains("is there already"), "{}", again.err);
    }
    let folder = dir.path().display().to_string();
    let ran = marea(&["contest", "check", &folder]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "ok: 2 files\n"), "{}", ran.out);
    assert_eq!(marea(&["contest", "init", "Not A Name"]).code, 2);
}

#[test]
fn a_broken_contest_is_told_by_file_line_and_field() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.yaml");
    let text = "name: b\ntitle: B\nkind: votes\nfields:\n  x: {type: sting}\ntallies: {t: {by: [x]}}\n";
    fs::write(&path, text).expect("written");
    let path = path.display().to_string();
    let ran = marea(&["contest", "check", &path]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains(&format!("{path}:5:")) && ran.out.contains("fields.x.type:"), "{}", ran.out);
    fs::write(&path, text.replace("sting", "string")).expect("written");
    let ran = marea(&["contest", "check", "-o", "json", &path]);
    let value: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &value["problems"][0]["code"]), (1, &"file_name".into()), "{value}");
    assert_eq!(marea(&["contest", "check", "/no/such"]).code, 2);
}

#[test]
fn generated_ballots_are_the_same_for_a_seed_in_every_format() {
    let lines = |arguments: &[&str]| {
        let ran = marea(&[&["contest", "generate", "bands", "-n", "20"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    assert_eq!(lines(&["--seed", "3"]), lines(&["--seed", "3"]));
    assert_ne!(lines(&["--seed", "3"]), lines(&["--seed", "4"]));
    let array: Vec<Value> = serde_json::from_str(&lines(&["--format", "json", "--hostile"])).expect("JSON");
    assert_eq!(array.len(), 20);
    let table = lines(&["--format", "csv"]);
    assert!(table.starts_with("name,album,year,rank\n") && table.lines().count() == 21, "{table}");
    assert_eq!(marea(&["contest", "generate", "nothing"]).code, 2);
}

#[test]
fn a_vote_has_the_fields_types_and_an_id_of_its_own() {
    let fake = bands(accept_all);
    let ran = run(&fake, &["vote", "name=1989", "album=a=b", "year=1989", "rank=5", "--voter", "me"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let sent: Value = serde_json::from_str(&fake.posted()[0]).expect("JSON");
    assert_eq!((&sent["name"], &sent["album"], &sent["year"]), (&json!("1989"), &json!("a=b"), &json!(1989)));
    let id = sent["id"].as_str().expect("an id");
    assert!(sent["voter"] == "me" && id.len() == 36 && ran.out.contains(id), "{}", ran.out);
    let wrong = run(&fake, &["score", "bands", "name=x"]);
    assert!(wrong.code == 2 && wrong.err.contains("takes votes"), "{}", wrong.err);
    assert_eq!(run(&fake, &["vote", "songs", "x=1"]).code, 1);
    assert_eq!(marea(&["vote", "bands", "name"]).code, 2);
}

#[test]
fn a_refused_vote_is_told_by_field() {
    let fault = json!({ "position": 0, "field": "rank", "code": "out_of_range", "message": "expected 1 to 5" });
    let answer = json!({ "detail": "no ballot is good", "errors": [fault] }).to_string();
    let fake = bands(move |_, _| (422, answer.clone()));
    let ran = run(&fake, &["vote", "name=A", "album=a", "year=1989", "rank=6"]);
    assert!(ran.code == 1 && ran.err.contains("rank: expected 1 to 5 [out_of_range]"), "{}", ran.err);
}

#[test]
fn an_interrupted_cast_goes_on_where_it_was_under_the_same_ids() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("bands.ndjson");
    fs::write(&file, marea(&["contest", "generate", "bands", "-n", "2500"]).out).expect("written");
    let path = file.display().to_string();
    let fake = bands(|body, before| if before == 1 { (500, "{}".to_owned()) } else { accept_all(body, before) });
    let broken = run(&fake, &["cast", &path]);
    assert!(broken.code == 1 && broken.err.contains("run the same command again"), "{}", broken.err);
    let ran = run(&fake, &["cast", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "accepted 2500, rejected 0 (resumed after 1000)\n"), "{}", ran.err);
    let ids: Vec<String> = fake.posted().iter().flat_map(|body| ids(body)).collect();
    // The second thousand was sent twice, and each time under the same ids.
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (3500, 2500));
    assert!(!file.with_file_name("bands.ndjson.marea-cast").exists());
}

#[test]
fn a_cast_gives_ids_where_they_are_null_and_sends_nothing_that_is_endless() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("bands.ndjson");
    let vote = |name: &str| format!("{{\"name\":\"{name}\",\"album\":\"a\",\"year\":1989,\"rank\":5,\"id\":null}}");
    fs::write(&file, [vote("a"), vote(&"x".repeat(5 << 20)), vote("b")].join("\n")).expect("written");
    let path = file.display().to_string();
    let fake = bands(accept_all);
    let ran = run(&fake, &["cast", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "accepted 2, rejected 1\n"), "{}", ran.err);
    assert!(ran.err.contains(&format!("{path}:2: a ballot of ")), "{}", ran.err);
    let first: Vec<String> = fake.posted().iter().flat_map(|body| ids(body)).collect();
    assert_eq!(first.len(), 2);
    run(&fake, &["cast", &path]);
    let both: Vec<String> = fake.posted().iter().flat_map(|body| ids(body)).collect();
    // Whatever is sent again is so under the same ids.
    assert_eq!(both, [first.clone(), first].concat());
}

#[test]
fn a_cast_that_was_begun_elsewhere_begins_anew_and_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("bands.ndjson");
    fs::write(&file, marea(&["contest", "generate", "bands", "-n", "2500"]).out).expect("written");
    let path = file.display().to_string();
    let broken = bands(|body, before| if before == 1 { (500, "{}".to_owned()) } else { accept_all(body, before) });
    assert_eq!(run(&broken, &["cast", &path]).code, 1);
    // Another one answers, as after `up --reset`.
    let fresh = installed("i-2", accept_all);
    let ran = run(&fresh, &["cast", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "accepted 2500, rejected 0\n"), "{}", ran.err);
    assert!(ran.err.contains("begins anew: 1000 of its ballots were cast before, on another server"), "{}", ran.err);
    assert_eq!(fresh.posted().iter().flat_map(|body| ids(body)).collect::<BTreeSet<_>>().len(), 2500);
}

#[test]
fn a_file_that_cannot_be_read_is_said_before_anything_is_asked() {
    for file in ["/no/such.csv", "/no/such.xml"] {
        let ran = marea(&["cast", file]);
        assert!(ran.code == 2 && ran.err.contains(&format!("cannot read {file}")), "{}", ran.err);
    }
}

#[test]
fn a_ballot_that_says_something_twice_is_not_cast() {
    let dir = tempfile::tempdir().expect("a folder");
    let good = r#"{"name":"A","album":"a","year":1989,"rank":1}"#;
    let twice = good.replace("\"year\"", "\"name\":\"B\",\"year\"");
    for (file, text) in
        [("bands.ndjson", format!("{twice}\n{good}\n[1]\n")), ("bands.json", format!("[{twice}, {good}, 1]"))]
    {
        let file = dir.path().join(file);
        fs::write(&file, text).expect("written");
        let fake = bands(accept_all);
        let ran = run(&fake, &["cast", &file.display().to_string()]);
        assert_eq!((ran.code, ran.out.as_str()), (1, "accepted 1, rejected 2\n"), "{}", ran.err);
        assert!(ran.err.contains(":1: name: expected the field once [duplicate_field]"), "{}", ran.err);
        assert!(ran.err.contains(":3: expected a JSON object [not_an_object]"), "{}", ran.err);
    }
}

#[test]
fn a_table_may_have_empty_columns_and_must_have_ballots() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("bands.csv");
    let cast = |text: &str| {
        fs::write(&file, text).expect("written");
        run(&bands(accept_all), &["cast", &file.display().to_string()])
    };
    let ran = cast("name,album,year,rank,,\nA,a,1989,5,,\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, "accepted 1, rejected 0\n"), "{}", ran.err);
    let ran = cast("");
    assert!(ran.code == 2 && ran.err.contains("holds no ballots below its heading"), "{}", ran.err);
}

fn ids(body: &str) -> Vec<String> {
    let ballots: Vec<Value> = serde_json::from_str(body).expect("JSON");
    ballots.iter().map(|ballot| ballot["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_file_that_changed_is_not_resumed() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("bands.ndjson");
    let path = file.display().to_string();
    let line = |rank: u8| format!("{{\"name\":\"A\",\"album\":\"a\",\"year\":1989,\"rank\":{rank}}}\n");
    fs::write(&file, line(1).repeat(1_500)).expect("written");
    let fake = bands(|body, before| if before == 1 { (500, "{}".to_owned()) } else { accept_all(body, before) });
    assert_eq!(run(&fake, &["cast", &path]).code, 1);
    fs::write(&file, line(2).repeat(1_500)).expect("written");
    let ran = run(&fake, &["cast", &path]);
    assert!(ran.code == 2 && ran.err.contains("the file changed since"), "{}", ran.err);
}

#[test]
fn a_table_is_cast_by_its_heading_and_bad_lines_are_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("day-1.csv");
    fs::write(&file, "name,album,year,rank\n\"A, B\",a,1989,5\nonly,two\nC,c,1990,6\n").expect("written");
    let path = file.display().to_string();
    let fault = json!({ "position": 1, "field": "rank", "code": "out_of_range", "message": "expected 1 to 5" });
    let fake = bands(move |_, _| {
        (202, json!({ "accepted": 1, "ids": ["x"], "rejected": [fault], "rejections": 1 }).to_string())
    });
    let ran = run(&fake, &["cast", &path, "--contest", "bands", "-o", "json"]);
    let value: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &value["accepted"], &value["rejected"]), (1, &json!(1), &json!(2)), "{value}");
    assert!(ran.err.contains(&format!("{path}:3: expected 4 cells")), "{}", ran.err);
    assert!(ran.err.contains(&format!("{path}:4: rank: expected 1 to 5")), "{}", ran.err);
    let sent: Vec<Value> = serde_json::from_str(&fake.posted()[0]).expect("JSON");
    assert_eq!((&sent[0]["name"], &sent[0]["year"]), (&json!("A, B"), &json!(1989)));
    let ran = run(&fake, &["cast", &path]);
    assert!(ran.code == 1 && ran.err.contains("taken from the file's; name it: --contest NAME"), "{}", ran.err);
}

#[test]
fn standings_are_a_table_with_bars() {
    let row = |key: &str, value: u64, rank: u64| json!({ "key": [key], "value": value, "rank": rank });
    let tally = json!({ "by": ["name"], "others": 4, "size": 3, "rows": [row("A", 10, 1), row("B", 5, 2)] });
    let standings = json!({
        "contest": "bands", "title": "Best band", "kind": "votes", "revision": "00000000000000ab", "state": "open",
        "final": false, "settled": true, "version": 7, "board": "bands", "tallies": { "bands": tally },
        "totals": { "batches": 1, "counted": 15, "duplicate": 2, "conflicting": 0, "over_limit": 0, "dead": 0 },
    });
    let fake = Fake::start(move |_, _| (200, standings.to_string()));
    let ran = run(&fake, &["contest", "standings", "bands"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("bands: Best band (open)  bands  15 votes, 2 duplicate\n"), "{}", ran.out);
    assert!(ran.out.contains(&"█".repeat(30)) && ran.out.contains("and 1 more"), "{}", ran.out);
    assert!(ran.out.contains("and 4 under keys that came after"), "{}", ran.out);
    assert_eq!(run(&fake, &["contest", "standings", "bands", "--tally", "none"]).code, 1);
}
