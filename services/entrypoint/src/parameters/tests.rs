use super::*;

fn header(name: &'static str, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().expect("value"))])
}

#[test]
fn a_deadline_is_a_duration_up_to_a_day() {
    for (text, expected) in [
        ("10m", 600),
        ("90s", 90),
        ("1h30m", 5400),
        ("10h", 36_000),
        ("20h", 72_000),
        ("1440m", 86_400),
        ("24h", 86_400),
    ] {
        assert_eq!(seconds(text).ok(), Some(expected), "{text}");
    }
    for bad in ["", "0s", "-1m", "25h", "10", "soon", "500ms"] {
        assert!(seconds(bad).is_err(), "{bad}");
    }
}

#[test]
fn if_match_names_a_revision() {
    assert_eq!(if_match(&HeaderMap::new()).ok(), Some(None));
    for (text, expected) in [("3", Some(3)), ("\"3\"", Some(3)), ("*", None)] {
        assert_eq!(if_match(&header("if-match", text)).ok(), Some(expected), "{text}");
    }
    for bad in ["", "x", "+3", "\"3", "W/\"3\"", "99999999999"] {
        assert!(if_match(&header("if-match", bad)).is_err(), "{bad}");
    }
}

#[test]
fn an_idempotency_key_is_bounded() {
    assert_eq!(idempotency_key(&header("idempotency-key", "a-1")).ok(), Some(Some("a-1")));
    for bad in [String::new(), "x".repeat(256), "a b".into()] {
        assert!(idempotency_key(&header("idempotency-key", &bad)).is_err());
    }
}

#[test]
fn a_header_that_is_there_twice_is_refused() {
    let twice = |name: &'static str| {
        let mut headers = header(name, "1");
        headers.append(name, "2".parse().expect("value"));
        headers
    };
    assert!(idempotency_key(&twice("idempotency-key")).is_err());
    assert!(if_match(&twice("if-match")).is_err());
}

#[test]
fn an_unknown_target_is_refused() {
    let known = ["eu".to_owned()];
    let target = |name: &str| options(OnFailure::Keep, None, Some(name), &known);
    assert_eq!(target("eu").ok().map(|o| o.target), Some("eu".to_owned()));
    assert!(target("us").is_err());
}
