use super::*;
use crate::{Definition, batch::Id, samples};

const VOTE: &str = r#"{"name":" Alux Nahual ","album":"Leyenda","year":1989,"rank":5}"#;

/// The faults of a ballot, as `field code`.
fn faults(definition: &Definition, json: &str) -> Vec<String> {
    let outcome = definition.ballot(json.as_bytes(), None).expect("JSON");
    outcome.expect_err("a fault").iter().map(|f| format!("{} {}", f.field, f.code)).collect()
}

#[test]
fn a_ballot_is_trimmed_and_stands_in_the_fields_order() {
    let bands = samples::bands();
    let shuffled = r#"{"rank":5,"year":1989,"id":"mine","album":"Leyenda","voter":" me ","name":" Alux \u004eahual "}"#;
    let ballot = bands.ballot(shuffled.as_bytes(), None).expect("JSON").expect("sound");
    let text = |t: &'static str| Value::Text(Cow::Borrowed(t));
    assert_eq!(ballot.values, [text("Alux Nahual"), text("Leyenda"), Value::Integer(1989), Value::Integer(5)]);
    assert_eq!((ballot.id.as_deref(), ballot.voter.as_deref()), (Some("mine"), Some("me")));
}

#[test]
fn texts_without_escapes_are_borrowed() {
    let ballot = samples::bands().ballot(VOTE.as_bytes(), Some("x")).expect("JSON").expect("sound");
    assert!(matches!(ballot.values[0], Value::Text(Cow::Borrowed("Alux Nahual"))));
    assert_eq!(ballot.voter.as_deref(), Some("x"));
}

#[test]
fn each_fault_names_its_field_and_a_code() {
    let bands = samples::bands();
    let cases = [
        (r#"{"name":"A","album":"x","year":2000,"rank":0}"#, "rank out_of_range"),
        (r#"{"name":"A","album":"x","year":2000,"rank":6}"#, "rank out_of_range"),
        (r#"{"name":"A","album":"x","year":99999,"rank":1}"#, "year out_of_range"),
        (r#"{"name":"A","album":"x","year":2000.5,"rank":1}"#, "year wrong_type"),
        (r#"{"name":"A","album":"x","year":1e999999,"rank":1}"#, ""),
        (r#"{"name":"A","album":"x","year":18446744073709551616,"rank":1}"#, "year wrong_type"),
        (r#"{"name":"A","album":"x","year":"2000","rank":1}"#, "year wrong_type"),
        (r#"{"name":7,"album":"x","year":2000,"rank":1}"#, "name wrong_type"),
        (r#"{"name":["A"],"album":"x","year":2000,"rank":1}"#, "name wrong_type"),
        (r#"{"name":{"a":{"b":1}},"album":"x","year":2000,"rank":1}"#, "name wrong_type"),
        (r#"{"name":" ","album":"x","year":2000,"rank":1}"#, "name missing"),
        (r#"{"name":null,"album":"x","year":2000,"rank":1}"#, "name missing"),
        (r#"{"album":"x","year":2000,"rank":1}"#, "name missing"),
        (r#"{"name":"a\u0000b","album":"x","year":2000,"rank":1}"#, "name control_character"),
        (r#"{"name":"A","name":"B","album":"x","year":2000,"rank":1}"#, "name duplicate_field"),
        (r#"{"name":"A","album":"x","year":2000,"rank":1,"colour":1}"#, "colour unknown_field"),
        (r#"{"name":"A","album":"x","year":2000,"rank":1,"id":""}"#, "id not_an_id"),
        (r#"{"name":"A","album":"x","year":2000,"rank":1,"id":7}"#, "id not_an_id"),
        (r#"{"name":"A","album":"x","year":2000,"rank":1,"voter":7}"#, "voter wrong_type"),
        ("[]", " not_an_object"),
        ("true", " not_an_object"),
        ("7", " not_an_object"),
        ("null", " not_an_object"),
        ("\"x\"", " not_an_object"),
    ];
    for (json, expected) in cases.iter().filter(|(_, expected)| !expected.is_empty()) {
        assert_eq!(faults(&bands, json), [*expected], "{json}");
    }
}

#[test]
fn a_long_text_is_refused_by_characters_and_never_repeated() {
    let bands = samples::bands();
    let vote = |name: &str| VOTE.replace(" Alux Nahual ", name);
    assert!(bands.ballot(vote(&"é".repeat(80)).as_bytes(), None).expect("JSON").is_ok());
    assert_eq!(faults(&bands, &vote(&"é".repeat(81))), ["name too_long"]);
    let huge = bands.ballot(vote(&"x".repeat(1 << 20)).as_bytes(), None).expect("JSON").expect_err("too long").len();
    assert_eq!(huge, 1);
}

#[test]
fn a_hundred_unknown_fields_are_told_a_few_times() {
    let fields: Vec<String> = (0..100).map(|i| format!("\"f{i}\":1")).collect();
    assert_eq!(faults(&samples::bands(), &format!("{{{}}}", fields.join(","))).len(), 16);
}

#[test]
fn broken_json_is_refused_with_its_place() {
    let bands = samples::bands();
    for json in ["", "{", "{\"name\":}", "{} x", "\u{feff}{}", &"[".repeat(100_000)] {
        let refused = bands.ballots(json.as_bytes(), None, 10);
        assert!(matches!(refused, Err(BodyError::Json { .. })), "{:.20}", json);
    }
    assert!(matches!(bands.ballot(b"{\"name\":\"\xff\"}", None), Err(BodyError::Json { line: 1, .. })));
}

#[test]
fn the_good_ballots_of_an_array_are_told_from_the_bad_by_position() {
    let body = format!("[{VOTE}, 7, {VOTE}, {{}}]");
    let bands = samples::bands();
    let ballots = bands.ballots(body.as_bytes(), None, 4).expect("JSON");
    assert_eq!(ballots.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false]);
    assert_eq!(bands.ballots(body.as_bytes(), None, 3), Err(BodyError::TooMany { max: 3 }));
    assert_eq!(bands.ballots(VOTE.as_bytes(), None, 3).expect("JSON").len(), 1);
    assert_eq!(bands.ballots(b" [ ] ", None, 3).expect("JSON").len(), 0);
}

#[test]
fn a_contest_that_limits_voters_needs_one_in_the_ballot_or_beside_it() {
    let text = format!("{}\nvoters: {{max_ballots: 1}}\n", samples::BANDS);
    let limited = Definition::parse(&text).expect("sound");
    assert_eq!(faults(&limited, VOTE), ["voter missing"]);
    assert!(limited.ballot(VOTE.as_bytes(), Some("me")).expect("JSON").is_ok());
    assert_eq!(voter("  ").expect("nobody"), None);
    assert!(voter(&"x".repeat(201)).is_err() && voter("a\nb").is_err());
}

fn score(outcome: &str) -> String {
    format!(r#"{{"student":"S","age":20,"faculty":"agronomy","discipline":"boxing"{outcome}}}"#)
}

#[test]
fn a_retry_draws_the_same_and_ids_draw_evenly() {
    let olympics = samples::olympics();
    let drawn = |id: Id<'_>, key: &[u8]| {
        let json = score("");
        let mut ballot = olympics.ballot(json.as_bytes(), None).expect("JSON").expect("sound");
        olympics.draw(key, "caller", &id, &mut ballot);
        format!("{:?}", ballot.values[4])
    };
    assert_eq!(drawn(Id::Client("a"), b"key"), drawn(Id::Client("a"), b"key"));
    let request = uuid::Uuid::from_u128(5);
    let text = Id::Indexed(request, 3).to_string();
    assert_eq!(drawn(Id::Indexed(request, 3), b"key"), drawn(Id::Client(&text), b"key"));
    let winners = (0..1000).filter(|i| drawn(Id::Indexed(request, *i), b"key").contains("winner")).count();
    assert!((400..600).contains(&winners), "{winners}");
    let differ =
        (0..100).filter(|i| drawn(Id::Indexed(request, *i), b"key") != drawn(Id::Indexed(request, *i), b"other"));
    assert!(differ.count() > 20);
}

#[test]
fn a_given_outcome_is_not_drawn_and_decides_the_lane() {
    let olympics = samples::olympics();
    let json = score(r#","outcome":"loser""#);
    let mut ballot = olympics.ballot(json.as_bytes(), None).expect("JSON").expect("sound");
    olympics.draw(b"key", "", &Id::Client("x"), &mut ballot);
    assert_eq!(olympics.lanes[olympics.lane(&ballot.values)].key, "scores.olympics.boxing.loser");
    let bands = samples::bands();
    assert_eq!(bands.lane(&bands.ballot(VOTE.as_bytes(), None).expect("JSON").expect("sound").values), 0);
}

#[test]
fn every_lane_is_reached_by_its_words() {
    let olympics = samples::olympics();
    for (i, lane) in olympics.lanes.iter().enumerate() {
        let json = score(&format!(r#","outcome":"{}""#, lane.words[1])).replace("boxing", &lane.words[0]);
        let ballot = olympics.ballot(json.as_bytes(), None).expect("JSON").expect("sound");
        assert_eq!(olympics.lane(&ballot.values), i);
    }
}
